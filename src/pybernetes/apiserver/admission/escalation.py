"""Nobody gives away more than they have: roles and bindings may only grant what their writer is allowed, too.

Those with the verb `escalate` on roles or `bind` on the bound role are exempt.
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.errors import forbidden, not_found
from pybernetes.api.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.rbac import covers
from pybernetes.apiserver.auth.user import MASTERS
from pybernetes.apiserver.writes import DELETE, Write

Object = dict[str, Any]

_ROLES = (ROLES, CLUSTER_ROLES)
_BINDINGS = (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)


async def admit(write: Write) -> None:
    kind = write.resource.kind
    if write.operation == DELETE or MASTERS in write.user.groups:
        return
    if write.server.options.authorization != "RBAC":
        return
    if kind in _ROLES:
        await _role(write)
    elif kind in _BINDINGS:
        await _binding(write)


async def _role(write: Write) -> None:
    rules = write.object.get("rules") or []
    old = write.old or {}
    same_rules = rules == (old.get("rules") or [])
    if (
        write.old is not None
        and same_rules
        and write.object.get("aggregationRule") == old.get("aggregationRule")
    ):
        return
    if await _may(write, "escalate", write.resource.kind.resource, write.name):
        return
    if write.object.get("aggregationRule"):
        everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        _check(write, everything)
    _check(write, rules)


async def _binding(write: Write) -> None:
    reference = write.object.get("roleRef") or {}
    old = write.old or {}
    if (
        write.old is not None
        and reference == old.get("roleRef")
        and write.object.get("subjects") == old.get("subjects")
    ):
        return
    kind = CLUSTER_ROLES if reference.get("kind") == "ClusterRole" else ROLES
    name = reference.get("name", "")
    if await _may(write, "bind", kind.resource, name):
        return
    role = await write.server.lookup(kind, write.namespace if kind is ROLES else None, name)
    if role is None:
        raise not_found(write.resource.kind, name)
    _check(write, role.get("rules") or [])


async def _may(write: Write, verb: str, resource: str, name: str) -> bool:
    kind = write.resource.kind
    asked = Attributes(verb, kind.group, kind.version, resource, namespace=write.namespace, name=name)
    allowed, _ = await write.server.authorizers.authorize(write.user, asked)
    return allowed


def _check(write: Write, wanted: list[Object]) -> None:
    own = write.server.access.rbac.rules_for(write.user, write.namespace)
    missing = [rule for rule in wanted if not covers(own, rule)]
    if not missing:
        return
    groups = " ".join(f'"{group}"' for group in write.user.groups)
    lines = "\n".join(_shown(rule) for rule in missing)
    raise forbidden(
        write.resource.kind,
        write.name,
        f'user "{write.user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently '
        f"held:\n{lines}",
    )


def _shown(rule: Object) -> str:
    def quoted(values: list[str]) -> str:
        return "[" + " ".join(f'"{value}"' for value in values) + "]"

    parts = [
        f"{label}:{quoted(rule[field])}"
        for label, field in (
            ("APIGroups", "apiGroups"),
            ("Resources", "resources"),
            ("NonResourceURLs", "nonResourceURLs"),
            ("ResourceNames", "resourceNames"),
            ("Verbs", "verbs"),
        )
        if rule.get(field)
    ]
    return "{" + ", ".join(parts) + "}"
