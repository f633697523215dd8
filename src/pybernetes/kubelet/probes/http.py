"""One small HTTP request, as probes and hooks make it: no connection is kept, no certificate is checked.

Answers `(status, body)`; failures come as `RequestFailed` with the words that Go's client would use.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from pybernetes.lib.clock import Clock
from pybernetes.lib.tls import client_context

MAX_BODY = 10 * 1024
MAX_REDIRECTS = 10


class RequestFailed(Exception):
    pass


@dataclass(slots=True, frozen=True)
class Target:
    scheme: str
    host: str
    port: int
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = field(default=())

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def dial_error(error: OSError, address: str) -> str:
    """`dial tcp 10.0.0.1:80: connect: connection refused`"""
    import os

    number = error.errno
    text = os.strerror(number).lower() if number else str(error).lower()
    return f"dial tcp {address}: connect: {text}"


async def get(target: Target, clock: Clock, seconds: float) -> tuple[int, str]:
    """GET, following redirects on the same host; a redirect elsewhere is the answer itself."""
    try:
        async with clock.timeout(seconds):
            for _ in range(MAX_REDIRECTS):
                status, headers, body = await _once(target)
                location = headers.get("location")
                if not 300 <= status < 400 or not location:
                    return status, body
                parts = urlsplit(urljoin(target.url, location))
                if parts.hostname != target.host:
                    return status, body
                port = parts.port or (443 if parts.scheme == "https" else 80)
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                target = Target(parts.scheme, target.host, port, path, target.headers)
            raise RequestFailed(f'Get "{target.url}": stopped after {MAX_REDIRECTS} redirects')
    except TimeoutError as error:
        late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        raise RequestFailed(f'Get "{target.url}": {late}') from error


async def _once(target: Target) -> tuple[int, dict[str, str], str]:
    try:
        reader, writer = await asyncio.open_connection(
            target.host, target.port, ssl=client_context(verify=False) if target.scheme == "https" else None
        )
    except OSError as error:
        raise RequestFailed(f'Get "{target.url}": {dial_error(error, target.authority)}') from error
    try:
        lines = {"host": target.authority, "user-agent": "kube-probe/1.36", "accept": "*/*"}
        lines.update({name.lower(): value for name, value in target.headers})
        text = f"GET {target.path} HTTP/1.1\r\n"
        text += "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        writer.write((text + "connection: close\r\n\r\n").encode("latin-1", "replace"))
        await writer.drain()
        words = (await reader.readline()).decode("latin-1").split(None, 2)
        if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
            raise RequestFailed(f'Get "{target.url}": {"EOF" if not words else "malformed HTTP response"}')
        headers: dict[str, str] = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = b""
        length = (
            int(headers.get("content-length", MAX_BODY))
            if headers.get("content-length", "1").isdigit()
            else 0
        )
        while len(body) < min(length, MAX_BODY) and (data := await reader.read(MAX_BODY)):
            body += data
        return int(words[1]), headers, body[:MAX_BODY].decode(errors="replace")
    except (OSError, ValueError) as error:
        raise RequestFailed(f'Get "{target.url}": {error}') from error
    finally:
        writer.close()
