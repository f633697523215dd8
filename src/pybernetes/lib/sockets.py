"""A connected socket (TCP, TLS or unix) as a `ByteStream`: dialled here, or taken over from the HTTP server.

Back-pressure both ways: reading pauses while more than `HIGH_WATER` bytes wait for `read`, and
`drain` waits while the transport holds more than it likes. TLS cannot close one direction alone.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

HIGH_WATER = 256 * 1024


class SocketStream(asyncio.Protocol):
    """The protocol of one connection. `adopt` takes over a transport that another protocol served so far."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._incoming = bytearray()
        self._eof = False
        self._lost = False
        self._error: Exception | None = None
        self._reading_paused = False
        self._writing_paused = False
        self._read_waiter: asyncio.Future[None] | None = None
        self._drain_waiters: list[asyncio.Future[None]] = []
        self._closed_waiters: list[asyncio.Future[None]] = []

    @classmethod
    def adopt(
        cls,
        transport: asyncio.Transport,
        received: bytes | bytearray,
        *,
        writing_paused: bool,
        eof: bool = False,
    ) -> SocketStream:
        stream = cls()
        stream._transport = transport
        stream._incoming += received
        stream._writing_paused = writing_paused
        stream._eof = eof
        transport.set_protocol(stream)
        return stream

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._incoming += data
        self._wake_reader()
        if len(self._incoming) > HIGH_WATER and not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._eof = True
        self._wake_reader()
        return self._transport is not None and self._transport.can_write_eof()

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._wake(self._drain_waiters)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._eof = True
        self._error = exc
        self._transport = None
        self._wake_reader()
        self._wake(self._drain_waiters)
        self._wake(self._closed_waiters)

    def _wake_reader(self) -> None:
        waiter = self._read_waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    @staticmethod
    def _wake(waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        waiters.clear()

    # ByteStream.

    async def read(self, limit: int = 65536) -> bytes:
        while not self._incoming:
            if self._eof:
                return b""
            self._read_waiter = asyncio.get_running_loop().create_future()
            try:
                await self._read_waiter
            finally:
                self._read_waiter = None
        if len(self._incoming) <= limit:
            data = bytes(self._incoming)
            self._incoming.clear()
        else:
            data = bytes(memoryview(self._incoming)[:limit])
            del self._incoming[:limit]
        if self._reading_paused and len(self._incoming) <= HIGH_WATER // 2 and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()
        return data

    def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed") from self._error
        self._transport.write(data)

    async def drain(self) -> None:
        if self._lost:
            raise ConnectionResetError("the connection is closed") from self._error
        if self._writing_paused:
            waiter = asyncio.get_running_loop().create_future()
            self._drain_waiters.append(waiter)
            await waiter
            if self._lost:
                raise ConnectionResetError("the connection is closed") from self._error

    def write_eof(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing() and transport.can_write_eof():
            transport.write_eof()

    def close(self) -> None:
        self._eof = True
        self._wake_reader()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close without sending what is still buffered."""
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        if not self._lost:
            waiter = asyncio.get_running_loop().create_future()
            self._closed_waiters.append(waiter)
            await waiter


async def dial(
    host: str, port: int, *, tls: ssl.SSLContext | None = None, server_name: str | None = None
) -> SocketStream:
    """A connection to host and port. Raises OSError when it cannot be made; bound it with `clock.timeout`."""
    _, stream = await asyncio.get_running_loop().create_connection(
        SocketStream, host, port, ssl=tls, server_hostname=(server_name or host) if tls is not None else None
    )
    return stream
