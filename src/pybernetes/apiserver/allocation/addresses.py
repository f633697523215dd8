"""Cluster addresses: each one that is in use is an IPAddress object, so creating that object is taking it.

Addresses that nobody asked for by name come from the upper part of the range first, so that the lower part
stays for those who do ask. A range that is full is followed by the next ServiceCIDR. https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pybernetes.api.errors import AlreadyExists
from pybernetes.api.kinds import IP_ADDRESSES, SERVICE_CIDRS
from pybernetes.api.times import now
from pybernetes.store.interface import Mismatch

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

Object = dict[str, Any]
Network = IPv4Network | IPv6Network

MANAGED_BY = "ipallocator.k8s.io"
_RANDOM_TRIES = 64


class AddressError(ValueError):
    """The address cannot be had; the text says why in upstream's words."""


_DEFAULT = "kubernetes"
"""The ServiceCIDR of the server's own range, which is made at start."""


class Addresses:
    """The addresses of one family, as objects in one server's store: those of the server's own range (`network`) and
    of every other ServiceCIDR that is ready."""

    def __init__(self, server: APIServer, cidr: str) -> None:
        self._server = server
        self.network: Network = ip_network(cidr)
        self.family = f"IPv{self.network.version}"

    @property
    def first(self) -> str:
        """The address of the `kubernetes` service."""
        return str(self.network[1])

    async def _networks(self) -> list[Network]:
        """The ranges to take addresses from, the server's own one first."""
        resource = self._server.resources.of(SERVICE_CIDRS)
        page = await (await self._server.registry.cache(resource)).list()
        found: dict[Network, None] = {}
        if all(entry.name != _DEFAULT for entry in page.entries):
            found[self.network] = None
        for entry in sorted(page.entries, key=lambda entry: entry.name != _DEFAULT):
            service_cidr = entry.object(resource.head)
            if _is_ready(service_cidr):
                networks = [
                    ip_network(text, strict=False) for text in service_cidr["spec"].get("cidrs") or ()
                ]
                found |= dict.fromkeys(one for one in networks if one.version == self.network.version)
        return list(found)

    async def take(self, service: Object) -> str:
        """Any free address. Raises AddressError when there is none."""
        for network in await self._networks():
            for address in _candidates(network):
                if await self._create(address, service):
                    return address
        raise AddressError("range is full")

    async def take_this(self, address: str, service: Object, *, dry_run: bool = False) -> None:
        """This very address. Raises AddressError, which in a dry run names the range, as upstream's does."""
        try:
            asked = ip_address(address)
        except ValueError:
            raise AddressError(f"{address} is not an IP address") from None
        networks = await self._networks()
        if not any(_can_give(network, asked) for network in networks):
            if dry_run and networks:
                why = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {networks[0]}"
                raise AddressError(why)
            raise AddressError("the provided network does not match the current range")
        if not await self._create(str(asked), service):
            raise AddressError("provided IP is already allocated")

    async def _create(self, address: str, service: Object) -> bool:
        server = self._server
        resource = server.resources.of(IP_ADDRESSES)
        if await server.registry.find(resource, "", address) is not None:
            return False
        metadata = service["metadata"]
        obj = {
            "metadata": {
                "name": address,
                "uid": str(uuid4()),
                "creationTimestamp": now(server.clock),
                "labels": {
                    "ipaddress.kubernetes.io/ip-family": self.family,
                    "ipaddress.kubernetes.io/managed-by": MANAGED_BY,
                },
            },
            "spec": {
                "parentRef": {
                    "resource": "services",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                }
            },
        }
        try:
            await server.registry.create(resource, "", address, server.registry.at_rest(resource, obj))
        except AlreadyExists:
            return False
        return True


def _is_ready(service_cidr: Object) -> bool:
    """Also one of which nothing is known yet."""
    conditions = (service_cidr.get("status") or {}).get("conditions") or ()
    states = [one.get("status") for one in conditions if one.get("type") == "Ready"]
    return "deletionTimestamp" not in service_cidr["metadata"] and states in ([], ["True"])


def _can_give(network: Network, address: IPv4Address | IPv6Address) -> bool:
    """Neither the network's own address nor, in IPv4, the last one, which is everybody's."""
    if address == network.network_address or (network.version == 4 and address == network.broadcast_address):
        return False
    return address in network


def _bounds(network: Network) -> tuple[int, int, int]:
    """First usable, first of the upper part, last usable, as offsets."""
    size = network.num_addresses
    last = size - 1 if network.version == 6 else size - 2
    reserved = min(max(16, size // 16), 256) if size > 32 else 0
    return 1, min(1 + reserved, last), min(last, 1 << 32)


def _candidates(network: Network) -> Iterator[str]:
    first, upper, last = _bounds(network)
    if last < first:
        return
    for _ in range(_RANDOM_TRIES):
        yield str(network[random.randint(upper, last)])
    for low, high in ((upper, last), (first, upper - 1)):
        for offset in range(low, high + 1):
            yield str(network[offset])


def of_ranges(server: APIServer, cidrs: str) -> dict[str, Addresses]:
    """One for each family in `--service-cluster-ip-range`; the first one is that of Services that name none."""
    found = [Addresses(server, cidr.strip()) for cidr in cidrs.split(",")]
    return {one.family: one for one in found}


async def give_back(server: APIServer, address: str) -> None:
    """Free an address; nothing happens when it is free."""
    resource = server.resources.of(IP_ADDRESSES)
    entry = await server.registry.find(resource, "", address)
    if entry is not None:
        try:
            await server.registry.delete(resource, "", address, entry.revision)
        except Mismatch:
            return
