"""At start, addresses are what the services say: a crash between two writes leaves none taken for ever, or twice.

An IPAddress that an earlier server left behind and no service has is freed; a service's address without an
IPAddress is taken for it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pybernetes.api.kinds import IP_ADDRESSES, SERVICES
from pybernetes.apiserver.allocation.addresses import MANAGED_BY, AddressError
from pybernetes.apiserver.shown import decoded
from pybernetes.apiserver.strategies.families import family_of
from pybernetes.store.interface import Mismatch

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

log = logging.getLogger(__name__)

Object = dict[str, Any]


async def ensure(server: APIServer) -> None:
    taken = await _left_behind(server)
    resource = server.resources.of(SERVICES)
    page = await (await server.registry.cache(resource)).list()
    for entry in page.entries:
        service = decoded(resource, entry)
        for address in (service.get("spec") or {}).get("clusterIPs") or ():
            if address != "None" and taken.pop(address, None) is None:
                await _take(server, address, service)
    addresses = server.resources.of(IP_ADDRESSES)
    for address, revision in taken.items():
        try:
            await server.registry.delete(addresses, "", address, revision)
        except Mismatch:
            continue
        log.info("freed the address %s, which no service has", address)


async def _left_behind(server: APIServer) -> dict[str, int]:
    """Revisions of the allocator's own IPAddress objects, by address, as far as an earlier server wrote them."""
    resource = server.resources.of(IP_ADDRESSES)
    page = await (await server.registry.cache(resource)).list()
    found = {}
    for entry in page.entries:
        labels = decoded(resource, entry)["metadata"].get("labels") or {}
        if (
            entry.revision <= server.found_revision
            and labels.get("ipaddress.kubernetes.io/managed-by") == MANAGED_BY
        ):
            found[entry.name] = entry.revision
    return found


async def _take(server: APIServer, address: str, service: Object) -> None:
    if await server.lookup(IP_ADDRESSES, None, address) is not None:
        return
    allocator = server.addresses.get(family_of(address))
    if allocator is None:
        return
    try:
        await allocator.take_this(address, service)
    except AddressError as error:
        name = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        log.warning("the address %s of the service %s cannot be taken for it: %s", address, name, error)
