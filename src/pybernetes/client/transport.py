"""Requests over TLS to a real server: the `Transport` of lib/http/transport.py on aiohttp's connection pool.

aiohttp is imported with the first request. An upgrade (exec, attach, port-forward) opens a connection of
its own with asyncio streams, because its bytes belong to the caller from the 101 on.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pybernetes.lib.http.messages import Headers
from pybernetes.lib.http.transport import StreamingResponse, TransportResponse, UpgradeResponse

if TYPE_CHECKING:
    import aiohttp

CONNECT_TIMEOUT = 15.0
CONCURRENT_REQUESTS = 64
HEADER_LIMIT = 1 << 16
_KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


def _socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket that notices a server that is gone without a word: a watch could wait for ever."""
    family, kind, protocol = address[0], address[1], address[2]
    connection = socket.socket(family, kind, protocol)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


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
        proxy: str | None = None,
        concurrency: int = CONCURRENT_REQUESTS,
    ) -> None:
        self.server = server.rstrip("/")
        self._context = context
        self._credentials = credentials or Credentials()
        self._server_name = server_name
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(concurrency)
        self._closed = False

    def use_context(self, context: ssl.SSLContext) -> None:
        """Take a renewed certificate or CA: connections from now on use it, requests under way finish."""
        self._context = context
        session, self._session = self._session, None
        if session is not None:
            asyncio.get_running_loop().create_task(session.close())

    def _pool(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ConnectionError(f"the connection pool to {self.server} is closed")
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(
                limit=0, ssl=self._context or True, socket_factory=_socket, keepalive_timeout=60
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
                read_bufsize=1 << 18,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
                skip_auto_headers=("User-Agent", "Content-Type", "Accept-Encoding", "Accept"),
            )
        return self._session

    async def _send(self, method: str, target: str, headers: Headers, body: bytes) -> aiohttp.ClientResponse:
        import aiohttp
        from yarl import URL

        lines = headers.items()
        authorization = self._credentials.header()
        if authorization and "authorization" not in headers:
            lines.append(("authorization", authorization))
        try:
            return await self._pool().request(
                method,
                URL(self.server + target, encoded=True),
                headers=lines,
                data=body or None,
                allow_redirects=False,
                server_hostname=self._server_name,
                proxy=self._proxy,
            )
        except aiohttp.ClientError as error:
            raise ConnectionError(f"{self.server}: {error}") from error

    async def request(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> TransportResponse:
        import aiohttp

        async with self._slots:
            answer = await self._send(method, target, headers, body)
            try:
                data = await answer.read()
            except aiohttp.ClientError as error:
                raise ConnectionError(f"{self.server}: the answer broke off: {error}") from error
            finally:
                answer.release()
        return TransportResponse(answer.status, Headers(answer.headers.items()), data)

    async def stream(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> StreamingResponse:
        answer = await self._send(method, target, headers, body)
        return _Streaming(answer, self.server)

    async def upgrade(self, method: str, target: str, headers: Headers) -> UpgradeResponse:
        parts = urlsplit(self.server)
        secure = parts.scheme == "https"
        context = (self._context or ssl.create_default_context()) if secure else None
        name = self._server_name or parts.hostname if secure else None
        reader, writer = await asyncio.open_connection(
            parts.hostname,
            parts.port or (443 if secure else 80),
            ssl=context,
            server_hostname=name,
            limit=HEADER_LIMIT,
        )
        try:
            return await self._upgrade(reader, writer, method, parts.path + target, headers, parts.netloc)
        except BaseException:
            writer.transport.abort()
            raise

    async def _upgrade(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        target: str,
        headers: Headers,
        host: str,
    ) -> UpgradeResponse:
        lines = [f"{method} {target} HTTP/1.1"]
        if "host" not in headers:
            lines.append(f"host: {host}")
        authorization = self._credentials.header()
        if authorization and "authorization" not in headers:
            lines.append(f"authorization: {authorization}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ConnectionError(f"{self.server}: no answer to the upgrade of {target}") from error
        status, answer = _parse_head(head)
        if status == 101:
            return UpgradeResponse(status, answer, SocketStream(reader, writer))
        body = await _refusal(reader, answer)
        writer.close()
        return UpgradeResponse(status, answer, None, body)

    async def close(self) -> None:
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class _Streaming:
    """An answer of aiohttp's, chunk by chunk."""

    def __init__(self, answer: aiohttp.ClientResponse, server: str) -> None:
        self.status = answer.status
        self.headers = Headers(answer.headers.items())
        self._answer = answer
        self._server = server

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import aiohttp

        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except aiohttp.ClientConnectionError as error:
            raise ConnectionError(f"{self._server}: {error}") from error
        except aiohttp.ClientPayloadError as error:
            raise ConnectionError(f"{self._server}: the answer broke off: {error}") from error

    async def close(self) -> None:
        self._answer.close()


class SocketStream:
    """A `ByteStream` over asyncio's reader and writer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, limit: int = 65536) -> bytes:
        return await self._reader.read(limit)

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    def write_eof(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()

    def close(self) -> None:
        self._writer.close()

    async def wait_closed(self) -> None:
        try:
            await self._writer.wait_closed()
        except OSError:
            return


def _parse_head(head: bytes) -> tuple[int, Headers]:
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ConnectionError(f"not an HTTP answer: {first[:80]!r}")
    headers = Headers()
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.add(name.strip(), value.strip())
    return int(words[1]), headers


async def _refusal(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    length = headers.get("content-length")
    if length.isdigit():
        return await reader.readexactly(min(int(length), 1 << 20))
    if "chunked" in headers.get("transfer-encoding"):
        return await _chunked(reader)
    return await reader.read(1 << 20)


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
        body += await reader.readexactly(size)
        await reader.readline()
    return bytes(body)
