"""The in-process transport gives the answers that a socket would give."""

import asyncio

import pytest

from pybernetes.lib.http.inprocess import HIGH_WATER, InProcessTransport
from pybernetes.lib.http.messages import Answer, Headers, Peer, Request, Response, Streaming, Upgrade, Writer
from pybernetes.lib.streams import ByteStream


async def test_a_request_carries_method_target_headers_body_and_peer() -> None:
    async def handler(request: Request) -> Answer:
        body = await request.body.read(100)
        text = f"{request.method} {request.path} {request.query} {request.headers.get('X')} {request.peer.address}"
        return Response(201, Headers({"A": "b"}), [text.encode(), body])

    transport = InProcessTransport(handler, Peer("10.0.0.1"))
    answer = await transport.request("PUT", "/a%20b?c=d", Headers({"x": "y"}), b"!")
    assert (answer.status, answer.headers.get("a")) == (201, "b")
    assert answer.body == b"PUT /a b {'c': ['d']} y 10.0.0.1!"


async def test_errors_of_handlers_become_answers() -> None:
    async def handler(request: Request) -> Answer:
        await request.body.read(1)
        raise RuntimeError

    transport = InProcessTransport(handler)
    assert (await transport.request("GET", "/", Headers())).status == 500
    assert (await transport.request("GET", "/", Headers(), b"ab")).status == 413


async def test_a_stream_is_held_back_by_its_reader_and_cancelled_when_it_closes() -> None:
    written = 0
    cancelled = asyncio.Event()

    async def run(writer: Writer) -> None:
        nonlocal written
        try:
            while True:
                writer.write(bytes(1 << 16))
                written += 1 << 16
                await writer.drain()
        except asyncio.CancelledError:
            assert writer.closed
            await writer.wait_closed()
            cancelled.set()
            raise

    async def handler(request: Request) -> Answer:
        return Streaming(run)

    transport = InProcessTransport(handler)
    answer = await transport.stream("GET", "/", Headers())
    async for chunk in answer:
        assert chunk
        if written > 4 * HIGH_WATER:
            break
    before = written
    for _ in range(50):
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, int))
    assert written <= before + 2 * HIGH_WATER
    await answer.close()
    await cancelled.wait()
    await transport.close()


async def test_a_stream_that_fails_raises_at_its_reader() -> None:
    async def run(writer: Writer) -> None:
        writer.write(b"x")
        raise RuntimeError

    async def handler(request: Request) -> Answer:
        return Streaming(run)

    answer = await InProcessTransport(handler).stream("GET", "/", Headers())
    with pytest.raises(ConnectionError):
        assert [chunk async for chunk in answer] == [b"x"]


async def test_a_streaming_answer_to_a_plain_request_is_read_to_its_end() -> None:
    async def run(writer: Writer) -> None:
        for _ in range(3):
            writer.write(b"x")
            await writer.drain()

    async def handler(request: Request) -> Answer:
        return Streaming(run)

    assert (await InProcessTransport(handler).request("GET", "/", Headers())).body == b"xxx"


async def test_upgrades_are_a_pair_of_streams() -> None:
    async def run(stream: ByteStream) -> None:
        stream.write((await stream.read()).upper())

    async def handler(request: Request) -> Answer:
        if "upgrade" not in request.headers:
            return Response(400, body=b"why")
        return Upgrade(run)

    transport = InProcessTransport(handler)
    refused = await transport.upgrade("GET", "/", Headers())
    assert (refused.status, refused.stream, refused.body) == (400, None, b"why")
    answer = await transport.upgrade("GET", "/", Headers({"upgrade": "x"}))
    assert answer.status == 101 and answer.stream is not None
    answer.stream.write(b"abc")
    assert await answer.stream.read() == b"ABC"
    assert await answer.stream.read() == b""


async def test_a_handler_runs_on_when_its_caller_is_cancelled() -> None:
    begun, gate, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Answer:
        begun.set()
        await gate.wait()
        finished.set()
        return Response()

    call = asyncio.create_task(InProcessTransport(handler).request("POST", "/", Headers()))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.set()
    await finished.wait()
