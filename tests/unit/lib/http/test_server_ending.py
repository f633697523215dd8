"""The HTTP server over real sockets on loopback: time-outs, shutting down, clients that go."""

import asyncio

import pytest
from raw_client import connected, echo, serving

from pybernetes.lib.clock import RealClock, VirtualClock
from pybernetes.lib.http.messages import (
    Answer,
    BodyTooLarge,
    Request,
    Response,
    Streaming,
    Writer,
)
from pybernetes.lib.http.site import Limits


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
