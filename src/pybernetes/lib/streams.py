"""A duplex stream of bytes: what an upgraded connection, a dialled socket and a SPDY stream have in common.

`pipe` joins two of them, which is all that proxying an upgraded connection is.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class ByteStream(Protocol):
    """Bytes both ways. `read` answers b"" at the end; `write` buffers, `drain` waits for room."""

    async def read(self, limit: int = 65536) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def write_eof(self) -> None:
        """Close this direction only, where the transport can; otherwise nothing happens."""
        ...

    def close(self) -> None: ...

    async def wait_closed(self) -> None: ...


class MemoryStream:
    """One end of an in-process duplex stream; `MemoryStream.pair()` makes two ends with back-pressure."""

    def __init__(self, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._incoming = bytearray()
        self._eof = False
        self._closed = False
        self._changed = asyncio.Event()
        self._peer: MemoryStream = self

    @classmethod
    def pair(cls, limit: int = 1 << 20) -> tuple[MemoryStream, MemoryStream]:
        left, right = cls(limit), cls(limit)
        left._peer, right._peer = right, left
        return left, right

    async def read(self, limit: int = 65536) -> bytes:
        while not self._incoming:
            if self._eof or self._closed:
                return b""
            self._changed.clear()
            await self._changed.wait()
        data = bytes(self._incoming[:limit])
        del self._incoming[:limit]
        self._peer._changed.set()
        return data

    def write(self, data: bytes) -> None:
        if self._closed or self._peer._closed:
            raise ConnectionResetError("the other end is closed")
        self._peer._incoming += data
        self._peer._changed.set()

    async def drain(self) -> None:
        while len(self._peer._incoming) > self._limit and not self._peer._closed and not self._closed:
            self._changed.clear()
            await self._changed.wait()

    def write_eof(self) -> None:
        self._peer._eof = True
        self._peer._changed.set()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.write_eof()
            self._changed.set()

    async def wait_closed(self) -> None:
        return None


async def copy(source: ByteStream, sink: ByteStream) -> None:
    """Every byte from source to sink, then the end of the stream."""
    while data := await source.read():
        sink.write(data)
        await sink.drain()
    sink.write_eof()


async def pipe(left: ByteStream, right: ByteStream, *, half_close: bool = True) -> None:
    """Join two streams until both directions have ended or either breaks; closes both.

    With `half_close=False` the first direction that ends is the end of all: for streams that cannot close one
    direction (TLS, WebSocket), where the other end would never learn of it.
    """
    until = asyncio.FIRST_EXCEPTION if half_close else asyncio.FIRST_COMPLETED
    directions = [asyncio.ensure_future(copy(left, right)), asyncio.ensure_future(copy(right, left))]
    try:
        await asyncio.wait(directions, return_when=until)
    finally:
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        left.close()
        right.close()
