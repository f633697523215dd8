"""Remote command channels: clients of each protocol against one fake runtime at the other end of `bridge`."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from pybernetes.lib import channels
from pybernetes.lib.channels import (
    Channels,
    NegotiationError,
    Wanted,
    accept_channels,
    bridge,
    connect_channels,
)
from pybernetes.lib.clock import RealClock, VirtualClock
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy import SpdyConnection
from pybernetes.lib.streams import MemoryStream
from pybernetes.lib.websocket import WebSocket, client_handshake

SUCCESS = json.dumps({"status": "Success"}).encode()
ALL = Wanted(stdin=True, stdout=True, stderr=True)


async def runtime(stream: MemoryStream, wanted: Wanted, status: bytes = SUCCESS) -> None:
    """Upper-cases stdin until it ends, then reports; what it is told of sizes goes to stderr."""
    negotiated = channels.negotiate(channels.spdy_headers())
    io = await accept_channels(stream, negotiated, wanted, RealClock())
    assert io.stdout is not None and io.error is not None
    if io.resize is not None:
        io.stdout.write(await io.resize.read())
    if io.stdin is not None:
        while data := await io.stdin.read():
            io.stdout.write(data.upper())
    if io.stderr is not None:
        io.stderr.write(b"complaint")
    io.error.write(status)
    for output in (io.stdout, io.stderr, io.error):
        if output is not None:
            output.write_eof()
    await io.finish()


@contextlib.asynccontextmanager
async def kubelet(request: Headers, wanted: Wanted, status: bytes = SUCCESS) -> AsyncIterator[MemoryStream]:
    """The client's end of a connection that is bridged to a runtime."""
    client, server = MemoryStream.pair()
    near, far = MemoryStream.pair()
    negotiated = channels.negotiate(request)

    async def serve() -> None:
        accepted, connected = await asyncio.gather(
            accept_channels(server, negotiated, wanted, RealClock()), connect_channels(near, wanted)
        )
        await bridge(accepted, connected)

    tasks = [asyncio.create_task(serve()), asyncio.create_task(runtime(far, wanted, status))]
    try:
        yield client
        client.close()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def messages(socket: WebSocket) -> dict[int, bytes]:
    got: dict[int, bytes] = {}
    while (message := await socket.receive()) is not None:
        assert isinstance(message, bytes)
        got[message[0]] = got.get(message[0], b"") + message[1:]
    return got


async def test_v5_half_closes_stdin_and_carries_every_channel() -> None:
    request, _ = client_handshake(["v5.channel.k8s.io", "v4.channel.k8s.io"])
    async with kubelet(request, ALL) as stream:
        socket = WebSocket(stream, client=True)
        socket.send(b"\x00abc")
        socket.send(b"\x00def")
        socket.send(b"\xff\x00")
        assert await messages(socket) == {1: b"ABCDEF", 2: b"complaint", 3: SUCCESS}
        assert socket.close_code == 1000


async def test_the_first_message_is_empty_and_says_that_the_command_starts() -> None:
    request, _ = client_handshake(["v4.channel.k8s.io"])
    async with kubelet(request, ALL) as stream:
        assert await WebSocket(stream, client=True).receive() == b"\x01"


async def test_a_v4_client_ends_stdin_by_going() -> None:
    request, _ = client_handshake(["v4.channel.k8s.io"])
    async with kubelet(request, ALL) as stream:
        socket = WebSocket(stream, client=True)
        socket.send(b"\x00abc")
        while await socket.receive() != b"\x01ABC":
            pass


async def test_a_terminal_has_sizes_and_no_stderr() -> None:
    request, _ = client_handshake(["v5.channel.k8s.io"])
    async with kubelet(request, Wanted(stdin=True, stdout=True, stderr=True, tty=True)) as stream:
        socket = WebSocket(stream, client=True)
        socket.send(b'\x04{"Width":80,"Height":24}')
        socket.send(b"\xff\x00")
        assert await messages(socket) == {1: b'{"Width":80,"Height":24}', 3: SUCCESS}


async def test_base64_clients_get_text() -> None:
    request, _ = client_handshake(["v4.base64.channel.k8s.io"])
    async with kubelet(request, Wanted(stdout=True)) as stream:
        socket = WebSocket(stream, client=True)
        assert await socket.receive() == "1"
        assert await socket.receive() == "3" + base64.b64encode(SUCCESS).decode()


@pytest.mark.parametrize(("status", "text"), [("Success", None), ("Failure", b"\x03exit 3")])
async def test_the_oldest_protocol_has_plain_errors(status: str, text: bytes | None) -> None:
    request, _ = client_handshake([])
    report = json.dumps({"status": status, "message": "exit 3"}).encode()
    async with kubelet(request, Wanted(stdout=True), report) as stream:
        socket = WebSocket(stream, client=True)
        assert await socket.receive() == b"\x01"
        assert await socket.receive() == text


async def test_spdy_clients_are_bridged_with_all_their_streams() -> None:
    async with kubelet(channels.spdy_headers(), ALL) as stream:
        io = await connect_channels(stream, ALL)
        assert io.stdin and io.stdout and io.stderr and io.error and not io.resize
        io.stdin.write(b"x" * 300_000)
        io.stdin.write_eof()
        out = b""
        while data := await io.stdout.read():
            out += data
        assert out == b"X" * 300_000
        assert await io.stderr.read() == b"complaint"
        assert await io.error.read() == SUCCESS
        await io.wait_closed()
        io.abort()


async def test_a_client_that_goes_ends_the_bridge() -> None:
    client, server = MemoryStream.pair()
    near, far = MemoryStream.pair()
    request, _ = client_handshake(["v5.channel.k8s.io"])
    far_end = asyncio.create_task(
        accept_channels(far, channels.negotiate(channels.spdy_headers()), ALL, RealClock())
    )
    connected = await connect_channels(near, ALL)
    accepted = await accept_channels(server, channels.negotiate(request), ALL, RealClock())
    bridging = asyncio.create_task(bridge(accepted, connected))
    io: Channels = await far_end
    client.close()
    await bridging
    await io.wait_closed()
    io.abort()


async def test_a_spdy_client_that_opens_too_few_streams_is_given_up() -> None:
    clock = VirtualClock()
    client, server = MemoryStream.pair()
    negotiated = channels.negotiate(channels.spdy_headers())
    accepting = asyncio.create_task(accept_channels(server, negotiated, ALL, clock))
    connection = SpdyConnection(client, client=True)
    await connection.create_stream(Headers({"streamType": "error"}))
    await clock.advance(31)
    with pytest.raises(TimeoutError):
        await accepting
    await connection.wait_closed()


def test_negotiation_says_what_is_wrong() -> None:
    with pytest.raises(NegotiationError) as error:
        channels.negotiate(Headers())
    assert error.value.status == 400
    with pytest.raises(NegotiationError) as error:
        channels.negotiate(channels.spdy_headers("v9.channel.k8s.io"))
    assert error.value.status == 403
    assert error.value.headers.get("x-accepted-stream-protocol-versions") == "v4.channel.k8s.io"
    request = channels.spdy_headers("v5.channel.k8s.io")
    request.add("x-stream-protocol-version", "v4.channel.k8s.io")
    assert channels.negotiate(request).protocol == "v4.channel.k8s.io"
