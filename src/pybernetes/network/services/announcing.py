"""Which node answers for which load balancer's address: Services, EndpointSlices and Nodes in, addresses out. Pure.

Every node comes to the same result by itself. An address goes to one of the ready nodes, to one with a ready endpoint
if the service's externalTrafficPolicy is Local; when a node goes, only its addresses move.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pybernetes.semantics.nodes import takes_outside_traffic
from pybernetes.semantics.services import balancers_of

Object = Mapping[str, Any]


class Pool:
    """Addresses stated as CIDRs and `first-last` ranges."""

    def __init__(self, ranges: Sequence[str]) -> None:
        self._bounds = []
        for text in ranges:
            first, dash, last = text.partition("-")
            network = None if dash else ipaddress.ip_network(text.strip())
            low = ipaddress.ip_address(first.strip()) if network is None else network[0]
            high = ipaddress.ip_address(last.strip()) if network is None else network[-1]
            self._bounds.append((low.version, int(low), int(high)))

    def __contains__(self, address: str) -> bool:
        number = ipaddress.ip_address(address)
        return any(
            number.version == version and low <= int(number) <= high for version, low, high in self._bounds
        )


def eligible(nodes: Iterable[Object]) -> list[str]:
    """The names of the nodes that take traffic from outside."""
    return [node["metadata"]["name"] for node in nodes if takes_outside_traffic(node)]


def balanced_addresses(service: Object, pool: Pool) -> list[str]:
    """Those of the service's addresses that nodes have to take."""
    if (service.get("spec") or {}).get("type") != "LoadBalancer":
        return []
    return [one["ip"] for one in balancers_of(service) if one["ip"] in pool]


def own_addresses(
    services: Iterable[Object],
    slices_of: Callable[[Object], Iterable[Object]],
    nodes: Iterable[Object],
    pool: Pool,
    own: str,
) -> set[str]:
    """What the node `own` answers for."""
    able = eligible(nodes)
    found = set()
    for service in services:
        addresses = balanced_addresses(service, pool)
        if not addresses:
            continue
        candidates = able
        if service["spec"].get("externalTrafficPolicy") == "Local":
            serving = _nodes_of(slices_of(service))
            candidates = [name for name in able if name in serving] or able
        for address in addresses:
            if candidates and max(candidates, key=lambda name: _weight(address, name)) == own:
                found.add(address)
    return found


def _nodes_of(slices: Iterable[Object]) -> set[str]:
    return {
        endpoint["nodeName"]
        for piece in slices
        for endpoint in piece.get("endpoints") or ()
        if endpoint.get("nodeName") and (endpoint.get("conditions") or {}).get("ready") is not False
    }


def _weight(address: str, node: str) -> bytes:
    return hashlib.sha256(f"{address} {node}".encode()).digest()
