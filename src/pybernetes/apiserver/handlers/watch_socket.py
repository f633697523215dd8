"""A watch over a WebSocket: one message an event, of text for JSON and binary for protobuf.

A reader that falls behind is cut off by its subscription, as over plain HTTP; what the client sends is ignored, and
its goodbye ends the watch.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pybernetes.api.errors import BadRequest
from pybernetes.apiserver.cache.caches import Subscription
from pybernetes.lib.http.messages import Request, Upgrade
from pybernetes.lib.streams import ByteStream
from pybernetes.lib.websocket import WebSocket, WebSocketError, offered_protocols, server_handshake


def plain_frames(batch: Any) -> list[bytes]:
    """The lines of a batch that is framed already."""
    lines: list[bytes] = batch.splitlines(keepends=True)
    return lines


def upgrade(request: Request, run: Callable[[WebSocket], Awaitable[None]]) -> Upgrade:
    """The 101 for a watch; any subprotocol will do. Raises BadRequest."""
    try:
        headers, protocol = server_handshake(request.headers, offered_protocols(request.headers))
    except WebSocketError as error:
        raise BadRequest(str(error)) from None

    async def upgraded(stream: ByteStream) -> None:
        await run(WebSocket(stream, client=False, protocol=protocol))

    return Upgrade(upgraded, headers)


class Messages:
    """The events of a subscription as messages. `frames` takes a batch apart into events."""

    def __init__(
        self, subscription: Subscription, frames: Callable[[Any], Sequence[bytes]], text: bool
    ) -> None:
        self._subscription = subscription
        self._frames = frames
        self._text = text

    async def run(self, socket: WebSocket) -> None:
        """Until the subscription ends or the client goes."""
        sending = asyncio.ensure_future(self._send(socket))
        try:
            with contextlib.suppress(WebSocketError, ConnectionError):
                while await socket.receive() is not None:
                    pass
        finally:
            self._subscription.close()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            socket.abort()

    async def _send(self, socket: WebSocket) -> None:
        try:
            async for batch in self._subscription:
                for frame in self._frames(batch):
                    socket.send(frame, binary=not self._text)
                await socket.drain()
        except ConnectionError:
            pass
        finally:
            socket.close()
