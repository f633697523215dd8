"""The cluster's DNS server of a node: UDP and TCP on the cluster's DNS address, answers from informers.

The address is put on the loopback interface: what pods and the node send there never leaves the node.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

from pybernetes.api.kinds import ENDPOINT_SLICES, SERVICES
from pybernetes.client.interface import Informers, Object, object_key
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks
from pybernetes.network.commands import CommandFailed, run
from pybernetes.network.dns import zone
from pybernetes.network.dns.forward import Forwarder, ResolvConf
from pybernetes.network.dns.resolver import Resolver
from pybernetes.network.services.slimming import EndpointSliceSlimmer
from pybernetes.semantics.services import services_of

log = logging.getLogger(__name__)

PORT = 53
IDLE = 10.0
"""Seconds after which a TCP connection without a query is closed."""
MOST_CONNECTIONS = 200
MOST_PENDING = 2000
"""UDP queries that wait for an answer from elsewhere; more are dropped, and will be asked again."""

Runner = Callable[..., Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Options:
    """`ranges` are the addresses whose reverse names nobody else is asked for; `resolvers` is for tests."""

    addresses: tuple[str, ...] = ("10.96.0.10",)
    domain: str = "cluster.local"
    ranges: tuple[str, ...] = ("10.96.0.0/16", "10.244.0.0/16")
    resolv_conf: str = "/etc/resolv.conf"
    port: int = PORT
    own_addresses: bool = True
    """Whether the addresses are put on the loopback interface, and taken away at the end."""
    resolvers: tuple[tuple[str, int], ...] = ()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DNSServer) -> None:
        self._server = server
        self._resolver = server.resolver
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._resolver.quick(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)
        else:
            self._server.later(self._answer(data, addr))

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = await self._resolver.resolve(data)
        if answer is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)


class DNSServer:
    """`await start()` (the informers are started by the process), then `await close()`."""

    def __init__(self, informers: Informers, options: Options, clock: Clock, run: Runner = run) -> None:
        self.tasks = Tasks("dns")
        self._options = options
        self._clock = clock
        self._run = run
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES, slimmer=EndpointSliceSlimmer())
        self._services.add_index(zone.BY_ADDRESS, zone.addresses_of_service)
        self._slices.add_index(zone.BY_ADDRESS, zone.addresses_of_slice)
        self._slices.add_index(zone.BY_SERVICE, services_of)
        self._pending: set[asyncio.Task[None]] = set()
        self._transports: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        self._connections = 0
        own = zone.Zone(options.domain, self._services.store, self._slices.store, options.ranges)
        resolvers = ResolvConf(options.resolv_conf, options.addresses)
        forwarder = Forwarder((lambda: options.resolvers) if options.resolvers else resolvers, clock)
        self.resolver = Resolver(own, forwarder, clock)
        self._follow()

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        return self.tasks.failed

    def _follow(self) -> None:
        def service(obj: Object) -> None:
            self.resolver.changed(object_key(obj))

        def piece(obj: Object) -> None:
            for key in services_of(obj):
                self.resolver.changed(key)

        def piece_updated(old: Object, new: Object) -> None:
            piece(old)
            piece(new)

        self._services.add_handler(added=service, updated=lambda _, new: service(new), deleted=service)
        self._slices.add_handler(added=piece, updated=piece_updated, deleted=piece)

    async def start(self) -> None:
        """Listens as soon as the informers are filled: nobody is told that a name does not exist before."""
        self.tasks.spawn(self._start(), "listen")

    async def _start(self) -> None:
        await self._services.wait_synced()
        await self._slices.wait_synced()
        backoff = Backoff(0.2, 30)
        waiting = list(self._options.addresses)
        while waiting:
            try:
                if self._options.own_addresses:
                    await self._own(waiting[0])
                await self._listen(waiting[0])
                del waiting[0]
            except (OSError, CommandFailed) as error:
                wait = backoff.next("", self._clock.monotonic())
                log.error("no cluster DNS at %s: %s; trying again in %g s", waiting[0], error, wait)
                await self._clock.sleep(wait)

    async def _own(self, address: str) -> None:
        length = 128 if ":" in address else 32
        command = ["ip", "addr", "replace", f"{address}/{length}", "dev", "lo", "scope", "host"]
        await self._run(command)

    async def _listen(self, address: str) -> None:
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        try:
            opened.bind((address, self._options.port))
            port = opened.getsockname()[1]
            server = await asyncio.start_server(self._connected, address, port)
        except OSError:
            opened.close()
            raise
        self._servers.append(server)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=opened)
        self._transports.append(transport)
        log.info("cluster DNS answers at %s port %d", address, port)

    @property
    def port(self) -> int:
        """The port of the first listener; 0 before there is one."""
        return int(self._transports[0].get_extra_info("sockname")[1]) if self._transports else 0

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Answer a UDP query that has to wait."""
        if len(self._pending) >= MOST_PENDING:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._pending.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a query could not be answered", exc_info=task.exception())

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= MOST_CONNECTIONS:
            writer.close()
            return
        self._connections += 1
        try:
            while True:
                async with self._clock.timeout(IDLE):
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    query = await reader.readexactly(length)
                answer = self.resolver.quick(query, tcp=True) or await self.resolver.resolve(query, tcp=True)
                if answer is None:
                    return
                writer.write(len(answer).to_bytes(2, "big") + answer)
                async with self._clock.timeout(IDLE):
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            self._connections -= 1
            writer.close()

    async def close(self) -> None:
        await self.tasks.close()
        for transport in self._transports:
            transport.close()
        for server in self._servers:
            server.close()
        pending = list(self._pending)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if self._options.own_addresses:
            for address in self._options.addresses:
                length = 128 if ":" in address else 32
                try:
                    await self._run(["ip", "addr", "del", f"{address}/{length}", "dev", "lo"])
                except CommandFailed:
                    continue
