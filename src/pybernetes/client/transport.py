"""Requests over TLS to a real server: the `Transport` of lib/http/transport.py on a pool of connections.

In: method, target, headers, bytes. Out: answers, whole or as they arrive, and upgraded connections. Credentials are
added here. A connection that fails raises ConnectionError or another OSError.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from pybernetes.client.http1 import Connection, Pool
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.http.transport import StreamingResponse, TransportResponse, UpgradeResponse

CONCURRENT_REQUESTS = 64
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Credentials:
    """The Authorization header of each request: none, a token (fixed or in a file), or basic."""

    def __init__(self, token: str = "", token_file: str = "", username: str = "", password: str = "") -> None:
        self._value = f"Bearer {token}" if token else ""
        self._file = token_file
        self._modified = -1
        if username and not token and not token_file:
            self._value = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    def header(self) -> str:
        """A token file is read again when it has changed: such tokens are short-lived and get replaced."""
        if self._file:
            modified = os.stat(self._file).st_mtime_ns
            if modified != self._modified:
                with open(self._file) as file:
                    self._value = "Bearer " + file.read().strip()
                self._modified = modified
        return self._value


class HttpTransport:
    """One server at `server` (`https://host:port`, with or without a path). Not for reuse after `close`."""

    def __init__(
        self,
        server: str,
        *,
        context: ssl.SSLContext | None = None,
        credentials: Credentials | None = None,
        server_name: str | None = None,
        concurrency: int = CONCURRENT_REQUESTS,
    ) -> None:
        self.server = server.rstrip("/")
        parts = urlsplit(self.server)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._path = parts.path
        self._context = context
        self._credentials = credentials or Credentials()
        self._server_name = server_name
        self._pool: Pool | None = None
        self._slots = asyncio.Semaphore(concurrency)
        self._closed = False

    def use_context(self, context: ssl.SSLContext) -> None:
        """Take a renewed certificate or CA: connections from now on use it, requests under way finish."""
        self._context = context
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.retire()

    async def request(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> TransportResponse:
        async with self._slots:
            connection, pool = await self._send(method, target, headers, body)
            try:
                parts = []
                while chunk := await connection.read():
                    parts.append(chunk)
            except OSError as error:
                raise ConnectionError(f"{self.server}: {error}") from error
            finally:
                pool.release(connection)
        return TransportResponse(
            connection.status, connection.headers, parts[0] if len(parts) == 1 else b"".join(parts)
        )

    async def stream(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> StreamingResponse:
        connection, pool = await self._send(method, target, headers, body)
        return _Streaming(connection, pool, self.server)

    async def upgrade(self, method: str, target: str, headers: Headers) -> UpgradeResponse:
        connection, pool = await self._send(method, target, headers, b"", fresh=True)
        if connection.status == 101:
            pool.forget(connection)
            return UpgradeResponse(101, connection.headers, connection.take_over())
        try:
            body = b"".join([chunk async for chunk in _Streaming(connection, pool, self.server)])
        finally:
            pool.release(connection)
        return UpgradeResponse(connection.status, connection.headers, None, body)

    async def close(self) -> None:
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def _send(
        self, method: str, target: str, headers: Headers, body: bytes, *, fresh: bool = False
    ) -> tuple[Connection, Pool]:
        """The answer's head has arrived. A kept connection that the server has just closed is tried anew."""
        if self._closed:
            raise ConnectionError(f"the connection pool to {self.server} is closed")
        head = self._head(method, target, headers, body)
        pool = self._open_pool()
        while True:
            try:
                connection, used = await pool.acquire(fresh=fresh)
            except OSError as error:
                raise ConnectionError(f"{self.server}: {error}") from error
            try:
                await connection.send(head, body, bodiless=method == "HEAD")
                return connection, pool
            except OSError as error:
                pool.release(connection)
                if not used or connection.status or method not in _REPEATABLE:
                    raise ConnectionError(f"{self.server}: {error}") from error
                fresh = True
            except BaseException:
                connection.abort()
                pool.release(connection)
                raise

    def _open_pool(self) -> Pool:
        if self._pool is None:
            context = self._context
            if self._secure and context is None:
                context = ssl.create_default_context()
            name = self._server_name or self._host
            self._pool = Pool(self._host, self._port, context if self._secure else None, name)
        return self._pool

    def _head(self, method: str, target: str, headers: Headers, body: bytes) -> bytes:
        lines = [f"{method} {self._path}{target} HTTP/1.1"]
        if "host" not in headers:
            lines.append(f"host: {self._authority}")
        authorization = self._credentials.header()
        if authorization and "authorization" not in headers:
            lines.append(f"authorization: {authorization}")
        lines += [f"{name}: {value}" for name, value in headers.items() if name != "content-length"]
        if body or method in _WITH_BODY:
            lines.append(f"content-length: {len(body)}")
        if any("\r" in line or "\n" in line for line in lines) or " " in target:
            raise ValueError(
                f"a line break or a space where none may be, in {method} {target!r} or its headers"
            )
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _Streaming:
    """An answer that is still arriving; the connection goes back to its pool at the end."""

    def __init__(self, connection: Connection, pool: Pool, server: str) -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._connection: Connection | None = connection
        self._pool = pool
        self._server = server

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None:
            try:
                chunk = await self._connection.read()
            except OSError as error:
                raise ConnectionError(f"{self._server}: {error}") from error
            if not chunk:
                await self.close()
                return
            yield chunk

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.release(connection)
