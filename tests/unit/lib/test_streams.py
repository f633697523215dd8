"""Joining byte streams, in memory and over a socket."""

import asyncio

import pytest

from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.messages import Answer, Headers, Request, Upgrade
from pybernetes.lib.http.server import Server
from pybernetes.lib.sockets import HIGH_WATER, SocketStream, dial
from pybernetes.lib.streams import ByteStream, MemoryStream, pipe


async def read_all(stream: ByteStream) -> bytes:
    whole = b""
    while data := await stream.read():
        whole += data
    return whole


async def test_a_pipe_keeps_one_direction_open_when_the_other_has_ended() -> None:
    left, near = MemoryStream.pair()
    far, right = MemoryStream.pair()
    joined = asyncio.create_task(pipe(near, far))
    left.write(b"question")
    left.write_eof()
    assert await read_all(right) == b"question"
    right.write(b"answer")
    right.write_eof()
    assert await read_all(left) == b"answer"
    await joined


async def test_a_pipe_without_half_closing_ends_with_its_first_direction() -> None:
    left, near = MemoryStream.pair()
    far, right = MemoryStream.pair()
    joined = asyncio.create_task(pipe(near, far, half_close=False))
    right.write(b"bye")
    right.close()
    assert await read_all(left) == b"bye"
    await joined
    with pytest.raises(ConnectionError):
        left.write(b"late")


async def test_a_socket_stream_holds_its_sender_back_and_loses_nothing() -> None:
    size = 20 << 20
    sent = 0

    async def send(stream: ByteStream) -> None:
        nonlocal sent
        while sent < size:
            stream.write(bytes(1 << 16))
            await stream.drain()
            sent += 1 << 16

    async def handler(request: Request) -> Answer:
        return Upgrade(send, Headers({"upgrade": "x"}))

    server = Server(handler, RealClock())
    stream: SocketStream = await dial("127.0.0.1", await server.start("127.0.0.1", 0))
    stream.write(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
    while not stream._reading_paused:
        await RealClock().sleep(0)
    assert len(stream._incoming) <= 2 * HIGH_WATER and sent < size
    received = await read_all(stream)
    assert len(received.partition(b"\r\n\r\n")[2]) == size
    stream.close()
    await stream.wait_closed()
    with pytest.raises(ConnectionError):
        stream.write(b"late")
    await server.close(0)
