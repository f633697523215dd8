"""Port forwarding: pairs of a data and an error stream for each connection to a port, over SPDY or WebSocket.

Three kinds of clients. Those that speak SPDY, or SPDY within a WebSocket (`TUNNEL`), can simply be piped to a
server that speaks SPDY: `spdy_bytes` unwraps them. `accept_forwards` gives the pairs themselves, for these
clients and for those that use numbered WebSocket channels: `2n` data and `2n + 1` errors of the n-th port of
the request, each begun by the port as two bytes, little-endian. `open_forward` is the client's side, on SPDY.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pybernetes.lib.channels import V4, V4_BASE64, Negotiated, negotiate
from pybernetes.lib.channelsocket import ChannelSocket
from pybernetes.lib.clock import Clock
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy import SpdyConnection, SpdyStream
from pybernetes.lib.streams import ByteStream, pipe
from pybernetes.lib.websocket import WebSocket, WebSocketStream

PROTOCOL = "portforward.k8s.io"
TUNNEL = "SPDY/3.1+portforward.k8s.io"


@dataclass(slots=True, frozen=True)
class Forward:
    """One connection to `port`: its bytes, and the stream that says why it failed (empty when it did not)."""

    port: int
    data: ByteStream
    error: ByteStream


def negotiate_forward(headers: Headers) -> Negotiated:
    """What to answer a request with. Raises `channels.NegotiationError`."""
    return negotiate(headers, websocket=(TUNNEL, V4, V4_BASE64), spdy=(PROTOCOL,))


def speaks_spdy(negotiated: Negotiated) -> bool:
    """Whether `spdy_bytes` makes sense: the client does not use numbered WebSocket channels."""
    return not negotiated.websocket or negotiated.protocol == TUNNEL


def spdy_bytes(stream: ByteStream, negotiated: Negotiated) -> ByteStream:
    """The SPDY connection of an upgraded client, taken out of its WebSocket if it is in one."""
    return WebSocketStream(WebSocket(stream, client=False)) if negotiated.websocket else stream


async def accept_forwards(
    stream: ByteStream, negotiated: Negotiated, ports: Sequence[int], clock: Clock
) -> AsyncIterator[Forward]:
    """Every connection that the client makes, until it goes. `ports` are those of the request (channels only)."""
    if speaks_spdy(negotiated):
        async for forward in _over_spdy(SpdyConnection(spdy_bytes(stream, negotiated), client=False)):
            yield forward
        return
    socket = ChannelSocket(WebSocket(stream, client=False), clock, text=negotiated.protocol == V4_BASE64)
    forwards = []
    for index, port in enumerate(ports):
        data, error = socket.open(2 * index), socket.open(2 * index + 1)
        for channel in (data, error):
            channel.write(port.to_bytes(2, "little"))
        forwards.append(Forward(port, data, error))
    socket.start()
    try:
        for forward in forwards:
            yield forward
        await socket.wait_closed()
    finally:
        socket.abort()


async def _over_spdy(connection: SpdyConnection) -> AsyncIterator[Forward]:
    """Pairs of streams with the same requestID header; half a pair waits for its other half."""
    halves: dict[str, dict[str, SpdyStream]] = {}
    try:
        while (stream := await connection.accept_stream()) is not None:
            kind = stream.headers.get("streamtype")
            port = stream.headers.get("port")
            request = stream.headers.get("requestid")
            if kind not in ("data", "error") or not port.isdigit() or not 0 < int(port) < 65536:
                stream.reset()
                continue
            pair = halves.setdefault(request, {})
            pair[kind] = stream
            if len(pair) == 2:
                del halves[request]
                yield Forward(int(port), pair["data"], pair["error"])
    finally:
        connection.abort()


async def open_forward(connection: SpdyConnection, port: int, request: int) -> Forward:
    """Ask a server for a connection to `port`; `request` is a number not used on this SPDY connection before."""
    headers = {"port": str(port), "requestid": str(request)}
    error = await connection.create_stream(Headers({"streamtype": "error", **headers}))
    error.write_eof()
    data = await connection.create_stream(Headers({"streamtype": "data", **headers}))
    return Forward(port, data, error)


async def bridge_forwards(
    stream: ByteStream, negotiated: Negotiated, ports: Sequence[int], server: ByteStream, clock: Clock
) -> None:
    """Carry an upgraded client of any kind to `server`, a stream that was upgraded to SPDY with `PROTOCOL`."""
    if speaks_spdy(negotiated):
        await pipe(spdy_bytes(stream, negotiated), server, half_close=False)
        return
    connection = SpdyConnection(server, client=True)
    tasks: set[asyncio.Task[None]] = set()
    number = 0
    try:
        async for forward in accept_forwards(stream, negotiated, ports, clock):
            far = await open_forward(connection, forward.port, number)
            number += 1
            tasks.add(asyncio.get_running_loop().create_task(_joined(forward, far)))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        connection.abort()


async def _joined(near: Forward, far: Forward) -> None:
    async def errors() -> None:
        while text := await far.error.read():
            near.error.write(text)

    await asyncio.gather(pipe(near.data, far.data), errors(), return_exceptions=True)
