"""The HTTP server over real sockets on loopback: framing, order, limits, time-outs, upgrades, shutting down."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from pybernetes.lib.clock import RealClock, VirtualClock
from pybernetes.lib.http.messages import (
    Answer,
    BodyTooLarge,
    Handler,
    Headers,
    Request,
    Response,
    Streaming,
    Upgrade,
    Writer,
)
from pybernetes.lib.http.server import Server
from pybernetes.lib.http.site import Limits
from pybernetes.lib.streams import ByteStream


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


async def test_a_kept_alive_connection_answers_one_request_after_the_other() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        for number in range(3):
            client.send(b"GET /a%%20b?n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
            status, headers, body = await client.answer()
            assert (status, body) == (200, b"GET /a%%20b?n=%d 0" % number)
            assert "connection" not in headers


async def test_pipelined_requests_are_answered_in_order_whatever_they_take() -> None:
    gate = asyncio.Event()

    async def handler(request: Request) -> Answer:
        if request.target == "/slow":
            await gate.wait()
        return Response(body=request.target.encode())

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(
            b"GET /slow HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nPOST /3 HTTP/1.1\r\ncontent-length: 2\r\n\r\nab"
        )
        client.send(b"GET /4 HTTP/1.1\r\n\r\n")
        gate.set()
        assert [(await client.answer())[2] for _ in range(4)] == [b"/slow", b"/2", b"/3", b"/4"]


async def test_a_request_in_single_bytes_is_one_request() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        for byte in b"POST /x HTTP/1.1\r\nContent-Length: 3\r\nX: y\r\n\r\nabc":
            client.send(bytes([byte]))
            await client.writer.drain()
        assert (await client.answer())[2] == b"POST /x 3"


async def test_chunked_bodies_arrive_whole() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        client.send(b"2\r\nde\r\n0\r\nTrailer: ignored\r\n\r\n")
        status, headers, body = await client.answer()
        assert (status, headers["x-body"], body) == (200, "abcde", b"POST / 5")


async def test_a_body_is_held_back_until_the_handler_reads() -> None:
    begin = asyncio.Event()
    size = 40 << 20

    async def handler(request: Request) -> Answer:
        await begin.wait()
        total = 0
        async for chunk in request.body:
            total += len(chunk)
        return Response(body=str(total).encode())

    async with serving(handler) as (server, port), connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)

        async def upload() -> None:
            block = bytes(1 << 20)
            for _ in range(size >> 20):
                client.send(block)
                await client.writer.drain()

        uploading = asyncio.create_task(upload())
        while not (paused := [c for c in server._site.connections if c._reading_paused]):
            await RealClock().sleep(0)
        assert paused[0]._current is not None and paused[0]._current.buffered < 1 << 20
        assert not uploading.done()
        begin.set()
        assert (await client.answer())[2] == str(size).encode()
        await uploading


async def test_100_continue_is_sent_when_the_handler_wants_the_body() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (await client.head())[0] == 100
        client.send(b"ok")
        assert (await client.answer())[2] == b"PUT / 2"


async def test_an_answer_without_reading_the_expected_body_closes_instead_of_asking_for_it() -> None:
    async def handler(request: Request) -> Answer:
        return Response(403, body=b"no")

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        status, headers, body = await client.answer()
        assert (status, headers["connection"], body) == (403, "close", b"no")
        assert await client.ended() == b""


async def test_a_body_above_the_handlers_limit_is_413() -> None:
    async def handler(request: Request) -> Answer:
        await request.body.read(10)
        raise AssertionError

    async with serving(handler) as (_, port):
        for request in (
            b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n" + bytes(11),
            b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n",
        ):
            async with connected(port) as client:
                client.send(request)
                assert (await client.answer())[0] == 413


async def test_head_has_the_length_and_no_body() -> None:
    async def handler(request: Request) -> Answer:
        return Response(body=[b"abc", b"def"])

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        assert (await client.head())[1]["content-length"] == "6"
        assert (await client.answer())[2] == b"abcdef"


async def test_a_204_has_neither_length_nor_body() -> None:
    async def handler(request: Request) -> Answer:
        return Response(204)

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert await client.head() == (204, {})


async def test_http_1_0_is_answered_and_closed() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await client.answer())[1]["connection"] == "close"
        assert await client.ended() == b""


async def test_connection_close_is_honoured() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert (await client.answer())[1]["connection"] == "close"
        assert await client.ended() == b""


async def test_a_large_answer_in_parts_arrives_whole() -> None:
    parts = [bytes([n]) * 65536 for n in range(64)]

    async def handler(request: Request) -> Answer:
        return Response(body=parts)

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert (await client.answer())[2] == b"".join(parts)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnothex\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    ],
)
async def test_malformed_requests_get_400_and_the_connection_ends(garbage: bytes) -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(garbage)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (400, "close")
        client.writer.close()


async def test_a_valid_request_before_a_malformed_one_is_still_answered() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"GET /ok HTTP/1.1\r\n\r\nbroken\r\n\r\n")
        assert (await client.answer())[2] == b"GET /ok 0"
        assert (await client.answer())[0] == 400


async def test_a_body_that_breaks_half_way_is_400() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert (await client.head())[0] == 100
        client.send(b"zz\r\n")
        assert (await client.answer())[0] == 400


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 600000,
        b"GET / HTTP/1.1\r\n" + b"X: abcdefgh\r\n" * 7000 + b"\r\n",
    ],
)
async def test_a_head_above_64_kib_is_431(request_bytes: bytes) -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(request_bytes)
        assert (await client.answer())[0] == 431


async def test_a_handler_that_fails_is_500_without_any_byte_of_the_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(request: Request) -> Answer:
        raise RuntimeError(f"secret {request.headers.get('authorization')}")

    def error_body(status: int, text: str) -> Response:
        return Response(status, Headers({"content-type": "application/json"}), b"{}")

    with caplog.at_level(logging.DEBUG):
        async with serving(handler, error_body=error_body) as (_, port), connected(port) as client:
            client.send(b"GET /path HTTP/1.1\r\nAuthorization: token123\r\n\r\n")
            status, headers, body = await client.answer()
            assert (status, headers["content-type"], body) == (500, "application/json", b"{}")
            client.send(b"GET /again HTTP/1.1\r\n\r\n")
            assert (await client.answer())[0] == 500
    assert "RuntimeError" in caplog.text and "test_server.py" in caplog.text
    assert "token123" not in caplog.text and "/path" not in caplog.text


async def test_a_header_with_a_line_break_never_leaves() -> None:
    async def handler(request: Request) -> Answer:
        return Response(200, Headers({"x": "a\r\nset-cookie: b"}))

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        status, headers, _ = await client.answer()
        assert status == 500 and "set-cookie" not in headers


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


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    clock = VirtualClock()
    async with serving(echo, clock, limits=Limits(idle_seconds=90)) as (_, port), connected(port) as client:
        for _ in range(2):
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            await client.answer()
            await clock.advance(80)
        assert not client.reader.at_eof()
        await clock.advance(11)
        assert await client.ended() == b""


async def test_a_slow_head_is_408() -> None:
    clock = VirtualClock()
    async with serving(echo, clock) as (server, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\nX: ")
        while not any(c._in_head for c in server._site.connections):
            await RealClock().sleep(0)
        await clock.advance(33)
        assert (await client.answer())[0] == 408


async def test_a_slow_body_is_408() -> None:
    clock = VirtualClock()
    async with serving(echo, clock) as (_, port), connected(port) as client:
        client.send(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        await client.head()
        await clock.advance(61)
        assert (await client.answer())[0] == 408


async def test_closing_lets_a_request_in_flight_end_and_says_close() -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Answer:
        begun.set()
        await gate.wait()
        return Response(body=b"done")

    async with serving(handler) as (server, port), connected(port) as client, connected(port) as idle:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        await begun.wait()
        closing = asyncio.create_task(server.close(30))
        assert await idle.ended() == b""
        assert not closing.done()
        gate.set()
        _, headers, body = await client.answer()
        assert (headers["connection"], body) == ("close", b"done")
        await closing
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_closing_gives_up_on_a_request_after_the_grace() -> None:
    clock = VirtualClock()
    begun = asyncio.Event()

    async def handler(request: Request) -> Answer:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(handler, clock) as (server, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        await begun.wait()
        closing = asyncio.create_task(server.close(30))
        await clock.advance(29)
        assert not closing.done()
        await clock.advance(2)
        await closing
        assert await client.ended() == b""


async def test_closing_ends_streams_at_once() -> None:
    async def run(writer: Writer) -> None:
        await asyncio.Event().wait()

    async def handler(request: Request) -> Answer:
        return Streaming(run)

    clock = VirtualClock()
    async with serving(handler, clock) as (server, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        await client.head()
        closing = asyncio.create_task(server.close(30))
        await clock.advance(0.1)
        await closing
        await client.ended()


async def test_a_handler_finishes_its_work_when_its_client_goes() -> None:
    begun, gate, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Answer:
        begun.set()
        await gate.wait()
        finished.set()
        return Response()

    async with serving(handler) as (_, port):
        async with connected(port) as client:
            client.send(b"POST / HTTP/1.1\r\n\r\n")
            await begun.wait()
        gate.set()
        await finished.wait()


async def test_reading_fails_when_the_client_goes_within_its_body() -> None:
    failed = asyncio.Event()

    async def handler(request: Request) -> Answer:
        with pytest.raises(ConnectionError):
            await request.body.read(100)
        failed.set()
        return Response()

    async with serving(handler) as (_, port):
        async with connected(port) as client:
            client.send(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            await client.head()
        await failed.wait()


async def test_bodytoolarge_says_the_limit() -> None:
    caught: list[str] = []

    async def handler(request: Request) -> Answer:
        try:
            await request.body.read(3)
        except BodyTooLarge as error:
            caught.append(str(error))
        return Response(413)

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde")
        assert (await client.answer())[0] == 413
    assert caught == ["5 bytes, the limit is 3"]
