"""Aggregated ClusterRoles: `view`, `edit` and `admin` have the rules of every role that carries their label.

In: all ClusterRoles. Out: one patch for a role whose rules are not the union of those it selects.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.api.kinds import CLUSTER_ROLES
from pybernetes.api.selectors import LabelSelector
from pybernetes.client.interface import Object, object_key
from pybernetes.controllers.reconciler import Reconciler


def aggregated_rules(role: Object, roles: Iterable[Object]) -> list[Object]:
    """The rules of all roles that `role` selects, by name, each once."""
    selectors = [
        LabelSelector.from_object(selector)
        for selector in role["aggregationRule"].get("clusterRoleSelectors") or ()
    ]
    rules: list[Object] = []
    for other in sorted(roles, key=lambda other: other["metadata"]["name"]):
        if other["metadata"]["name"] == role["metadata"]["name"]:
            continue
        labels = other["metadata"].get("labels") or {}
        if any(selector.matches(labels) for selector in selectors):
            rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


class ClusterRoleAggregationController(Reconciler):
    """Any change of a ClusterRole may change each aggregated one: there are few of these."""

    name = "clusterrole-aggregation-controller"

    def watch(self) -> None:
        self.roles = self.informer(CLUSTER_ROLES)
        self.roles.add_handler(
            added=lambda role: self._changed(),
            updated=lambda old, new: self._changed(),
            deleted=lambda role: self._changed(),
        )

    def _changed(self) -> None:
        for role in self.roles.store.list():
            if role.get("aggregationRule"):
                self.queue.add(object_key(role))

    async def sync(self, key: str) -> None:
        role = self.roles.store.get(key)
        if role is None or not role.get("aggregationRule"):
            return
        rules = aggregated_rules(role, self.roles.store.list())
        if rules != (role.get("rules") or []):
            await self.client.patch(CLUSTER_ROLES, None, key, {"rules": rules})
