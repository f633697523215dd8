"""A server on loopback and a client that speaks in bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.messages import Answer, Handler, Headers, Request, Response
from pybernetes.lib.http.server import Server


class Client:
    """Raw bytes to one connection, and answers parsed by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), headers

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join([chunk async for chunk in self.chunks()])
        return status, headers, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def chunk(self) -> bytes:
        size = int(await self.reader.readline(), 16)
        data = await self.reader.readexactly(size)
        await self.reader.readexactly(2)
        return data

    async def chunks(self) -> AsyncIterator[bytes]:
        while data := await self.chunk():
            yield data

    async def ended(self) -> bytes:
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, clock: object = None, **options: object
) -> AsyncIterator[tuple[Server, int]]:
    server = Server(handler, clock or RealClock(), **options)
    port = await server.start("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.close(0)
        assert server.connections == 0 or await _settled(server)


async def _settled(server: Server) -> bool:
    for _ in range(20):
        if not server.connections:
            return True
        await RealClock().sleep(0.01)
    return False


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def echo(request: Request) -> Answer:
    body = await request.body.read(1 << 20)
    text = f"{request.method} {request.target} {len(body)}".encode()
    return Response(200, Headers({"x-body": body[:20].decode("latin-1")}), text)
