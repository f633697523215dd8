"""Makes load balancers' addresses reachable: takes those that fall to this node and tells the neighbours.

An address is put on the loopback interface; the kernel then answers ARP for it on every interface, and the
service proxy's rules lead connections on. A gratuitous ARP makes neighbours forget who had it before.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pybernetes.api.kinds import ENDPOINT_SLICES, NODES, SERVICES
from pybernetes.client.interface import Informers, Object
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.network import routes
from pybernetes.network.commands import CommandFailed, run
from pybernetes.network.dns.zone import BY_SERVICE
from pybernetes.network.services.announcing import (
    Pool,
    balanced_addresses,
    eligible,
    own_addresses,
)
from pybernetes.network.services.slimming import EndpointSliceSlimmer
from pybernetes.semantics.services import services_of

log = logging.getLogger(__name__)

COMPARE_EVERY = 60.0
Runner = Callable[..., Awaitable[str]]


class Announcer:
    """`run()` is an eternal task."""

    def __init__(
        self,
        informers: Informers,
        clock: Clock,
        node: str,
        pool: tuple[str, ...],
        run: Runner = run,
        announce: Callable[[str, str, str], None] | None = None,
    ) -> None:
        self._clock = clock
        self._node = node
        self._pool = Pool(pool)
        self._run = run
        self._announce = announce or send_gratuitous_arp
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES, slimmer=EndpointSliceSlimmer())
        self._nodes = informers.informer(NODES)
        self._slices.add_index(BY_SERVICE, services_of)
        self._changed = asyncio.Event()
        self._follow()

    def _follow(self) -> None:
        def service(obj: Object) -> None:
            if balanced_addresses(obj, self._pool):
                self._changed.set()

        def service_updated(old: Object, new: Object) -> None:
            service(old)
            service(new)

        def piece(obj: Object) -> None:
            for key in services_of(obj):
                found = self._services.store.get(key)
                if found is not None and found["spec"].get("externalTrafficPolicy") == "Local":
                    self._changed.set()

        def node_updated(old: Object, new: Object) -> None:
            if eligible([old]) != eligible([new]):
                self._changed.set()

        def node(obj: Object) -> None:
            self._changed.set()

        self._services.add_handler(added=service, updated=service_updated, deleted=service)
        self._slices.add_handler(added=piece, updated=lambda _, new: piece(new), deleted=piece)
        self._nodes.add_handler(added=node, updated=node_updated, deleted=node)

    async def run(self) -> None:
        for informer in (self._services, self._slices, self._nodes):
            await informer.wait_synced()
        backoff = Backoff(0.2, 30)
        while True:
            self._changed.clear()
            wait = COMPARE_EVERY
            try:
                await self._reconcile()
                backoff.forget("")
            except (CommandFailed, OSError) as error:
                wait = backoff.next("", self._clock.monotonic())
                log.error(
                    "load balancers' addresses are not as they should be: %s; again in %g s", error, wait
                )
            try:
                await self._clock.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    async def _reconcile(self) -> None:
        wanted = own_addresses(
            self._services.store.list(),
            lambda service: self._slices.store.by_index(BY_SERVICE, _key(service)),
            self._nodes.store.list(),
            self._pool,
            self._node,
        )
        listed = json.loads(await self._run(["ip", "-j", "addr", "show"]) or "[]")
        present = _on_loopback(listed, self._pool)
        come, gone = sorted(wanted - present), sorted(present - wanted)
        lines = [f"addr add {_host(one)} dev lo" for one in come]
        lines += [f"addr del {_host(one)} dev lo" for one in gone]
        if not lines:
            return
        log.info("%s", "; ".join(lines))
        await self._run(["ip", "-batch", "-"], "\n".join(lines) + "\n")
        node = self._nodes.store.get(self._node)
        own = routes.node_address(node) if node is not None else None
        device = _device_of(listed, own) if own else None
        for address in come:
            if device is not None and ":" not in address:
                self._announce(*device, address)


def _key(service: Mapping[str, Any]) -> str:
    meta = service["metadata"]
    return f"{meta['namespace']}/{meta['name']}"


def _host(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _on_loopback(listed: list[Object], pool: Pool) -> set[str]:
    return {
        address["local"]
        for link in listed
        if link.get("ifname") == "lo"
        for address in link.get("addr_info") or ()
        if address["local"] in pool
    }


def _device_of(listed: list[Object], address: str) -> tuple[str, str] | None:
    """Name and hardware address of the interface that has the address."""
    for link in listed:
        if any(one.get("local") == address for one in link.get("addr_info") or ()):
            return link["ifname"], link.get("address", "")
    return None


def gratuitous_arp(hardware: bytes, address: str) -> bytes:
    """The Ethernet frame by which a host says to all that it has the address now (RFC 5227)."""
    ip = socket.inet_aton(address)
    everybody = b"\xff" * 6
    ethernet = everybody + hardware + struct.pack("!H", 0x0806)
    return ethernet + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + hardware + ip + b"\0" * 6 + ip


def send_gratuitous_arp(device: str, hardware: str, address: str) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as opened:
        opened.bind((device, 0))
        opened.send(gratuitous_arp(bytes.fromhex(hardware.replace(":", "")), address))
