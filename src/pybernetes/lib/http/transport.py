"""What a client needs of HTTP: method, target, headers and bytes out; status, headers and bytes back.

`lib/http/inprocess.py` carries requests to a handler in the same process; a client over TLS
implements the same protocol. Every status comes back as an answer: only a connection that fails
raises, as `OSError` (usually `ConnectionError`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from pybernetes.lib.http.messages import Headers
from pybernetes.lib.streams import ByteStream


@dataclass(slots=True)
class TransportResponse:
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes


class StreamingResponse(Protocol):
    """An answer that is still arriving: iterate the chunks (of any size), then or in between `close`."""

    status: int
    headers: Headers

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def close(self) -> None:
        """Stop reading and tell the server so. May be called any number of times."""
        ...


@dataclass(slots=True)
class UpgradeResponse:
    """The answer to an upgrade. `stream` is None when the server refused; `body` then says why."""

    status: int
    headers: Headers
    stream: ByteStream | None = None
    body: bytes = field(default=b"")


class Transport(Protocol):
    """One server that requests can be sent to. `target` is a path with its query, already encoded."""

    async def request(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> TransportResponse: ...

    async def stream(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> StreamingResponse: ...

    async def upgrade(self, method: str, target: str, headers: Headers) -> UpgradeResponse: ...

    async def close(self) -> None:
        """Let go of every connection; streams that are open end."""
        ...
