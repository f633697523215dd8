"""EndpointSlices for Endpoints that somebody made by hand, for Services without a selector.

In: Services without selector, their Endpoints. Out: slices with the same contents, managed under another name
than those of Services with a selector.
Source: https://kubernetes.io/docs/concepts/services-networking/service/#endpointslice-mirroring
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pybernetes.api.kinds import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from pybernetes.client.interface import Object, object_key
from pybernetes.controllers.actions import Action, Create, Delete, Update, delete_of
from pybernetes.controllers.endpoints import slices
from pybernetes.controllers.endpoints.members import LAST_CHANGE
from pybernetes.controllers.expectations import Expectations
from pybernetes.controllers.objects import annotations_of, labels_of, name_of, namespace_of
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.owners import owner_ref
from pybernetes.semantics.services import SERVICE_NAME, services_of

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"


def is_mirrored(service: Object | None, endpoints: Object | None) -> bool:
    if service is None or endpoints is None or service["spec"].get("selector"):
        return False
    return labels_of(endpoints).get(SKIP) != "true" and _LEADER not in annotations_of(endpoints)


def _endpoint(address: dict[str, Any], ready: bool) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for field in ("hostname", "nodeName", "targetRef"):
        if address.get(field):
            endpoint[field] = address[field]
    return endpoint


def contents(endpoints: Object, limit: int) -> list[dict[str, Any]]:
    """addressType, endpoints and ports of each slice; at most `limit` addresses of a subset are mirrored."""
    found = []
    for subset in endpoints.get("subsets") or ():
        addresses = [_endpoint(one, True) for one in subset.get("addresses") or ()]
        addresses += [_endpoint(one, False) for one in subset.get("notReadyAddresses") or ()]
        for family in ("IPv4", "IPv6"):
            members = [one for one in addresses[:limit] if (":" in one["addresses"][0]) == (family == "IPv6")]
            if members:
                ports = [{"name": "", "protocol": "TCP", **one} for one in subset.get("ports") or ()]
                found.append({"addressType": family, "endpoints": members, "ports": ports})
    return found


def _key(one: Object) -> bytes:
    return msgspec.json.encode([one.get("addressType"), one.get("ports") or []], order="sorted")


def plan(endpoints: Object, existing: Sequence[Object], limit: int) -> list[Action]:
    """One slice for each subset and family; existing ones with the same ports are rewritten in place."""
    actions: list[Action] = []
    left = list(existing)
    labels = {
        **{key: value for key, value in labels_of(endpoints).items() if key != SKIP},
        SERVICE_NAME: name_of(endpoints),
        slices.MANAGED_BY: MANAGER,
    }
    annotations = {
        key: value
        for key, value in annotations_of(endpoints).items()
        if key not in (LAST_CHANGE, "kubectl.kubernetes.io/last-applied-configuration")
    }
    for wanted in contents(endpoints, limit):
        present = next((one for one in left if _key(one) == _key(wanted)), None)
        if present is None:
            metadata: dict[str, Any] = {
                "generateName": f"{name_of(endpoints)[:57]}-",
                "namespace": namespace_of(endpoints),
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [owner_ref(endpoints, ENDPOINTS)],
            }
            new = {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": metadata,
                **wanted,
            }
            actions.append(Create(ENDPOINT_SLICES, new))
            continue
        left.remove(present)
        if (present.get("endpoints") or []) != wanted["endpoints"] or labels_of(present) != labels:
            metadata = {**present["metadata"], "labels": labels, "annotations": annotations}
            actions.append(Update(ENDPOINT_SLICES, {**present, **wanted, "metadata": metadata}))
    actions.extend(delete_of(ENDPOINT_SLICES, one) for one in left)
    return actions


class EndpointSliceMirroringController(Reconciler):
    name = "endpointslice-mirroring-controller"
    source = "endpoint-slice-mirroring-controller"

    def __init__(self, context: Context) -> None:
        self.expectations = Expectations()
        super().__init__(context)
        self.workers = context.options.mirroring_concurrent_service_endpoint_syncs

    def watch(self) -> None:
        self.services = self.informer(SERVICES)
        self.enqueue_changes(self.services)
        self.endpoints = self.informer(ENDPOINTS)
        self.enqueue_changes(self.endpoints)
        self.slices = self.informer(ENDPOINT_SLICES)
        self.slices.add_index(SERVICE_NAME, services_of)
        self.slices.add_handler(added=self._slice_added, deleted=self._slice_deleted)

    def _slice_added(self, one: Object) -> None:
        if labels_of(one).get(slices.MANAGED_BY) == MANAGER:
            for key in services_of(one):
                self.expectations.observe_creation(key)
                self.queue.add(key)

    def _slice_deleted(self, one: Object) -> None:
        if labels_of(one).get(slices.MANAGED_BY) == MANAGER:
            for key in services_of(one):
                self.queue.add(key)

    async def sync(self, key: str) -> None:
        if not self.expectations.satisfied(key, self.clock.monotonic()):
            return
        existing = [
            one
            for one in self.slices.store.by_index(SERVICE_NAME, key)
            if labels_of(one).get(slices.MANAGED_BY) == MANAGER
        ]
        endpoints = self.endpoints.store.get(key)
        if endpoints is None or not is_mirrored(self.services.store.get(key), endpoints):
            await self.carry_out([delete_of(ENDPOINT_SLICES, one) for one in existing])
            return
        for action in plan(endpoints, existing, self.options.mirroring_max_endpoints_per_subset):
            if isinstance(action, Create):
                self.expectations.expect_creations(object_key(endpoints), 1, self.clock.monotonic())
                try:
                    await self.act(action)
                except BaseException:
                    self.expectations.observe_creation(object_key(endpoints))
                    raise
            elif isinstance(action, (Update, Delete)):
                await self.act(action)
