"""Port forwarding: each kind of client reaches a fake server that speaks SPDY, or is served directly."""

import asyncio

from pybernetes.lib.channels import spdy_headers
from pybernetes.lib.clock import RealClock
from pybernetes.lib.forwarding import (
    PROTOCOL,
    TUNNEL,
    Forward,
    accept_forwards,
    bridge_forwards,
    negotiate_forward,
    open_forward,
)
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy import SpdyConnection
from pybernetes.lib.streams import MemoryStream
from pybernetes.lib.websocket import WebSocket, WebSocketStream, client_handshake


async def answer(forward: Forward) -> None:
    """Port 1 refuses; every other port says its number and then upper-cases what it gets."""
    if forward.port == 1:
        forward.error.write(b"refused")
    else:
        forward.data.write(b"%d:" % forward.port)
        while data := await forward.data.read():
            forward.data.write(data.upper())
    forward.data.write_eof()
    forward.error.write_eof()


async def serve(stream: MemoryStream, request: Headers, ports: tuple[int, ...] = ()) -> None:
    tasks = []
    async for forward in accept_forwards(stream, negotiate_forward(request), ports, RealClock()):
        tasks.append(asyncio.create_task(answer(forward)))
    for task in tasks:
        task.cancel()


async def read_all(forward: Forward) -> tuple[bytes, bytes]:
    async def everything(stream: object) -> bytes:
        whole = b""
        while data := await stream.read():
            whole += data
        return whole

    return tuple(await asyncio.gather(everything(forward.data), everything(forward.error)))


async def test_a_spdy_client_has_a_pair_of_streams_for_each_connection() -> None:
    client, server = MemoryStream.pair()
    serving = asyncio.create_task(serve(server, spdy_headers(PROTOCOL)))
    connection = SpdyConnection(client, client=True)
    first, second, refused = [await open_forward(connection, port, n) for n, port in enumerate((80, 81, 1))]
    second.data.write(b"two")
    second.data.write_eof()
    first.data.write(b"one")
    first.data.write_eof()
    assert await read_all(first) == (b"80:ONE", b"")
    assert await read_all(second) == (b"81:TWO", b"")
    assert await read_all(refused) == (b"", b"refused")
    await connection.close()
    await serving


async def test_streams_without_a_port_or_a_known_type_are_reset() -> None:
    client, server = MemoryStream.pair()
    serving = asyncio.create_task(serve(server, spdy_headers(PROTOCOL)))
    connection = SpdyConnection(client, client=True)
    for headers in ({"streamtype": "data", "port": "0"}, {"streamtype": "odd", "port": "80"}):
        stream = await connection.create_stream(Headers(headers))
        assert await stream.read() == b""
        await stream.wait_closed()
    await connection.close()
    await serving


async def test_spdy_within_a_websocket_is_piped_to_a_spdy_server() -> None:
    request, _ = client_handshake([TUNNEL])
    client, near = MemoryStream.pair()
    far, server = MemoryStream.pair()
    serving = asyncio.create_task(serve(server, spdy_headers(PROTOCOL)))
    bridging = asyncio.create_task(bridge_forwards(near, negotiate_forward(request), (), far, RealClock()))
    connection = SpdyConnection(WebSocketStream(WebSocket(client, client=True)), client=True)
    forward = await open_forward(connection, 8080, 0)
    forward.data.write(b"x" * 500_000)
    forward.data.write_eof()
    assert await read_all(forward) == (b"8080:" + b"X" * 500_000, b"")
    await connection.close()
    await bridging
    await serving


async def test_numbered_websocket_channels_are_bridged_to_a_spdy_server() -> None:
    request, _ = client_handshake(["v4.channel.k8s.io"])
    client, near = MemoryStream.pair()
    far, server = MemoryStream.pair()
    serving = asyncio.create_task(serve(server, spdy_headers(PROTOCOL)))
    bridging = asyncio.create_task(
        bridge_forwards(near, negotiate_forward(request), (80, 1), far, RealClock())
    )
    socket = WebSocket(client, client=True)
    assert [await socket.receive() for _ in range(4)] == [b"\0P\0", b"\1P\0", b"\2\1\0", b"\3\1\0"]
    socket.send(b"\0hello")
    got: dict[int, bytes] = {}
    while got.get(0) != b"80:HELLO" or got.get(3) != b"refused":
        message = await socket.receive()
        assert isinstance(message, bytes)
        got[message[0]] = got.get(message[0], b"") + message[1:]
    socket.close()
    client.close()
    await bridging
    await serving
