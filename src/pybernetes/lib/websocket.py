"""RFC 6455 WebSockets, both ends, over any `ByteStream`: handshake headers, messages, control frames.

`server_handshake` and `client_handshake` make the headers of the upgrade; `WebSocket` then turns the
stream's bytes into messages. Pings are answered, fragments joined, and a message of bytes comes out as
`bytes`, one of text as `str`. `WebSocketStream` carries a byte stream in binary messages.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections.abc import Sequence

from pybernetes.lib.http.messages import Headers
from pybernetes.lib.streams import ByteStream

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10

NORMAL, GOING_AWAY, PROTOCOL_ERROR, NOT_UTF8, TOO_BIG, INTERNAL_ERROR = 1000, 1001, 1002, 1007, 1009, 1011
NO_STATUS, ABNORMAL = 1005, 1006


class WebSocketError(ConnectionError):
    """The handshake or a frame breaks the protocol. `status` is the HTTP status for a refused handshake."""

    def __init__(self, message: str, *, status: int = 400, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def is_handshake(headers: Headers) -> bool:
    """Whether a request asks for a WebSocket."""
    return "websocket" in _tokens(headers, "upgrade") and "upgrade" in _tokens(headers, "connection")


def server_handshake(headers: Headers, supported: Sequence[str] = ()) -> tuple[Headers, str]:
    """The headers of the 101, and the subprotocol: the first that the client offers and `supported` has.

    "" is chosen when the client offers none. Raises WebSocketError when nothing fits or the request is wrong.
    """
    if not is_handshake(headers):
        raise WebSocketError("not a WebSocket handshake request")
    if headers.get("sec-websocket-version") != "13":
        raise WebSocketError("only version 13 of WebSocket is supported", status=426)
    key = headers.get("sec-websocket-key")
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            raise ValueError
    except ValueError:
        raise WebSocketError("the Sec-WebSocket-Key header is not 16 bytes in base64") from None
    answer = Headers({"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": _accept(key)})
    offered = offered_protocols(headers)
    if not offered:
        return answer, ""
    chosen = next((protocol for protocol in offered if protocol in supported), None)
    if chosen is None:
        raise WebSocketError(f"none of the subprotocols {', '.join(offered)} is supported", status=403)
    answer.set("sec-websocket-protocol", chosen)
    return answer, chosen


def offered_protocols(headers: Headers) -> list[str]:
    """The subprotocols that a client offers, in its order."""
    lines = ",".join(headers.get_all("sec-websocket-protocol"))
    return [protocol.strip() for protocol in lines.split(",") if protocol.strip()]


def client_handshake(protocols: Sequence[str] = ()) -> tuple[Headers, str]:
    """The headers of the request, and the key to check the answer with."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = Headers(
        {
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-version": "13",
            "sec-websocket-key": key,
        }
    )
    if protocols:
        headers.set("sec-websocket-protocol", ", ".join(protocols))
    return headers, key


def check_answer(status: int, headers: Headers, key: str) -> str:
    """The subprotocol that the server chose. Raises WebSocketError for an answer that is no handshake."""
    if status != 101 or headers.get("upgrade").lower() != "websocket":
        raise WebSocketError(f"the server does not speak WebSocket here (HTTP {status})", status=status)
    if headers.get("sec-websocket-accept") != _accept(key):
        raise WebSocketError("the server's Sec-WebSocket-Accept does not match the key", status=status)
    return headers.get("sec-websocket-protocol")


def _accept(key: str) -> str:
    digest = hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def _tokens(headers: Headers, name: str) -> set[str]:
    return {token.strip().lower() for line in headers.get_all(name) for token in line.split(",")}


def mask(data: bytes, key: bytes) -> bytes:
    """XOR with the repeated key, as one operation on long integers."""
    size = len(data)
    if not size:
        return b""
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")


class WebSocket:
    """One end of an open WebSocket. One task may receive while others send."""

    def __init__(
        self, stream: ByteStream, *, client: bool, protocol: str = "", max_message: int = 32 << 20
    ) -> None:
        self.protocol = protocol
        self.close_code: int | None = None
        self._stream = stream
        self._client = client
        self._max_message = max_message
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._parts_size = 0
        self._parts_text = False
        self._close_sent = False

    @property
    def closed(self) -> bool:
        """Nothing more can be sent."""
        return self._close_sent or self.close_code is not None

    async def receive(self) -> bytes | str | None:
        """The next message; None once the other end has closed (`close_code` says how) or the stream ended."""
        while self.close_code is None:
            try:
                frame = self._next_frame()
                if frame is not None:
                    message = await self._handle(*frame)
                    if message is not None:
                        return message
                    continue
            except WebSocketError as error:
                self._fail(error.code)
                raise
            try:
                data = await self._stream.read(1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                self.close_code = ABNORMAL
                self._stream.close()
            self._buffer += data
        return None

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        """(final, opcode, payload) when a whole frame has arrived."""
        buffer = self._buffer
        have = len(buffer)
        if have < 2:
            return None
        first, second = buffer[0], buffer[1]
        if first & 0x70:
            raise WebSocketError("a reserved bit is set, and no extension was agreed on")
        opcode, masked, size, start = first & 15, second & 0x80, second & 0x7F, 2
        if bool(masked) is self._client:
            raise WebSocketError("frames of a client are masked, and no others")
        if opcode >= 8 and (size > 125 or not first & 0x80):
            raise WebSocketError("a control frame is too long or in fragments")
        if size >= 126:
            start = 4 if size == 126 else 10
            if have < start:
                return None
            size = int.from_bytes(buffer[2:start], "big")
        if self._parts_size + size > self._max_message:
            raise WebSocketError(f"a message is longer than {self._max_message} bytes", code=TOO_BIG)
        key = b""
        if masked:
            key = bytes(buffer[start : start + 4])
            start += 4
        if have < start + size:
            return None
        payload = bytes(memoryview(buffer)[start : start + size])
        del buffer[: start + size]
        return bool(first & 0x80), opcode, mask(payload, key) if masked else payload

    async def _handle(self, final: bool, opcode: int, payload: bytes) -> bytes | str | None:
        if opcode in (_TEXT, _BINARY, _CONTINUATION):
            if (opcode == _CONTINUATION) is not bool(self._parts):
                raise WebSocketError("a fragment is out of order")
            if opcode != _CONTINUATION:
                self._parts_text = opcode == _TEXT
                if final:
                    return _message(payload, self._parts_text)
            self._parts.append(payload)
            self._parts_size += len(payload)
            if not final:
                return None
            whole = b"".join(self._parts)
            self._parts, self._parts_size = [], 0
            return _message(whole, self._parts_text)
        if opcode == _PING:
            if not self.closed:
                with contextlib.suppress(ConnectionError):
                    self._write(_PONG, payload)
                    await self._stream.drain()
        elif opcode == _CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_STATUS
            if not self._close_sent:
                self._close_sent = True
                with contextlib.suppress(ConnectionError):
                    self._write(_CLOSE, payload[:2])
            self._stream.close()
        elif opcode != _PONG:
            raise WebSocketError(f"unknown opcode {opcode}")
        return None

    def send(self, data: bytes, binary: bool = True) -> None:
        """One message, buffered: `drain` waits while the other end is behind. Raises ConnectionError when closed."""
        if self.closed:
            raise ConnectionResetError("the WebSocket is closed")
        self._write(_BINARY if binary else _TEXT, data)

    async def drain(self) -> None:
        await self._stream.drain()

    def ping(self, data: bytes = b"") -> None:
        if not self.closed:
            self._write(_PING, data)

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye. `receive` goes on until the other end has answered; `abort` does not wait for it."""
        if not self.closed:
            self._close_sent = True
            try:
                self._write(_CLOSE, code.to_bytes(2, "big") + reason.encode()[:123])
            except ConnectionError:
                self.abort()

    def abort(self) -> None:
        """Close the stream below, after what is buffered."""
        if self.close_code is None:
            self.close_code = ABNORMAL
        self._stream.close()

    async def wait_closed(self) -> None:
        await self._stream.wait_closed()

    def _fail(self, code: int) -> None:
        self.close(code)
        self.close_code = code
        self._stream.close()

    def _write(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        masked = 0x80 if self._client else 0
        if size < 126:
            head = bytes((0x80 | opcode, masked | size))
        elif size < 65536:
            head = bytes((0x80 | opcode, masked | 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((0x80 | opcode, masked | 127)) + size.to_bytes(8, "big")
        if masked:
            key = os.urandom(4)
            self._stream.write(b"".join((head, key, mask(payload, key))))
        else:
            self._stream.write(head + payload)


def _message(payload: bytes, text: bool) -> bytes | str:
    if not text:
        return payload
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise WebSocketError("a text message is not UTF-8", code=NOT_UTF8) from None


class WebSocketStream:
    """A `ByteStream` in the binary messages of a WebSocket, whose bounds mean nothing. It cannot half-close."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._rest = b""

    async def read(self, limit: int = 65536) -> bytes:
        while not self._rest:
            message = await self._socket.receive()
            if message is None:
                return b""
            self._rest = message.encode() if isinstance(message, str) else message
        data, self._rest = self._rest[:limit], self._rest[limit:]
        return data

    def write(self, data: bytes) -> None:
        self._socket.send(data)

    async def drain(self) -> None:
        await self._socket.drain()

    def write_eof(self) -> None:
        return None

    def close(self) -> None:
        self._socket.close()
        self._socket.abort()

    async def wait_closed(self) -> None:
        await self._socket.wait_closed()
