"""May they: the authorizers in order. The first that allows or denies decides; none allowing means no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.user import MASTERS, User


class Authorizer(Protocol):
    async def authorize(self, user: User, asked: Attributes) -> tuple[bool, str]:
        """(allowed, reason); not allowed is no opinion, so that the next one is asked."""
        ...


class Masters:
    """system:masters may do everything, whatever RBAC objects say."""

    async def authorize(self, user: User, asked: Attributes) -> tuple[bool, str]:
        return (MASTERS in user.groups), ""


class Authorizers:
    """All of them in order."""

    def __init__(self, authorizers: Sequence[Authorizer]) -> None:
        self._authorizers = authorizers

    async def authorize(self, user: User, asked: Attributes) -> tuple[bool, str]:
        reasons = []
        for authorizer in self._authorizers:
            allowed, reason = await authorizer.authorize(user, asked)
            if allowed:
                return True, reason
            if reason:
                reasons.append(reason)
        return False, ", ".join(reasons)


def denial(user: User, asked: Attributes, reason: str = "") -> str:
    """What a 403 says: `User "x" cannot list resource "pods" in API group "" in the namespace "default"`."""
    if not asked.is_resource:
        text = f'User "{user.name}" cannot {asked.verb} path "{asked.path}"'
    else:
        text = f'User "{user.name}" cannot {asked.verb} resource "{asked.resource_path}" in API group "{asked.group}"'
        text += f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
    return f"{text}: {reason}" if reason else text
