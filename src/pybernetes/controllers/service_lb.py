"""Gives Services of type LoadBalancer an address, so that none stays pending.

In: Services and Nodes. Out: `status.loadBalancer`. An address comes from the pool, of which every service has one
for itself, or, where no pool is stated, is that of a ready node on which no other such service has the port. Nodes
make the address work: they take a pool's address among themselves (`pybernetes.network`), or have it already.
Source: https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pybernetes.api.kinds import NODES, SERVICES
from pybernetes.client.interface import Object, object_key
from pybernetes.controllers.objects import is_deleting
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.nodes import internal_addresses, takes_outside_traffic
from pybernetes.semantics.services import balancers_of

LONGEST_RANGE = 1 << 16
RETRY = 30.0

Taken = dict[str, set[tuple[str, int]]]
"""Address -> the (protocol, port) pairs that services have there."""


def wants_address(service: Object) -> bool:
    """False also for a service that is another implementation's (`loadBalancerClass`)."""
    spec = service.get("spec") or {}
    return (
        spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass") and not is_deleting(service)
    )


def ingress_of(service: Object) -> list[str]:
    return [one["ip"] for one in balancers_of(service)]


def ports_of(service: Object) -> set[tuple[str, int]]:
    return {(port.get("protocol", "TCP"), port["port"]) for port in service["spec"].get("ports") or ()}


def expand(pool: Sequence[str]) -> Iterator[str]:
    """The addresses of `first-last` ranges and of CIDRs (without network and broadcast address)."""
    for text in pool:
        first, dash, last = text.partition("-")
        if dash:
            low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            for number in range(int(low), min(int(high), int(low) + LONGEST_RANGE) + 1):
                yield str(type(low)(number))
        else:
            for number, address in enumerate(ipaddress.ip_network(text.strip()).hosts()):
                if number >= LONGEST_RANGE:
                    break
                yield str(address)


def node_addresses(nodes: Iterable[Object]) -> list[str]:
    """InternalIPs of the nodes that take traffic from outside, in a stable order."""
    found = []
    for node in sorted(nodes, key=lambda one: str(one["metadata"]["name"])):
        if takes_outside_traffic(node):
            found += internal_addresses(node)
    return found


def choose(service: Object, candidates: Iterable[str], taken: Taken, *, shared: bool) -> list[str] | None:
    """The service's addresses, one of each of its families; None if some family has none left. Of two families, one
    of which there are no candidates at all is left out.

    What it has stays as long as it is a candidate; `spec.loadBalancerIP` is followed if it can be. With `shared`,
    services with different ports may have the same address.
    """
    spec = service["spec"]
    ports = ports_of(service)
    families = spec.get("ipFamilies") or ["IPv4"]
    possible = list(candidates)
    there_are = {_family(one) for one in possible}
    families = [one for one in families if one in there_are] or families

    def free(address: str) -> bool:
        others = taken.get(address)
        return not others or (shared and not others & ports)

    wished = [*ingress_of(service), *([spec["loadBalancerIP"]] if spec.get("loadBalancerIP") else [])]
    usable = set(possible)
    found = []
    for family in families:
        fits = [one for one in [*wished, *possible] if one in usable and _family(one) == family and free(one)]
        if not fits:
            return None
        found.append(fits[0])
    return found


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


class ServiceLoadBalancerController(Reconciler):
    """One worker: two services never choose at the same time."""

    name = "service-lb-controller"
    source = "service-controller"
    workers = 1

    def __init__(self, context: Context) -> None:
        self._given: dict[str, tuple[list[str], set[tuple[str, int]]]] = {}
        super().__init__(context)
        self._pool = tuple(expand(self.options.load_balancer_pool))

    def watch(self) -> None:
        self.services = self.informer(SERVICES)
        self.services.add_handler(added=self._added, updated=self._updated, deleted=self._deleted)
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(
            added=lambda node: self._again(),
            updated=self._node_updated,
            deleted=lambda node: self._again(),
        )

    def _added(self, service: Object) -> None:
        if wants_address(service):
            self.enqueue(service)

    def _updated(self, old: Object, new: Object) -> None:
        if wants_address(new) or wants_address(old):
            self.enqueue(new)

    def _deleted(self, service: Object) -> None:
        if wants_address(service) or ingress_of(service):
            self._given.pop(object_key(service), None)
            self._again()

    def _node_updated(self, old: Object, new: Object) -> None:
        if not self.options.load_balancer_pool and node_addresses([old]) != node_addresses([new]):
            self._again()

    def _again(self) -> None:
        """What one gives back, another may wait for."""
        for service in self.services.store.list():
            if wants_address(service):
                self.enqueue(service)

    async def sync(self, key: Any) -> None:
        service = self.services.store.get(key)
        if service is None or not wants_address(service):
            if self._given.pop(key, None) is not None:
                self._again()
            return
        shared = not self._pool
        candidates = node_addresses(self.nodes.store.list()) if shared else self._pool
        chosen = choose(service, candidates, self._taken(key), shared=shared)
        if chosen is None:
            what = "ready node has the service's ports free" if shared else "address of the pool is free"
            self.recorder.event(service, "Warning", "SyncLoadBalancerFailed", f"no {what}")
            self.queue.add_after(key, RETRY)
            return
        self._given[key] = chosen, ports_of(service)
        if chosen == ingress_of(service):
            return
        ingress = [{"ip": address, "ipMode": "VIP"} for address in chosen]
        meta = service["metadata"]
        patch = {"metadata": {"uid": meta["uid"]}, "status": {"loadBalancer": {"ingress": ingress}}}
        await self.client.patch(SERVICES, meta["namespace"], meta["name"], patch, subresource="status")
        self.recorder.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")

    def _taken(self, key: str) -> Taken:
        """What all other services have, or have just been given."""
        taken: Taken = {}
        for service in self.services.store.list():
            other = object_key(service)
            if other != key and wants_address(service) and other not in self._given:
                for address in ingress_of(service):
                    taken.setdefault(address, set()).update(ports_of(service))
        for other, (addresses, ports) in self._given.items():
            if other != key:
                for address in addresses:
                    taken.setdefault(address, set()).update(ports)
        return taken
