"""How operations and tags are named after groups and kinds."""

from __future__ import annotations


def _words(group: str) -> list[str]:
    if not group:
        return ["core"]
    return group.removesuffix(".k8s.io").split(".")


def title(group: str) -> str:
    """`RbacAuthorization` for rbac.authorization.k8s.io."""
    return "".join(word.capitalize() for word in _words(group))


def tag(group: str) -> str:
    """`rbacAuthorization` for rbac.authorization.k8s.io."""
    first, *rest = _words(group)
    return first + "".join(word.capitalize() for word in rest)


def with_article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "AEIOU" else f"a {kind}"
