"""A streamed answer for a client that asked for a WebSocket: its bytes as messages, one way.

The subprotocols say in which form: `binary.k8s.io` (also when none is offered) or `base64.binary.k8s.io`. The first
message is empty: it tells the client that the stream is open. What the client sends is ignored.
"""

from __future__ import annotations

import asyncio
import base64

from pybernetes.api.errors import BadRequest
from pybernetes.lib.http.messages import Request, Upgrade
from pybernetes.lib.http.transport import StreamingResponse
from pybernetes.lib.streams import ByteStream
from pybernetes.lib.websocket import WebSocket, WebSocketError, server_handshake

BINARY, BASE64 = "binary.k8s.io", "base64.binary.k8s.io"


async def as_messages(request: Request, answer: StreamingResponse) -> Upgrade:
    """The upgrade that carries `answer`, which is closed at its end. Raises BadRequest."""
    try:
        headers, protocol = server_handshake(request.headers, (BINARY, BASE64))
    except WebSocketError as error:
        await answer.close()
        raise BadRequest(str(error)) from None

    async def run(stream: ByteStream) -> None:
        await _send_all(WebSocket(stream, client=False, protocol=protocol), answer)

    return Upgrade(run, headers)


async def _send_all(socket: WebSocket, answer: StreamingResponse) -> None:
    async def send() -> None:
        try:
            socket.send(b"", socket.protocol != BASE64)
            async for chunk in answer:
                if socket.protocol == BASE64:
                    socket.send(base64.b64encode(chunk), binary=False)
                else:
                    socket.send(chunk)
                await socket.drain()
        finally:
            socket.close()

    async def ignore() -> None:
        while await socket.receive() is not None:
            pass

    sending = asyncio.ensure_future(send())
    listening = asyncio.ensure_future(ignore())
    try:
        # The client's answer to our goodbye, or its own goodbye, ends the connection.
        await listening
    except (WebSocketError, ConnectionError):
        socket.abort()
    finally:
        for task in (sending, listening):
            task.cancel()
        await asyncio.gather(sending, listening, return_exceptions=True)
        await answer.close()
