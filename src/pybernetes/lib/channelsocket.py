"""Numbered channels within one WebSocket, server's side: each message begins with the number of its channel.

`ChannelSocket.open(number)` gives a channel as a `ByteStream`; a task takes incoming messages apart, and waits
while the channel they are for is not read. Base64 variants carry text: a digit, then the payload in base64.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from dataclasses import dataclass, field

from pybernetes.lib.clock import Clock
from pybernetes.lib.websocket import WebSocket

CLOSE = 255
_CLOSING_SECONDS = 2.0
_UNREAD_LIMIT = 256 * 1024


@dataclass
class Channel:
    """One channel, as a `ByteStream`. Only the client can half-close, and only where the protocol has it."""

    parent: ChannelSocket
    number: int
    incoming: bytearray = field(default_factory=bytearray)
    ended: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, limit: int = 65536) -> bytes:
        while not self.incoming:
            if self.ended:
                return b""
            self.changed.clear()
            await self.changed.wait()
        data = bytes(memoryview(self.incoming)[:limit])
        del self.incoming[:limit]
        self.parent.room.set()
        return data

    def write(self, data: bytes) -> None:
        if data:
            self.parent.send(self.number, data)

    async def drain(self) -> None:
        await self.parent.socket.drain()

    def write_eof(self) -> None:
        return None

    def close(self) -> None:
        self.end()
        self.incoming.clear()
        self.parent.room.set()

    async def wait_closed(self) -> None:
        while not self.ended:
            self.changed.clear()
            await self.changed.wait()

    def receive(self, data: bytes) -> None:
        if not self.ended:
            self.incoming += data
            self.changed.set()

    def end(self) -> None:
        self.ended = True
        self.changed.set()


class ChannelSocket:
    """The channels of one WebSocket. Reading begins with `start`, when all channels are open."""

    def __init__(
        self, socket: WebSocket, clock: Clock, *, text: bool = False, half_close: bool = False
    ) -> None:
        self.socket = socket
        self.room = asyncio.Event()
        self._clock = clock
        self._text = text
        self._half_close = half_close
        self._channels: dict[int, Channel] = {}
        self._reader: asyncio.Task[None] | None = None

    def open(self, number: int) -> Channel:
        channel = self._channels[number] = Channel(self, number)
        return channel

    def start(self) -> None:
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            while (message := await self.socket.receive()) is not None:
                number, data = self._take_apart(message)
                if number == CLOSE and self._half_close:
                    closed = self._channels.get(data[0]) if data else None
                    if closed is not None:
                        closed.end()
                    continue
                channel = self._channels.get(number)
                if channel is not None and data:
                    channel.receive(data)
                    while len(channel.incoming) > _UNREAD_LIMIT:
                        self.room.clear()
                        await self.room.wait()
        except ConnectionError:
            pass
        finally:
            for channel in self._channels.values():
                channel.end()

    def _take_apart(self, message: bytes | str) -> tuple[int, bytes]:
        """Channel and payload; channel -1 for what cannot be understood."""
        if self._text:
            text = message if isinstance(message, str) else message.decode("latin-1")
            try:
                return int(text[:1]), base64.b64decode(text[1:])
            except (ValueError, binascii.Error):
                return -1, b""
        data = message.encode() if isinstance(message, str) else message
        return (data[0], data[1:]) if data else (-1, b"")

    def send(self, number: int, data: bytes) -> None:
        if self._text:
            self.socket.send(str(number).encode() + base64.b64encode(data), binary=False)
        else:
            self.socket.send(bytes((number,)) + data)

    async def finish(self) -> None:
        """Close, and give the client a little time to take what was sent and to close as well."""
        self.socket.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with self._clock.timeout(_CLOSING_SECONDS):
                await self.socket.drain()
                await self.wait_closed()

    def abort(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        self.socket.abort()

    async def wait_closed(self) -> None:
        if self._reader is not None:
            await asyncio.wait([self._reader])
