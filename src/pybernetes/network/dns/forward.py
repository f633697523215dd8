"""Names outside the cluster: a query's bytes in, what the node's own resolvers say out.

Queries are passed on as they came under a number of our own, from a socket (and so a port) of their own,
to one resolver after the other. Equal queries that are under way are asked once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from typing import cast

from pybernetes.lib.clock import Clock
from pybernetes.network.dns import message

log = logging.getLogger(__name__)

PATIENCE = 2.0
ROUNDS = 2
PORT = 53
MOST_AT_A_TIME = 500


class Unreachable(Exception):
    """No resolver answers, or there is none."""


class _Exchange(asyncio.DatagramProtocol):
    """One query and its answer; anything else that arrives is ignored."""

    def __init__(self, query: bytes) -> None:
        self._query = query
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.DatagramTransport, transport).sendto(self._query)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.answer.done() and message.same_question(data, self._query):
            self.answer.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


Resolver = tuple[str, int]


class Forwarder:
    """`resolvers()` answers (address, port) of those to ask, in their order."""

    def __init__(self, resolvers: Callable[[], Sequence[Resolver]], clock: Clock) -> None:
        self._resolvers = resolvers
        self._clock = clock
        self._asking: dict[bytes, asyncio.Future[bytes]] = {}
        self._slots = asyncio.Semaphore(MOST_AT_A_TIME)

    async def ask(self, query: bytes, *, tcp: bool = False) -> bytes:
        """The answer, under the query's own number. Raises Unreachable."""
        key = query[2:] + (b"\1" if tcp else b"\0")
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.get_running_loop().create_future()
            try:
                async with self._slots:
                    answer = await self._ask(query, tcp)
            except BaseException as error:
                failure = error if isinstance(error, Unreachable) else Unreachable("given up")
                asking.set_exception(failure)
                asking.exception()
                raise
            else:
                asking.set_result(answer)
            finally:
                del self._asking[key]
        else:
            answer = await asyncio.shield(asking)
        return query[:2] + answer[2:]

    async def _ask(self, query: bytes, tcp: bool) -> bytes:
        trouble = "no resolver is configured for names outside the cluster"
        for _ in range(ROUNDS):
            for address, port in self._resolvers():
                own = secrets.token_bytes(2) + query[2:]
                try:
                    async with self._clock.timeout(PATIENCE):
                        return await (_by_tcp if tcp else _by_udp)(own, address, port)
                except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                    trouble = f"{address}: {str(error) or type(error).__name__}"
        raise Unreachable(trouble)


async def _by_udp(query: bytes, address: str, port: int) -> bytes:
    transport, exchange = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Exchange(query), remote_addr=(address, port)
    )
    try:
        return await exchange.answer
    finally:
        transport.close()


async def _by_tcp(query: bytes, address: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        while True:
            data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            if message.same_question(data, query):
                return data
    finally:
        writer.close()


def resolvers_of(text: str, own: Sequence[str]) -> list[Resolver]:
    """The name servers of a resolv.conf, without ourselves."""
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if len(words) > 1 and words[0] == "nameserver" and words[1] not in own:
            found.append((words[1].partition("%")[0], PORT))
    return found


class ResolvConf:
    """The name servers of a file that may change any time: it is read again when it has."""

    def __init__(self, path: str, own: Sequence[str]) -> None:
        self._path = path
        self._own = own
        self._seen: tuple[int, int] | None = None
        self._resolvers: list[Resolver] = []

    def __call__(self) -> Sequence[Resolver]:
        try:
            status = os.stat(self._path)
            seen = status.st_mtime_ns, status.st_ino
            if seen != self._seen:
                with open(self._path) as file:
                    self._resolvers = resolvers_of(file.read(), self._own)
                self._seen = seen
        except OSError as error:
            log.warning("%s cannot be read: %s", self._path, error.strerror)
        return self._resolvers
