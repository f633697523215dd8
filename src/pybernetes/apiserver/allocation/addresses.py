"""Cluster addresses: each one that is in use is an IPAddress object, so creating that object is taking it.

Addresses that nobody asked for by name come from the upper part of the range first, so that the lower part
stays for those who do ask. https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pybernetes.api.errors import AlreadyExists
from pybernetes.api.kinds import IP_ADDRESSES
from pybernetes.api.times import now
from pybernetes.store.interface import Mismatch

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

Object = dict[str, Any]

MANAGED_BY = "ipallocator.k8s.io"
_RANDOM_TRIES = 64


class AddressError(ValueError):
    """The address cannot be had; the text says why in upstream's words."""


class Addresses:
    """The addresses of one range, as objects in one server's store."""

    def __init__(self, server: APIServer, cidr: str) -> None:
        self._server = server
        self.network: IPv4Network | IPv6Network = ip_network(cidr)
        self.family = f"IPv{self.network.version}"

    @property
    def first(self) -> str:
        """The address of the `kubernetes` service."""
        return str(self.network[1])

    def _bounds(self) -> tuple[int, int, int]:
        """First usable, first of the upper part, last usable, as offsets."""
        size = self.network.num_addresses
        last = size - 1 if self.network.version == 6 else size - 2
        reserved = min(max(16, size // 16), 256) if size > 32 else 0
        return 1, min(1 + reserved, last), min(last, 1 << 32)

    async def take(self, service: Object) -> str:
        """Any free address. Raises AddressError when there is none."""
        for address in self._candidates():
            if await self._create(address, service):
                return address
        raise AddressError("range is full")

    def _candidates(self) -> Iterator[str]:
        first, upper, last = self._bounds()
        for _ in range(_RANDOM_TRIES):
            yield str(self.network[random.randint(upper, last)])
        for low, high in ((upper, last), (first, upper - 1)):
            for offset in range(low, high + 1):
                yield str(self.network[offset])

    async def take_this(self, address: str, service: Object) -> None:
        """This very address. Raises AddressError."""
        try:
            asked = ip_address(address)
        except ValueError:
            raise AddressError(f"{address} is not an IP address") from None
        if asked not in self.network or asked == self.network.network_address:
            raise AddressError(
                f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {self.network}"
            )
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
                    "group": "",
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
