"""SPDY/3.1 frames as values, their bytes, and the compressed header blocks. Pure: no I/O.

`Decoder.feed(bytes)` gives whole frames; `Encoder` makes bytes. Header blocks share one zlib stream for each
direction of a connection, so frames must be encoded in the order in which they are sent.
Source: https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy.dictionary import DICTIONARY

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FLAG_FIN, FLAG_UNIDIRECTIONAL = 1, 2
SETTING_INITIAL_WINDOW = 7
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, CANCEL, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 1, 2, 3, 5, 6, 7

MAX_HEADER_BLOCK = 256 * 1024
_CONTROL = 0x80030000
_ID = 0x7FFFFFFF


class FrameError(ValueError):
    """The bytes are not SPDY/3.1: the connection cannot go on."""


@dataclass(slots=True)
class Frame:
    """A control frame (`kind` from the constants above) or, with kind 0, a data frame. `value` is the status
    of RST_STREAM and GOAWAY, the delta of WINDOW_UPDATE and the id of PING."""

    kind: int
    stream: int = 0
    flags: int = 0
    data: bytes = b""
    headers: Headers | None = None
    value: int = 0
    settings: dict[int, int] = field(default_factory=dict)

    @property
    def fin(self) -> bool:
        return bool(self.flags & FLAG_FIN)


class Decoder:
    """Bytes in any portions to frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises FrameError."""
        buffer = self._buffer
        buffer += data
        frames: list[Frame] = []
        start = 0
        with memoryview(buffer) as view:
            while len(view) - start >= 8:
                word, second = struct.unpack_from(">II", view, start)
                size = second & 0xFFFFFF
                if len(view) - start - 8 < size:
                    break
                payload = bytes(view[start + 8 : start + 8 + size])
                start += 8 + size
                frame = self._frame(word, second >> 24, payload)
                if frame is not None:
                    frames.append(frame)
        del buffer[:start]
        return frames

    def _frame(self, word: int, flags: int, payload: bytes) -> Frame | None:
        if not word & 0x80000000:
            return Frame(0, word, flags, payload)
        if (word >> 16) & 0x7FFF != 3:
            raise FrameError(f"SPDY version {(word >> 16) & 0x7FFF}, not 3")
        kind = word & 0xFFFF
        try:
            return self._control(kind, flags, payload)
        except struct.error:
            raise FrameError(f"control frame {kind} is too short") from None

    def _control(self, kind: int, flags: int, payload: bytes) -> Frame | None:
        if kind == SYN_STREAM:
            stream = struct.unpack_from(">IIH", payload)[0] & _ID
            return Frame(kind, stream, flags, headers=self._headers(payload[10:]))
        if kind in (SYN_REPLY, HEADERS):
            stream = struct.unpack_from(">I", payload)[0] & _ID
            return Frame(kind, stream, flags, headers=self._headers(payload[4:]))
        if kind in (RST_STREAM, WINDOW_UPDATE, GOAWAY):
            stream, value = struct.unpack_from(">II", payload)
            return Frame(kind, stream & _ID, flags, value=value)
        if kind == PING:
            return Frame(kind, value=struct.unpack_from(">I", payload)[0])
        if kind == SETTINGS:
            count = struct.unpack_from(">I", payload)[0]
            entries = [struct.unpack_from(">II", payload, 4 + 8 * n) for n in range(min(count, 1000))]
            return Frame(kind, settings={name & 0xFFFFFF: value for name, value in entries})
        return None

    def _headers(self, block: bytes) -> Headers:
        try:
            raw = self._inflate.decompress(block, MAX_HEADER_BLOCK)
        except zlib.error as error:
            raise FrameError(f"a header block does not inflate: {error}") from None
        if self._inflate.unconsumed_tail:
            raise FrameError(f"a header block is longer than {MAX_HEADER_BLOCK} bytes")
        headers = Headers()
        if not raw:
            return headers
        count = struct.unpack_from(">I", raw)[0]
        at = 4
        for _ in range(count):
            name, at = _text(raw, at)
            values, at = _text(raw, at)
            for value in values.split("\0"):
                headers.add(name, value)
        return headers


def _text(raw: bytes, at: int) -> tuple[str, int]:
    size = struct.unpack_from(">I", raw, at)[0]
    if at + 4 + size > len(raw):
        raise FrameError("a header block ends too early")
    return raw[at + 4 : at + 4 + size].decode("utf-8", "replace"), at + 4 + size


class Encoder:
    """Frames to bytes."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, 13, 5, zdict=DICTIONARY)

    def syn_stream(self, stream: int, headers: Headers, flags: int = 0) -> bytes:
        return _control(SYN_STREAM, flags, struct.pack(">IIH", stream, 0, 0) + self._block(headers))

    def syn_reply(self, stream: int, headers: Headers, flags: int = 0) -> bytes:
        return _control(SYN_REPLY, flags, struct.pack(">I", stream) + self._block(headers))

    def headers(self, stream: int, headers: Headers, flags: int = 0) -> bytes:
        return _control(HEADERS, flags, struct.pack(">I", stream) + self._block(headers))

    def _block(self, headers: Headers) -> bytes:
        values: dict[str, list[str]] = {}
        for name, value in headers.items():
            values.setdefault(name, []).append(value)
        parts = [struct.pack(">I", len(values))]
        for name, lines in values.items():
            for text in (name, "\0".join(lines)):
                encoded = text.encode()
                parts.append(struct.pack(">I", len(encoded)) + encoded)
        return self._deflate.compress(b"".join(parts)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def data(stream: int, payload: bytes, fin: bool = False) -> bytes:
    return struct.pack(">II", stream, (FLAG_FIN if fin else 0) << 24 | len(payload)) + payload


def rst_stream(stream: int, status: int) -> bytes:
    return _control(RST_STREAM, 0, struct.pack(">II", stream, status))


def ping(number: int) -> bytes:
    return _control(PING, 0, struct.pack(">I", number))


def goaway(last_stream: int, status: int = 0) -> bytes:
    return _control(GOAWAY, 0, struct.pack(">II", last_stream, status))


def window_update(stream: int, delta: int) -> bytes:
    return _control(WINDOW_UPDATE, 0, struct.pack(">II", stream, delta))


def settings(values: dict[int, int]) -> bytes:
    entries = b"".join(struct.pack(">II", name, value) for name, value in sorted(values.items()))
    return _control(SETTINGS, 0, struct.pack(">I", len(values)) + entries)


def _control(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">II", _CONTROL | kind, flags << 24 | len(payload)) + payload
