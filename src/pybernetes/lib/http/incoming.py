"""What arrives: one parsed request (`Exchange`), and its body while the rest of it is still on the way.

The connection feeds them, the handler reads `Request.body`. A body that is all there when its handler
starts becomes a `BytesBody`; the others are a `StreamBody`, which holds the sender back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from pybernetes.lib.http.messages import BodyTooLarge

HIGH_WATER = 128 * 1024


class SlowSender(TimeoutError):
    """No byte of the body came for too long (HTTP 408)."""


class BrokenBody(ConnectionError):
    """The body is not framed as HTTP/1.1 says (HTTP 400)."""


BODY_ERRORS: dict[type[Exception], tuple[int, str]] = {
    BodyTooLarge: (413, "the request body is too large"),
    SlowSender: (408, "the request body came too slowly"),
    BrokenBody: (400, "the request body is not valid HTTP/1.1"),
}


class BodySource(Protocol):
    """What a `StreamBody` asks of its connection."""

    def want_body(self) -> None:
        """The handler waits for the body: let the client send (100 Continue, reading, the time-out)."""
        ...

    def body_read(self) -> None:
        """Some of the body was taken: reading may go on."""
        ...


class StreamBody:
    """`Body` of a request that is still arriving."""

    __slots__ = ("_chunks", "_complete", "_error", "_length", "_source", "_waiter", "buffered", "discarded")

    def __init__(self, source: BodySource, chunks: list[bytes], complete: bool, length: int | None) -> None:
        self._source = source
        self._chunks = deque(chunks)
        self.buffered = sum(map(len, chunks))
        self._complete = complete
        self._length = length
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.discarded = False

    async def read(self, limit: int) -> bytes:
        if self._length is not None and self._length > limit:
            raise BodyTooLarge(f"{self._length} bytes, the limit is {limit}")
        parts: list[bytes] = []
        size = 0
        async for chunk in self:
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(f"more than {limit} bytes")
            parts.append(chunk)
        return b"".join(parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self.buffered -= len(chunk)
                self._source.body_read()
                yield chunk
            if self._complete:
                return
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            self._source.want_body()
            try:
                await self._waiter
            finally:
                self._waiter = None

    # What the connection calls.

    @property
    def waiting(self) -> bool:
        return self._waiter is not None

    def feed(self, data: bytes) -> None:
        if not self.discarded:
            self._chunks.append(data)
            self.buffered += len(data)
            self._wake()

    def finish(self) -> None:
        self._complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        if not self._complete and self._error is None:
            self._error = error
            self._wake()

    def discard(self) -> None:
        """The handler is done: forget what it did not read."""
        self.discarded = True
        self._chunks.clear()
        self.buffered = 0

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Exchange:
    """One request until the end of its answer. `refusal` is (status, text) for a broken one."""

    __slots__ = ("body", "chunks", "complete", "expects_continue", "headers", "keep_alive", "length",
                 "method", "old", "refusal", "target", "upgrade")  # fmt: skip

    def __init__(self, method: str, target: str, headers: list[tuple[str, str]]) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.keep_alive = True
        self.old = False
        self.upgrade = False
        self.expects_continue = False
        self.length: int | None = None
        self.chunks: list[bytes] | None = None
        self.complete = False
        self.body: StreamBody | None = None
        self.refusal: tuple[int, str] | None = None

    @classmethod
    def refused(cls, status: int, text: str) -> Exchange:
        exchange = cls("", "", [])
        exchange.keep_alive = False
        exchange.refusal = (status, text)
        return exchange

    def feed(self, data: bytes) -> None:
        if self.body is not None:
            self.body.feed(data)
        elif self.chunks is None:
            self.chunks = [data]
        else:
            self.chunks.append(data)

    def finish(self) -> None:
        self.complete = True
        if self.body is not None:
            self.body.finish()

    @property
    def buffered(self) -> int:
        return self.body.buffered if self.body is not None else 0
