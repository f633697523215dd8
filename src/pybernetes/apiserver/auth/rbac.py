"""Role-based access control: which rules does a user have, and does one of them allow this?

In: the roles and bindings as the cache holds them (`RoleSource`), a User and Attributes. Out: allowed or
not, with the reason that upstream gives. Rules only ever allow.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.user import User
from pybernetes.semantics.service_accounts import user_name

Object = dict[str, Any]
Rule = dict[str, Any]


class RoleSource(Protocol):
    """The four kinds, decoded. `version` changes whenever any of them does."""

    @property
    def version(self) -> int: ...

    def cluster_roles(self) -> Iterable[Object]: ...

    def cluster_role_bindings(self) -> Iterable[Object]: ...

    def roles(self) -> Iterable[Object]: ...

    def role_bindings(self) -> Iterable[Object]: ...


def _any(wanted: str, offered: Iterable[str]) -> bool:
    return any(item in ("*", wanted) for item in offered)


def allows(rule: Rule, asked: Attributes) -> bool:
    """Does this PolicyRule allow what is asked?"""
    if not _any(asked.verb, rule.get("verbs") or ()):
        return False
    if not asked.is_resource:
        return any(_path_matches(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ())
    if not _any(asked.group, rule.get("apiGroups") or ()):
        return False
    names = rule.get("resourceNames")
    if names and asked.name not in names:
        return False
    wanted = asked.resource_path
    for resource in rule.get("resources") or ():
        if resource in ("*", wanted):
            return True
        if asked.subresource and resource == f"*/{asked.subresource}":
            return True
    return False


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path


def covers(rules: list[Rule], wanted: Rule) -> bool:
    """Do `rules` together allow all that `wanted` allows? The question behind escalation checks."""
    for verb in wanted.get("verbs") or ():
        for path in wanted.get("nonResourceURLs") or ():
            if not any(
                _any(verb, rule.get("verbs") or ())
                and any(
                    item == path or _path_matches(item, path) for item in rule.get("nonResourceURLs") or ()
                )
                for rule in rules
            ):
                return False
        for group in wanted.get("apiGroups") or ():
            for resource in wanted.get("resources") or ():
                for name in wanted.get("resourceNames") or ("",):
                    main, _, subresource = resource.partition("/")
                    asked = Attributes(verb, group, "", main, subresource, name=name)
                    if not any(allows(rule, asked) for rule in rules):
                        return False
    return True


class _Grants:
    """Bindings by subject: what a user has is the union over its name, its groups and its account."""

    def __init__(self, source: RoleSource) -> None:
        self.cluster_roles = {role["metadata"]["name"]: role for role in source.cluster_roles()}
        self.roles = {
            (role["metadata"]["namespace"], role["metadata"]["name"]): role for role in source.roles()
        }
        self.cluster: dict[tuple[str, str], list[Object]] = {}
        self.namespaced: dict[tuple[str, str], list[Object]] = {}
        for binding in source.cluster_role_bindings():
            self._index(self.cluster, binding)
        for binding in source.role_bindings():
            self._index(self.namespaced, binding)

    @staticmethod
    def _index(index: dict[tuple[str, str], list[Object]], binding: Object) -> None:
        for subject in binding.get("subjects") or ():
            kind, name = subject.get("kind", ""), subject.get("name", "")
            if kind == "ServiceAccount":
                namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
                kind, name = "User", user_name(namespace, name)
            index.setdefault((kind, name), []).append(binding)

    def bindings(self, index: dict[tuple[str, str], list[Object]], user: User) -> Iterator[Object]:
        yield from index.get(("User", user.name), ())
        for group in user.groups:
            yield from index.get(("Group", group), ())

    def rules_of(self, binding: Object) -> list[Rule]:
        reference = binding["roleRef"]
        if reference["kind"] == "ClusterRole":
            role = self.cluster_roles.get(reference["name"])
        else:
            role = self.roles.get((binding["metadata"]["namespace"], reference["name"]))
        return (role.get("rules") or []) if role else []


class RBAC:
    """The authorizer. The index is rebuilt when the source's version has moved; decisions are remembered till then."""

    REMEMBERED = 8192

    def __init__(self, source: RoleSource) -> None:
        self._source = source
        self._version = -1
        self._grants = _EMPTY
        self._decisions: dict[tuple[User, Attributes], tuple[bool, str]] = {}

    def _current(self) -> _Grants:
        if self._version != self._source.version:
            self._version = self._source.version
            self._grants = _Grants(self._source)
            self._decisions.clear()
        return self._grants

    async def authorize(self, user: User, asked: Attributes) -> tuple[bool, str]:
        """(allowed, reason). The reason is empty when no rule says anything."""
        grants = self._current()
        key = (user, asked)
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._decide(grants, user, asked)
            if len(self._decisions) >= self.REMEMBERED:
                self._decisions.clear()
            self._decisions[key] = decision
        return decision

    def _decide(self, grants: _Grants, user: User, asked: Attributes) -> tuple[bool, str]:
        for binding in grants.bindings(grants.cluster, user):
            if any(allows(rule, asked) for rule in grants.rules_of(binding)):
                return True, _reason("ClusterRoleBinding", binding, user)
        if asked.namespace:
            for binding in grants.bindings(grants.namespaced, user):
                if binding["metadata"].get("namespace") != asked.namespace:
                    continue
                if any(allows(rule, asked) for rule in grants.rules_of(binding)):
                    return True, _reason("RoleBinding", binding, user)
        return False, ""

    def rules_for(self, user: User, namespace: str) -> list[Rule]:
        """Everything the user may do in a namespace, cluster-wide grants included."""
        grants = self._current()
        rules = [
            rule for binding in grants.bindings(grants.cluster, user) for rule in grants.rules_of(binding)
        ]
        if namespace:
            for binding in grants.bindings(grants.namespaced, user):
                if binding["metadata"].get("namespace") == namespace:
                    rules += grants.rules_of(binding)
        return rules


class _NoRoles:
    version = 0

    def cluster_roles(self) -> Iterable[Object]:
        return ()

    cluster_role_bindings = roles = role_bindings = cluster_roles


_EMPTY = _Grants(_NoRoles())


def _reason(kind: str, binding: Object, user: User) -> str:
    metadata = binding["metadata"]
    name = metadata["name"] if kind == "ClusterRoleBinding" else f"{metadata['name']}/{metadata['namespace']}"
    reference = binding["roleRef"]
    for subject in binding.get("subjects") or ():
        subject_kind, subject_name = subject.get("kind", ""), subject.get("name", "")
        if subject_kind == "User" and subject_name == user.name:
            break
        if subject_kind == "Group" and subject_name in user.groups:
            break
        if subject_kind == "ServiceAccount":
            namespace = subject.get("namespace") or metadata.get("namespace", "")
            if user_name(namespace, subject_name) == user.name:
                subject_name = f"{subject_name}/{namespace}"
                break
    return (
        f'RBAC: allowed by {kind} "{name}" of {reference["kind"]} "{reference["name"]}" '
        f'to {subject_kind} "{subject_name}"'
    )
