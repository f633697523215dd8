"""The load process's connections: raw HTTP/1.1 over TLS on callbacks, so that the client costs little beside a server.

`Exchange` sends one request after the other and times each answer; `Watch` counts the lines of a watch.
A `Tally` gathers what a group of them saw.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

now = time.perf_counter


@dataclass(slots=True)
class Address:
    """Where the server is and who asks."""

    host: str
    port: int
    token: str

    def head(self, method: str, path: str, size: int = 0, content_type: str = "", accept: str = "") -> bytes:
        """The head of a request. `size` is that of its body."""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            "User-Agent: bench/1.0",
            f"Accept: {accept or 'application/json'}",
            f"Authorization: Bearer {self.token}",
        ]
        if size:
            lines += [f"Content-Type: {content_type or 'application/json'}", f"Content-Length: {size}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", accept: str = ""
    ) -> bytes:
        return self.head(method, path, len(body), content_type, accept) + body


def trusting() -> ssl.SSLContext:
    """The servers are our own, on this machine: their certificates are not what is measured."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(slots=True)
class Tally:
    """Latencies in seconds, how often which status came, bytes of bodies, and the first error's text."""

    latencies: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    size: int = 0
    error: str = ""

    def summary(self, seconds: float) -> dict[str, Any]:
        ordered = sorted(self.latencies)

        def quantile(part: float) -> float:
            return (
                round(1000 * ordered[min(int(len(ordered) * part), len(ordered) - 1)], 3) if ordered else 0.0
            )

        return {
            "count": len(ordered),
            "seconds": round(seconds, 4),
            "per_s": round(len(ordered) / seconds, 1) if seconds else 0,
            "mean_ms": round(1000 * sum(ordered) / len(ordered), 3) if ordered else 0,
            "p50_ms": quantile(0.5),
            "p99_ms": quantile(0.99),
            "max_ms": quantile(1),
            "megabytes": round(self.size / 1e6, 1),
            "codes": dict(self.codes),
            "error": self.error,
        }


class Exchange(asyncio.Protocol):
    """One connection that asks as long as `following()` answers a request, then `ended()` is called."""

    def __init__(
        self, tally: Tally, following: Callable[[], bytes | None], ended: Callable[[], None]
    ) -> None:
        self._tally = tally
        self._following = following
        self._ended = ended
        self._parser = httptools.HttpResponseParser(self)
        self._started = 0.0
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def go(self) -> None:
        request = self._following()
        if request is None:
            self._busy = False
            self._ended()
            return
        self._busy = True
        self._started = now()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        tally = self._tally
        tally.size += len(body)
        if not tally.error and self._parser.get_status_code() >= 400:
            tally.error = body[:400].decode(errors="replace")

    def on_message_complete(self) -> None:
        tally = self._tally
        tally.latencies.append(now() - self._started)
        tally.codes[self._parser.get_status_code()] += 1
        self.go()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._busy:
            self._tally.error = self._tally.error or f"the server closed the connection: {exc}"
            self._tally.codes[0] += 1
            self._busy = False
            self._ended()


class Watch(asyncio.Protocol):
    """One watcher: `begun()` once the answer's head is there, `lines(count)` for what arrives."""

    def __init__(self, request: bytes, begun: Callable[[], None], lines: Callable[[int], None]) -> None:
        self._request = request
        self._begun = begun
        self._lines = lines
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() != 200:
            raise SystemExit(f"a watch was answered with {self._parser.get_status_code()}")
        self._begun()

    def on_body(self, body: bytes) -> None:
        count = body.count(b"\n")
        if count:
            self._lines(count)


async def connect(address: Address, tls: ssl.SSLContext, make: Callable[[], asyncio.Protocol]) -> Any:
    """A connected protocol."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(make, address.host, address.port, ssl=tls)
    return protocol
