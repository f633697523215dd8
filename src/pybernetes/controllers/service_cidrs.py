"""ServiceCIDRs: each is Ready and protected while it is there, and stays while a service has an address of it alone.

In: ServiceCIDRs and IPAddresses. Out: the protecting finalizer and the condition Ready.
Source: https://kubernetes.io/docs/concepts/services-networking/service/#extend-service-ip-ranges
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from pybernetes.api.kinds import IP_ADDRESSES, SERVICE_CIDRS
from pybernetes.api.times import format_time, parse_time
from pybernetes.client.interface import APPLY_PATCH, Object
from pybernetes.controllers.objects import is_deleting
from pybernetes.controllers.reconciler import Reconciler

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
ALLOCATOR = "ipallocator.k8s.io"
READY = ("True", "", "Kubernetes Service CIDR is ready")
TERMINATING = (
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)
_GRACE = timedelta(seconds=10)
"""So long an API server that has not heard of the deletion may still give an address away."""

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def networks(service_cidr: Object) -> list[Network]:
    return [ip_network(text, strict=False) for text in (service_cidr.get("spec") or {}).get("cidrs") or ()]


def contains(service_cidr: Object, what: Network | Address) -> bool:
    """Whether all of a range, or an address that can be given away, is in it."""
    return any(_contains(network, what) for network in networks(service_cidr))


def _contains(network: Network, what: Network | Address) -> bool:
    if isinstance(what, IPv4Network):
        return isinstance(network, IPv4Network) and what.subnet_of(network)
    if isinstance(what, IPv6Network):
        return isinstance(network, IPv6Network) and what.subnet_of(network)
    if what == network.network_address or (network.version == 4 and what == network.broadcast_address):
        return False
    return what in network


def can_go(service_cidr: Object, others: Iterable[Object], addresses: Iterable[str]) -> bool:
    """Whether every address that is in use is of another range as well."""
    rest = [one for one in others if one["metadata"]["name"] != service_cidr["metadata"]["name"]]
    if all(any(contains(one, network) for one in rest) for network in networks(service_cidr)):
        return True
    used = [ip_address(address) for address in addresses]
    return all(
        any(contains(one, address) for one in rest) for address in used if contains(service_cidr, address)
    )


class ServiceCIDRController(Reconciler):
    """An address that comes or goes concerns the ranges that it is in; so does another range."""

    name = "service-cidr-controller"
    source = "service-cidr-controller"

    def watch(self) -> None:
        self.ranges = self.informer(SERVICE_CIDRS)
        self.ranges.add_handler(
            added=self._changed, updated=lambda old, new: self._changed(new), deleted=self._changed
        )
        self.addresses = self.informer(IP_ADDRESSES)
        self.addresses.add_handler(added=self._moved, updated=lambda old, new: None, deleted=self._moved)

    def _changed(self, service_cidr: Object) -> None:
        self.enqueue(service_cidr)
        for other in self.ranges.store.list():
            if is_deleting(other):
                self.enqueue(other)

    def _moved(self, address: Object) -> None:
        if _managed(address):
            found = ip_address(address["metadata"]["name"])
            for one in self.ranges.store.list():
                if is_deleting(one) and contains(one, found):
                    self.enqueue(one)

    async def sync(self, key: str) -> None:
        service_cidr = self.ranges.store.get(key)
        if service_cidr is None:
            return
        finalizers = service_cidr["metadata"].get("finalizers") or []
        if not is_deleting(service_cidr):
            if FINALIZER not in finalizers:
                await self._finalize(key, [*finalizers, FINALIZER])
            await self._report(service_cidr, READY)
            return
        used = [one["metadata"]["name"] for one in self.addresses.store.list() if _managed(one)]
        if not can_go(service_cidr, self.ranges.store.list(), used):
            await self._report(service_cidr, TERMINATING)
            return
        gone = parse_time(service_cidr["metadata"]["deletionTimestamp"]) + _GRACE
        left = (gone - self.clock.now()).total_seconds()
        if left > 0:
            self.queue.add_after(key, left)
        elif FINALIZER in finalizers:
            await self._finalize(key, [one for one in finalizers if one != FINALIZER])

    async def _finalize(self, name: str, finalizers: list[str]) -> None:
        await self.client.patch(SERVICE_CIDRS, None, name, {"metadata": {"finalizers": finalizers}})

    async def _report(self, service_cidr: Object, wanted: tuple[str, str, str]) -> None:
        conditions = (service_cidr.get("status") or {}).get("conditions") or []
        fields = ("status", "reason", "message")
        for found in conditions:
            if found.get("type") == "Ready" and tuple(found.get(one, "") for one in fields) == wanted:
                return
        condition: dict[str, Any] = {
            "type": "Ready",
            **dict(zip(fields, wanted, strict=True)),
            "lastTransitionTime": format_time(self.clock.now()),
        }
        name = service_cidr["metadata"]["name"]
        await self.client.patch(
            SERVICE_CIDRS,
            None,
            name,
            {
                "apiVersion": SERVICE_CIDRS.api_version,
                "kind": SERVICE_CIDRS.kind,
                "metadata": {"name": name},
                "status": {"conditions": [condition]},
            },
            patch_type=APPLY_PATCH,
            subresource="status",
            field_manager=self.name,
            force=True,
        )


def _managed(address: Object) -> bool:
    return (address["metadata"].get("labels") or {}).get(MANAGED_BY) == ALLOCATOR
