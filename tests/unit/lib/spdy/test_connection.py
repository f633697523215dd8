"""Two SPDY ends on one byte stream: streams, half-closing, windows, pings, and the ways to end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy import SpdyConnection, SpdyError, SpdyStream, frames
from pybernetes.lib.spdy.connection import UNREAD_LIMIT, WINDOW
from pybernetes.lib.streams import MemoryStream


@contextlib.asynccontextmanager
async def ends() -> AsyncIterator[tuple[SpdyConnection, SpdyConnection]]:
    left, right = MemoryStream.pair()
    client, server = SpdyConnection(left, client=True), SpdyConnection(right, client=False)
    try:
        yield client, server
    finally:
        await client.close()
        await server.close()


async def opened(client: SpdyConnection, server: SpdyConnection) -> tuple[SpdyStream, SpdyStream]:
    ours = await client.create_stream(Headers({"streamType": "data", "port": "80"}))
    theirs = await server.accept_stream()
    assert theirs is not None
    return ours, theirs


async def syn_stream(wire: MemoryStream) -> None:
    """Wait until the other end has asked for a stream."""
    decoder = frames.Decoder()
    while not any(frame.kind == frames.SYN_STREAM for frame in decoder.feed(await wire.read())):
        pass


async def test_streams_carry_headers_and_bytes_both_ways_and_half_close() -> None:
    async with ends() as (client, server):
        ours, theirs = await opened(client, server)
        assert (ours.id, theirs.headers.get("streamtype"), theirs.headers.get("port")) == (1, "data", "80")
        ours.write(b"ping")
        ours.write_eof()
        assert await theirs.read() == b"ping"
        assert await theirs.read() == b""
        theirs.write(b"pong")
        assert await ours.read() == b"pong"
        theirs.write_eof()
        assert await ours.read() == b""
        await ours.wait_closed()
        await theirs.wait_closed()
        with pytest.raises(SpdyError):
            ours.write(b"late")


async def test_both_ends_may_open_streams() -> None:
    async with ends() as (client, server):
        theirs = await server.create_stream(Headers({"a": "b"}))
        ours = await client.accept_stream()
        assert theirs.id == 2 and ours is not None and ours.headers.get("a") == "b"


async def test_a_lot_of_data_keeps_to_the_window_and_arrives() -> None:
    async with ends() as (client, server):
        ours, theirs = await opened(client, server)
        size = 5 << 20
        peak = 0

        async def sending() -> None:
            for _ in range(size >> 16):
                ours.write(bytes(1 << 16))
                await ours.drain()
            ours.write_eof()

        async def receiving() -> int:
            nonlocal peak
            total = 0
            while True:
                peak = max(peak, theirs.buffered)
                data = await theirs.read(10_000)
                if not data:
                    return total
                total += len(data)

        sender = asyncio.create_task(sending())
        assert await receiving() == size
        await sender
        assert 0 < peak <= WINDOW


async def test_a_stream_that_is_not_read_does_not_stop_another_one() -> None:
    async with ends() as (client, server):
        stuck, _ = await opened(client, server)
        stuck.write(bytes(3 << 20))
        ours, theirs = await opened(client, server)
        theirs.write(b"free")
        assert await ours.read() == b"free"


async def test_a_peer_without_windows_is_never_waited_for() -> None:
    wire, other = MemoryStream.pair(1 << 26)
    connection = SpdyConnection(other, client=True)
    opening = asyncio.create_task(connection.create_stream(Headers({"a": "b"})))
    await syn_stream(wire)
    wire.write(frames.Encoder().syn_reply(1, Headers()))
    stream = await opening
    stream.write(bytes(1 << 20))
    decoder = frames.Decoder()
    total = 0
    while total < 1 << 20:
        total += sum(len(frame.data) for frame in decoder.feed(await wire.read()) if frame.kind == 0)
    await connection.close()


async def test_such_a_peer_is_held_back_by_not_reading() -> None:
    wire, other = MemoryStream.pair(1 << 16)
    connection = SpdyConnection(other, client=True)
    opening = asyncio.create_task(connection.create_stream(Headers({"a": "b"})))
    await syn_stream(wire)
    wire.write(frames.Encoder().syn_reply(1, Headers()))
    stream = await opening
    wire.write(frames.data(1, bytes(UNREAD_LIMIT + 1)))
    for _ in range(100):
        wire.write(frames.data(1, bytes(32768)))

    async def all_sent() -> None:
        await wire.drain()

    sent = asyncio.create_task(all_sent())
    while stream.buffered <= UNREAD_LIMIT:
        await stream._wait()
    assert not sent.done()
    assert stream.buffered < 2 * UNREAD_LIMIT
    total = 0
    while total < UNREAD_LIMIT + 1 + 100 * 32768:
        total += len(await stream.read())
    await sent
    await connection.close()


async def test_ping_comes_back() -> None:
    async with ends() as (client, server):
        await client.ping()
        await server.ping()


async def test_closing_a_stream_tells_a_writer() -> None:
    async with ends() as (client, server):
        ours, theirs = await opened(client, server)
        ours.close()
        assert await theirs.read() == b""
        await theirs.wait_closed()
        with pytest.raises(SpdyError):
            theirs.write(b"x")


async def test_data_before_a_reset_can_still_be_read() -> None:
    async with ends() as (client, server):
        ours, theirs = await opened(client, server)
        ours.write(b"last words")
        ours.reset()
        await theirs.wait_closed()
        assert await theirs.read() == b"last words"
        assert await theirs.read() == b""


async def test_a_refused_stream_is_an_error() -> None:
    wire, other = MemoryStream.pair()
    connection = SpdyConnection(other, client=True)
    opening = asyncio.create_task(connection.create_stream(Headers()))
    await syn_stream(wire)
    wire.write(frames.rst_stream(1, frames.REFUSED_STREAM))
    with pytest.raises(SpdyError):
        await opening
    await connection.close()


async def test_the_end_of_the_connection_ends_everything() -> None:
    left, right = MemoryStream.pair()
    client, server = SpdyConnection(left, client=True), SpdyConnection(right, client=False)
    ours, _ = await opened(client, server)
    reading = asyncio.create_task(ours.read())
    await server.close()
    assert await reading == b""
    await client.wait_closed()
    assert await client.accept_stream() is None and await client.accept_stream() is None
    with pytest.raises(SpdyError):
        await client.create_stream(Headers())
    with pytest.raises(SpdyError):
        await client.ping()


async def test_garbage_closes_the_connection() -> None:
    wire, other = MemoryStream.pair()
    connection = SpdyConnection(other, client=False)
    wire.write(bytes.fromhex("80020006 00000004 00000007"))
    await connection.wait_closed()
    assert connection.closed
