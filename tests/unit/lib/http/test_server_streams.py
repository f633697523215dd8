"""The HTTP server over real sockets on loopback: answers that stream, and upgrades."""

import asyncio

from raw_client import connected, serving

from pybernetes.lib.http.messages import (
    Answer,
    Headers,
    Request,
    Response,
    Streaming,
    Upgrade,
    Writer,
)
from pybernetes.lib.streams import ByteStream


async def test_streaming_sends_its_head_at_once_and_joins_the_writes_of_one_turn() -> None:
    go = asyncio.Event()

    async def run(writer: Writer) -> None:
        await go.wait()
        writer.write(b"one ")
        writer.write(b"two")
        await writer.drain()
        writer.write(b"three")

    async def handler(request: Request) -> Answer:
        return Streaming(run, headers=Headers({"content-type": "text/plain"}))

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert (await client.head())[1]["transfer-encoding"] == "chunked"
        go.set()
        assert [chunk async for chunk in client.chunks()] == [b"one two", b"three"]
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert (await client.answer())[2] == b"one twothree"


async def test_a_stream_is_cancelled_when_its_client_goes() -> None:
    events: list[str] = []
    done = asyncio.Event()

    async def run(writer: Writer) -> None:
        gone = asyncio.create_task(writer.wait_closed())
        writer.write(b"x")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gone
            events.append(f"cancelled closed={writer.closed}")
            done.set()
            raise

    async def handler(request: Request) -> Answer:
        return Streaming(run)

    async with serving(handler) as (_, port):
        async with connected(port) as client:
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            await client.head()
            assert await client.chunk() == b"x"
        await done.wait()
    assert events == ["cancelled closed=True"]


async def test_a_stream_sees_how_far_its_reader_is_behind_and_drain_waits() -> None:
    seen: list[int] = []
    full = asyncio.Event()

    async def run(writer: Writer) -> None:
        for _ in range(200):
            writer.write(bytes(1 << 16))
            seen.append(writer.buffered)
        full.set()
        await writer.drain()
        seen.append(-1)

    async def handler(request: Request) -> Answer:
        return Streaming(run)

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        await full.wait()
        assert max(seen) >= 200 << 16
        assert seen[-1] != -1
        assert len((await client.answer())[2]) == 200 << 16
        assert seen[-1] == -1


async def test_a_stream_that_fails_breaks_off_instead_of_ending_well() -> None:
    async def run(writer: Writer) -> None:
        writer.write(b"x")
        await writer.drain()
        raise RuntimeError

    async def handler(request: Request) -> Answer:
        return Streaming(run)

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        await client.head()
        assert b"0\r\n\r\n" not in await client.ended()


async def double(stream: ByteStream) -> None:
    while data := await stream.read():
        stream.write(data + data)
        await stream.drain()
    stream.write(b"end")


async def upgrading(request: Request) -> Answer:
    if request.headers.get("upgrade") == "doubling":
        return Upgrade(double, Headers({"upgrade": "doubling"}))
    return Response(400, body=b"no")


async def test_an_upgrade_gets_the_bytes_that_came_with_the_request_and_half_closes() -> None:
    async with serving(upgrading) as (_, port), connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: doubling\r\n\r\nearly")
        status, headers = await client.head()
        assert (status, headers["upgrade"], headers["connection"]) == (101, "doubling", "upgrade")
        assert await client.reader.readexactly(10) == b"earlyearly"
        client.send(b"more")
        assert await client.reader.readexactly(8) == b"moremore"
        client.writer.write_eof()
        assert await client.ended() == b"end"


async def test_a_refused_upgrade_leaves_http_on_the_connection() -> None:
    async with serving(upgrading) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        assert [(await client.answer())[0] for _ in range(2)] == [400, 400]
        client.send(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: doubling\r\n\r\n")
        assert (await client.head())[0] == 101
