"""The client's side of HTTP/1.1: one connection, one request at a time, and a pool of connections to one server.

In: request heads and bodies as bytes. Out: status, headers and the body chunk by chunk, with back-pressure; after a
101, the connection's bytes. Parsing is httptools'. A connection that fails raises ConnectionError.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from typing import cast

import httptools

from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.sockets import SocketStream

HIGH_WATER = 1 << 20
IDLE_SECONDS = 60.0
"""A connection that nobody has used for this long is closed: before the server does so (after 90 s)."""
CONNECT_TIMEOUT = 15.0
MAX_IDLE = 32
_KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


class Connection(asyncio.Protocol):
    """`send`, then `read` until it answers b"". `reusable` says whether another request may follow."""

    def __init__(self) -> None:
        self.status = 0
        self.headers = Headers()
        self.reusable = False
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._lines: list[tuple[str, str]] = []
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._writing_paused = False
        self._head: asyncio.Future[None] | None = None
        self._more: asyncio.Future[None] | None = None
        self._complete = True
        self._bodiless = False
        self._error: Exception | None = None
        self._after_upgrade = b""

    # asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEPALIVE:
                if hasattr(socket, name):
                    raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade = data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"not an HTTP answer: {error}"))
            self.abort()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.reusable = False
        if self._complete:
            return
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        if self.status and not framed and exc is None:
            self._finish()
        else:
            what = "the answer broke off" if self.status else "the server closed the connection"
            self._fail(ConnectionResetError(f"{what}: {exc}" if exc else what))

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False

    # the parser calls

    def on_message_begin(self) -> None:
        self._lines = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            return
        self.status = status
        self.headers = Headers.lowered(self._lines)
        if self._head is not None and not self._head.done():
            self._head.set_result(None)
        if self._bodiless:
            self._finish()

    def on_body(self, data: bytes) -> None:
        if self._complete:
            return
        self._chunks.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self.status and not self._complete:
            self.reusable = self.status != 101 and self._parser.should_keep_alive() and not self._bodiless
            self._finish()

    # the user calls

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def complete(self) -> bool:
        """The whole answer has arrived (some of it may be waiting to be read)."""
        return self._complete

    async def send(self, head: bytes, body: bytes, *, bodiless: bool = False) -> None:
        """Write a request and wait for the answer's head; `status` and `headers` are set then."""
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        self.status = 0
        self.headers = Headers()
        self.reusable = False
        self._complete = False
        self._bodiless = bodiless
        self._error = None
        self._chunks.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._head = asyncio.get_running_loop().create_future()
        self._transport.write(head + body if len(body) < 65536 else head)
        if len(body) >= 65536:
            self._transport.write(body)
        try:
            await self._head
        finally:
            self._head = None

    async def read(self) -> bytes:
        """What has arrived since, b"" at the end of the answer."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._complete:
                return b""
            self._more = asyncio.get_running_loop().create_future()
            try:
                await self._more
            finally:
                self._more = None
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def take_over(self) -> SocketStream:
        """After a 101: the connection as a stream of bytes."""
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        transport, self._transport = self._transport, None
        return SocketStream.adopt(transport, self._after_upgrade, writing_paused=self._writing_paused)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _finish(self) -> None:
        self._complete = True
        self._wake()

    def _fail(self, error: Exception) -> None:
        self._complete = True
        self._error = error
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)
        self._wake()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)


class Pool:
    """Connections to one server: `acquire` one, `release` it."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, server_name: str | None) -> None:
        self._host = host
        self._port = port
        self._context = context
        self._server_name = server_name if context is not None else None
        self._idle: deque[tuple[float, Connection]] = deque()
        self._used: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def acquire(self, *, fresh: bool = False) -> tuple[Connection, bool]:
        """(a connection, whether it has been used before). Raises OSError; TimeoutError is one."""
        if self._closed:
            raise ConnectionResetError("the connection pool is closed")
        while self._idle and not fresh:
            _, connection = self._idle.pop()
            if connection.alive:
                self._used.add(connection)
                return connection, True
        loop = asyncio.get_running_loop()
        deadline = RealClock().timeout(CONNECT_TIMEOUT)
        try:
            async with deadline:
                _, connection = await loop.create_connection(
                    Connection, self._host, self._port, ssl=self._context, server_hostname=self._server_name
                )
        except TimeoutError:
            if deadline.expired:
                raise TimeoutError(f"no connection within {CONNECT_TIMEOUT:g} s") from None
            raise
        if self._closed:
            connection.abort()
            raise ConnectionResetError("the connection pool is closed")
        self._used.add(connection)
        return connection, False

    def release(self, connection: Connection) -> None:
        """Give a connection back: kept when its answer was read to the end, else closed."""
        self._used.discard(connection)
        keep = connection.complete and connection.reusable and connection.alive
        if not keep or self._closed or len(self._idle) >= MAX_IDLE:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        self._idle.append((loop.time(), connection))
        if self._timer is None:
            self._timer = loop.call_later(IDLE_SECONDS, self._sweep, loop)

    def forget(self, connection: Connection) -> None:
        """The connection belongs to somebody else now."""
        self._used.discard(connection)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        limit = loop.time() - IDLE_SECONDS + 1
        while self._idle and (self._idle[0][0] <= limit or not self._idle[0][1].alive):
            self._idle.popleft()[1].close()
        if self._idle:
            self._timer = loop.call_later(IDLE_SECONDS, self._sweep, loop)

    def retire(self) -> None:
        """No new connections: what is in use may go on, what is idle is closed."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._idle:
            self._idle.pop()[1].close()

    def close(self) -> None:
        self._used.update(connection for _, connection in self._idle)
        self._idle.clear()
        self.retire()
        for connection in list(self._used):
            connection.abort()
        self._used.clear()
