"""The channels of a remote command (stdin, stdout, stderr, error, resize) over WebSocket or SPDY, both ends.

A server calls `negotiate` on the request, answers 101 with its headers, and turns the upgraded stream into
`Channels` with `accept_channels`; a client does so with `connect_channels` (SPDY). Each channel is a
`ByteStream`, so `bridge` connects a client of either protocol to a server that runs the command.

Protocol names as of https://kubernetes.io/docs/reference/using-api/websockets/: v4 has a status as JSON in
the error channel; v5 adds half-closing, `[255, channel]`; the base64 ones are for browsers; the oldest, also
meant when nothing is offered, has plain text in the error channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pybernetes.lib.channelsocket import Channel, ChannelSocket
from pybernetes.lib.clock import Clock
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy import SpdyConnection
from pybernetes.lib.streams import ByteStream, copy
from pybernetes.lib.websocket import WebSocket, WebSocketError, is_handshake, server_handshake

SPDY = "SPDY/3.1"
V1, V1_BASE64 = "channel.k8s.io", "base64.channel.k8s.io"
V4, V4_BASE64 = "v4.channel.k8s.io", "v4.base64.channel.k8s.io"
V5 = "v5.channel.k8s.io"
WEBSOCKET_PROTOCOLS = (V5, V4, V4_BASE64, V1, V1_BASE64)
SPDY_PROTOCOLS = (V4,)
STREAM_PROTOCOL = "x-stream-protocol-version"

STDIN, STDOUT, STDERR, ERROR, RESIZE = 0, 1, 2, 3, 4
_NAMES = {STDIN: "stdin", STDOUT: "stdout", STDERR: "stderr", ERROR: "error", RESIZE: "resize"}
_OPENING_SECONDS = 30.0
_CLOSING_SECONDS = 2.0


class NegotiationError(Exception):
    """The client asks for no protocol that is spoken here: answer `status` with `headers` and the text."""

    def __init__(self, status: int, message: str, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or Headers()


@dataclass(slots=True, frozen=True)
class Negotiated:
    """What both ends agreed on. `headers` belong into the 101."""

    websocket: bool
    protocol: str
    headers: Headers


@dataclass(slots=True, frozen=True)
class Wanted:
    """Which channels a command has; a terminal has no stderr of its own, and can be resized."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False

    def numbers(self) -> list[int]:
        wanted = [ERROR]
        wanted += [STDIN] if self.stdin else []
        wanted += [STDOUT] if self.stdout else []
        wanted += [STDERR] if self.stderr and not self.tty else []
        wanted += [RESIZE] if self.tty else []
        return wanted


def negotiate(
    headers: Headers,
    *,
    websocket: Sequence[str] = WEBSOCKET_PROTOCOLS,
    spdy: Sequence[str] = SPDY_PROTOCOLS,
) -> Negotiated:
    """The protocol for an upgrade request: the client's first choice among those given. Raises NegotiationError."""
    if is_handshake(headers):
        try:
            answer, protocol = server_handshake(headers, websocket)
        except WebSocketError as error:
            raise NegotiationError(error.status, str(error)) from None
        return Negotiated(True, protocol, answer)
    upgrades = [name.strip().lower() for name in headers.get("upgrade").split(",")]
    if SPDY.lower() not in upgrades or "upgrade" not in headers.get("connection").lower():
        raise NegotiationError(400, f"the request must ask for an upgrade to {SPDY} or to websocket")
    offered = [name.strip() for line in headers.get_all(STREAM_PROTOCOL) for name in line.split(",")]
    chosen = next((name for name in offered if name in spdy), None)
    if chosen is None:
        accepted = Headers([("x-accepted-stream-protocol-versions", name) for name in spdy])
        message = f"none of the stream protocols {offered} is spoken here, but {list(spdy)}"
        raise NegotiationError(403, message, accepted)
    answer = Headers({"connection": "Upgrade", "upgrade": SPDY, STREAM_PROTOCOL: chosen})
    return Negotiated(False, chosen, answer)


def spdy_headers(protocol: str = V4) -> Headers:
    """The headers of a request that asks for SPDY with a protocol on top."""
    return Headers({"connection": "Upgrade", "upgrade": SPDY, STREAM_PROTOCOL: protocol})


class _Owner(Protocol):
    """The connection below the channels."""

    async def finish(self) -> None: ...

    def abort(self) -> None: ...

    async def wait_closed(self) -> None: ...


@dataclass(slots=True)
class Channels:
    """The channels that exist. A server reads stdin and resize and writes the others; a client the reverse.

    The error channel carries one `Status` as JSON; the resize channel carries JSON objects `{"Width", "Height"}`.
    """

    owner: _Owner
    stdin: ByteStream | None = None
    stdout: ByteStream | None = None
    stderr: ByteStream | None = None
    error: ByteStream | None = None
    resize: ByteStream | None = None

    async def finish(self) -> None:
        """All is written: send it, then close the connection."""
        await self.owner.finish()

    def abort(self) -> None:
        self.owner.abort()

    async def wait_closed(self) -> None:
        """The other end has gone."""
        await self.owner.wait_closed()

    def _set(self, number: int, stream: ByteStream) -> None:
        setattr(self, _NAMES[number], stream)


async def accept_channels(
    stream: ByteStream, negotiated: Negotiated, wanted: Wanted, clock: Clock
) -> Channels:
    """The channels of an upgraded connection, on the server's side. Raises TimeoutError or ConnectionError when a
    SPDY client does not open all of them."""
    if negotiated.websocket:
        return _over_websocket(WebSocket(stream, client=False), negotiated.protocol, wanted, clock)
    connection = SpdyConnection(stream, client=False)
    channels = Channels(_SpdyOwner(connection, clock))
    missing = {_NAMES[number]: number for number in wanted.numbers()}
    try:
        async with clock.timeout(_OPENING_SECONDS):
            while missing:
                opened = await connection.accept_stream()
                if opened is None:
                    raise ConnectionResetError("the client went before it had opened its streams")
                number = missing.pop(opened.headers.get("streamtype"), None)
                if number is None:
                    opened.reset()
                else:
                    channels._set(number, opened)
    except BaseException:
        channels.abort()
        raise
    return channels


async def connect_channels(stream: ByteStream, wanted: Wanted) -> Channels:
    """The channels to a server over a stream that was upgraded to SPDY with v4."""
    connection = SpdyConnection(stream, client=True)
    channels = Channels(_SpdyOwner(connection))
    try:
        for number in wanted.numbers():
            headers = Headers({"streamtype": _NAMES[number]})
            channels._set(number, await connection.create_stream(headers))
    except BaseException:
        channels.abort()
        raise
    return channels


async def bridge(client: Channels, runtime: Channels) -> None:
    """Carry a client's channels (`accept_channels`) to those of whoever runs the command (`connect_channels`),
    until the command has ended or either end is gone. Closes both."""
    inward = [(client.stdin, runtime.stdin), (client.resize, runtime.resize)]
    outward = [
        (runtime.stdout, client.stdout),
        (runtime.stderr, client.stderr),
        (runtime.error, client.error),
    ]
    feeding = [asyncio.ensure_future(_carry(source, sink)) for source, sink in inward]
    answers = asyncio.gather(*[_carry(source, sink) for source, sink in outward])
    gone = asyncio.ensure_future(client.wait_closed())
    watched: list[asyncio.Future[Any]] = [answers, gone]
    try:
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        if answers.done() and not gone.done():
            await client.finish()
    finally:
        tasks: list[asyncio.Future[Any]] = [*feeding, *watched]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        runtime.abort()
        client.abort()


async def _carry(source: ByteStream | None, sink: ByteStream | None) -> None:
    if source is not None and sink is not None:
        with contextlib.suppress(ConnectionError):
            await copy(source, sink)


@dataclass(slots=True)
class _SpdyOwner:
    connection: SpdyConnection
    clock: Clock | None = None

    async def finish(self) -> None:
        """Closing while the client still sends could cost it what it has not read: let it close first."""
        await self.connection.flush()
        self.connection.go_away()
        if self.clock is not None:
            with contextlib.suppress(TimeoutError):
                async with self.clock.timeout(_CLOSING_SECONDS):
                    await self.connection.wait_closed()
        await self.connection.close()

    def abort(self) -> None:
        self.connection.abort()

    async def wait_closed(self) -> None:
        await self.connection.wait_closed()


class _PlainErrors:
    """The error channel of the oldest protocols, which is told the status that newer ones send as JSON."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.read = channel.read
        self.drain = channel.drain
        self.write_eof = channel.write_eof
        self.close = channel.close
        self.wait_closed = channel.wait_closed

    def write(self, data: bytes) -> None:
        self._channel.write(_status_text(data))


def _over_websocket(socket: WebSocket, protocol: str, wanted: Wanted, clock: Clock) -> Channels:
    owner = ChannelSocket(socket, clock, text=protocol in (V4_BASE64, V1_BASE64), half_close=protocol == V5)
    channels = Channels(owner)
    numbers = wanted.numbers()
    for number in numbers:
        channel = owner.open(number)
        plain = number == ERROR and protocol in ("", V1, V1_BASE64)
        channels._set(number, _PlainErrors(channel) if plain else channel)
    # An empty message tells the client that the command is being started.
    owner.send(next(number for number in (STDOUT, STDERR, ERROR) if number in numbers), b"")
    owner.start()
    return channels


def _status_text(status: bytes) -> bytes:
    """What the oldest protocols say instead of a status: nothing for success, the message for a failure."""
    try:
        fields = json.loads(status)
        return b"" if fields.get("status") == "Success" else str(fields.get("message", "")).encode()
    except (ValueError, AttributeError):
        return status
