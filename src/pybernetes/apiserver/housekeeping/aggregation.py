"""Roles that are made of others (admin, edit, view) are filled at start, before their controller first runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pybernetes.api.kinds import CLUSTER_ROLES
from pybernetes.api.selectors import LabelSelector

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

Object = dict[str, Any]


async def ensure(server: APIServer) -> None:
    """As often as roles are made of roles that are made of others."""
    roles = (await server.client.list(CLUSTER_ROLES))["items"]
    pending = [role for role in roles if role.get("aggregationRule")]
    for _ in range(len(pending)):
        changed = False
        for role in pending:
            rules = _union(role, roles)
            if rules != (role.get("rules") or []):
                name = role["metadata"]["name"]
                stored = await server.client.patch(CLUSTER_ROLES, None, name, {"rules": rules})
                roles = [stored if one["metadata"]["name"] == name else one for one in roles]
                changed = True
        pending = [role for role in roles if role.get("aggregationRule")]
        if not changed:
            return


def _union(role: Object, roles: list[Object]) -> list[Object]:
    selectors = [
        LabelSelector.from_object(one) for one in role["aggregationRule"].get("clusterRoleSelectors") or ()
    ]
    rules: list[Object] = []
    for other in sorted(roles, key=lambda one: one["metadata"]["name"]):
        if other["metadata"]["name"] == role["metadata"]["name"]:
            continue
        labels = other["metadata"].get("labels") or {}
        if any(selector.matches(labels) for selector in selectors):
            rules.extend(rule for rule in other.get("rules") or () if rule not in rules)
    return rules
