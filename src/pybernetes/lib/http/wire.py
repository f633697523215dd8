"""Bytes of HTTP/1.1 answers: heads, chunks, and the writer that a `Streaming` answer is given.

`head` builds a status line with headers; `ChunkedWriter` joins what is written within one turn of
the event loop into one chunk and one write to the transport.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Generator
from http import HTTPStatus

from pybernetes.lib.http.messages import Headers

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_STATUS_LINES = {code: f"HTTP/1.1 {code} {phrase}\r\n" for code, phrase in _REASONS.items()}
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
_KEEP = {True: "", False: "connection: close\r\n"}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def bodiless(status: int) -> bool:
    """Whether an answer of this status never has a body (RFC 9110, section 6.4.1)."""
    return status < 200 or status in (204, 304)


def head(status: int, headers: Headers, framing: str) -> bytes:
    """A status line, the headers but for those that frame the message, and `framing` in their place.

    Raises ValueError for a header that would break the message.
    """
    parts = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} Unknown\r\n"]
    for name, value in headers.items():
        if name in _FRAMING:
            continue
        if "\n" in value or "\r" in value or "\0" in value:
            raise ValueError(f"the response header {name} has a line break in its value")
        parts.append(f"{name}: {value}\r\n")
    parts.append(framing)
    parts.append("\r\n")
    return "".join(parts).encode("latin-1", "replace")


def response_head(method: str, status: int, headers: Headers, size: int, keep: bool) -> bytes:
    """The head of a whole answer; one to HEAD without a body may name the length that GET would have."""
    framing = _KEEP[keep]
    if method == "HEAD" and not size and "content-length" in headers:
        framing += f"content-length: {headers.get('content-length')}\r\n"
    elif not bodiless(status):
        framing += f"content-length: {size}\r\n"
    return head(status, headers, framing)


def stream_head(status: int, headers: Headers, chunked: bool, keep: bool) -> bytes:
    """The head of an answer of unknown length; without chunks, closing the connection ends it."""
    return head(status, headers, _KEEP[keep] + ("transfer-encoding: chunked\r\n" if chunked else ""))


def upgrade_head(status: int, headers: Headers) -> bytes:
    """The head of a 101: its Connection header is part of the meaning, so the handler's or `Upgrade`."""
    connection = headers.get("connection", "Upgrade")
    return head(status, headers, f"connection: {connection}\r\n")


@types.coroutine
def next_turn() -> Generator[None, None, None]:
    """Let the loop serve everybody else once."""
    yield


class ChunkedWriter:
    """`Writer` over a transport. The head goes out with the first chunk, or alone at the end of this turn."""

    __slots__ = ("_chunked", "_closed", "_closed_waiters", "_drain_waiters", "_paused", "_pending", "_prefix",
                 "_scheduled", "_size", "_transport")  # fmt: skip

    def __init__(self, transport: asyncio.Transport, prefix: bytes, *, chunked: bool, paused: bool) -> None:
        self._transport = transport
        self._prefix = prefix
        self._chunked = chunked
        self._pending: list[bytes] = []
        self._size = 0
        self._scheduled = False
        self._paused = paused
        self._closed = False
        self._drain_waiters: list[asyncio.Future[None]] = []
        self._closed_waiters: list[asyncio.Future[None]] = []
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def write(self, data: bytes) -> None:
        if data and not self._closed:
            self._pending.append(data)
            self._size += len(data)
            self._schedule()

    def _flush(self, end: bytes = b"") -> None:
        self._scheduled = False
        if self._closed:
            return
        pending, self._pending = self._pending, []
        prefix, self._prefix = self._prefix, b""
        if pending:
            data = pending[0] if len(pending) == 1 else b"".join(pending)
            size, self._size = self._size, 0
            if self._chunked:
                self._transport.write(b"%b%x\r\n%b\r\n%b" % (prefix, size, data, end))
            else:
                self._transport.write(prefix + data if prefix else data)
        elif prefix or end:
            self._transport.write(prefix + end)

    async def drain(self) -> None:
        """Waits while the client is behind, and lets the loop serve others in any case."""
        await next_turn()
        while self._paused and not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._drain_waiters.append(waiter)
            await waiter

    @property
    def buffered(self) -> int:
        return 0 if self._closed else self._size + self._transport.get_write_buffer_size()

    @property
    def closed(self) -> bool:
        return self._closed

    async def wait_closed(self) -> None:
        if not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._closed_waiters.append(waiter)
            await waiter

    # What the connection calls.

    def end(self) -> None:
        """Everything is written: send the rest and the last chunk."""
        self._flush(b"0\r\n\r\n" if self._chunked else b"")

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        _wake(self._drain_waiters)

    def lose(self) -> None:
        """The client has gone: what is written from now on is dropped."""
        self._closed = True
        self._pending.clear()
        _wake(self._drain_waiters)
        _wake(self._closed_waiters)


def _wake(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
    waiters.clear()
