"""Request and Response: all that a handler sees of HTTP, whether it came over TLS or within the process.

A handler is `async (Request) -> Response | Streaming | Upgrade`. The server in `lib/http/server.py`
and the in-process transport in `lib/http/inprocess.py` both call handlers this way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from pybernetes.lib.streams import ByteStream


class Headers:
    """Header lines in order; names compare without case. `get` answers the first value."""

    __slots__ = ("_lines",)

    def __init__(self, lines: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        pairs = lines.items() if isinstance(lines, Mapping) else lines
        self._lines: list[tuple[str, str]] = [(name.lower(), value) for name, value in pairs]

    @classmethod
    def lowered(cls, lines: list[tuple[str, str]]) -> Headers:
        """Of lines whose names are in lower case already; the list is taken over, not copied."""
        headers = cls.__new__(cls)
        headers._lines = lines
        return headers

    def get(self, name: str, default: str = "") -> str:
        wanted = name.lower()
        for key, value in self._lines:
            if key == wanted:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self._lines if key == wanted]

    def __contains__(self, name: str) -> bool:
        wanted = name.lower()
        return any(key == wanted for key, _ in self._lines)

    def add(self, name: str, value: str) -> None:
        self._lines.append((name.lower(), value))

    def set(self, name: str, value: str) -> None:
        self.remove(name)
        self.add(name, value)

    def remove(self, name: str) -> None:
        wanted = name.lower()
        self._lines = [line for line in self._lines if line[0] != wanted]

    def items(self) -> list[tuple[str, str]]:
        return list(self._lines)

    def copy(self) -> Headers:
        return Headers(self._lines)


class Body(Protocol):
    """The body of a request, read at most once."""

    async def read(self, limit: int) -> bytes:
        """The whole body; raises `BodyTooLarge` above `limit` bytes."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class BodyTooLarge(Exception):
    """The body is longer than the handler takes (HTTP 413)."""


class BytesBody:
    """A body that is all there."""

    __slots__ = ("data",)

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    async def read(self, limit: int) -> bytes:
        if len(self.data) > limit:
            raise BodyTooLarge(f"{len(self.data)} bytes, the limit is {limit}")
        return self.data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.data:
            yield self.data


@dataclass(slots=True, frozen=True)
class Peer:
    """Who is at the other end: address, and the TLS client certificate (DER) that it proved to own."""

    address: str = ""
    certificate: bytes | None = None
    secure: bool = True


@dataclass
class Request:
    """One request. `target` is the origin form as sent: an undecoded path, with the query."""

    method: str
    target: str
    headers: Headers = field(default_factory=Headers)
    body: Body = field(default_factory=BytesBody)
    peer: Peer = field(default_factory=Peer)
    raw_path: str = field(init=False)
    raw_query: str = field(init=False)

    def __post_init__(self) -> None:
        self.raw_path, _, self.raw_query = self.target.partition("?")
        self._query: dict[str, list[str]] | None = None

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.raw_path) if "%" in self.raw_path else self.raw_path

    @property
    def query(self) -> dict[str, list[str]]:
        values = self._query
        if values is None:
            values = self._query = {}
            if self.raw_query:
                for name, value in parse_qsl(self.raw_query, keep_blank_values=True):
                    values.setdefault(name, []).append(value)
        return values

    def query_value(self, name: str, default: str = "") -> str:
        values = self.query.get(name)
        return values[0] if values else default


@dataclass
class Response:
    """A whole answer. `body` may be parts, written one after the other; the server sets Content-Length."""

    status: int = 200
    headers: Headers = field(default_factory=Headers)
    body: bytes | list[bytes] = b""


class Writer(Protocol):
    """Where a `Streaming` answer writes. `write` never waits; `buffered` is how far the reader is behind."""

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    @property
    def buffered(self) -> int:
        """Bytes written but not yet taken by the operating system (or the in-process reader)."""
        ...

    @property
    def closed(self) -> bool: ...

    async def wait_closed(self) -> None:
        """Returns when the client has gone."""
        ...


@dataclass
class Streaming:
    """An answer of unknown length: `run(writer)` writes it (chunked) and returns at its end.

    The task that runs it is cancelled when the client has gone.
    """

    run: Callable[[Writer], Awaitable[None]]
    status: int = 200
    headers: Headers = field(default_factory=Headers)


@dataclass
class Upgrade:
    """101 Switching Protocols (or another status), after which `run` owns the connection's bytes."""

    run: Callable[[ByteStream], Awaitable[None]]
    headers: Headers = field(default_factory=Headers)
    status: int = 101


Answer = Response | Streaming | Upgrade
Handler = Callable[[Request], Awaitable[Answer]]
