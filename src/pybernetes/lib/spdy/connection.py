"""A SPDY/3.1 connection over a `ByteStream`: streams that are `ByteStream`s with headers.

A task of the connection reads frames and feeds the streams. Windows are kept to and granted only if the other
end announced them by SETTINGS, as this one does: the Go implementation that exec and port-forward use knows
none and relies on TCP to hold it back. For such a peer, a stream that is not read stops the reading of the
whole connection at `UNREAD_LIMIT` bytes, as it does in Go. It must not be sent window updates either: those
that it has not read when it closes turn its close into a reset, and the end of a command's output is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy import frames
from pybernetes.lib.streams import ByteStream

log = logging.getLogger(__name__)

WINDOW = 256 * 1024
UNREAD_LIMIT = 1 << 20
_DEFAULT_WINDOW = 65536
_FRAME = 32 * 1024
_PENDING_LIMIT = 256 * 1024


class SpdyError(ConnectionError):
    """A stream was refused or reset, or the connection is gone."""


class SpdyStream:
    """One stream. `headers` are those that it was opened with. `write_eof` half-closes, `reset` ends both ways."""

    def __init__(self, connection: SpdyConnection, number: int, headers: Headers, send_window: int) -> None:
        self.id = number
        self.headers = headers
        self.reply_headers: Headers | None = None
        self._connection = connection
        self._incoming = bytearray()
        self._unacknowledged = 0
        self._remote_finished = False
        self._local_finished = False
        self._fin_wanted = False
        self._discarding = False
        self._was_reset = False
        self._pending = bytearray()
        self._send_window = send_window
        self._changed = asyncio.Event()

    @property
    def buffered(self) -> int:
        """Received and not yet read."""
        return len(self._incoming)

    async def read(self, limit: int = 65536) -> bytes:
        while not self._incoming:
            if self._remote_finished or self._discarding:
                return b""
            await self._wait()
        data = bytes(memoryview(self._incoming)[:limit])
        del self._incoming[:limit]
        self._acknowledge(len(data))
        self._connection.consumed()
        return data

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _acknowledge(self, size: int) -> None:
        self._unacknowledged += size
        if not self._connection.windows_bind:
            return
        if self._unacknowledged >= WINDOW // 2 and not self._remote_finished:
            self._connection.send(frames.window_update(self.id, self._unacknowledged))
            self._unacknowledged = 0

    def write(self, data: bytes) -> None:
        if self._local_finished or self._fin_wanted or self._connection.closed:
            raise SpdyError("the stream is closed for writing")
        if data:
            self._pending += data
            self._push()

    def _push(self) -> None:
        """Send what the windows allow."""
        pending = self._pending
        connection = self._connection
        if pending:
            allowed = len(pending)
            if connection.windows_bind:
                allowed = max(min(allowed, self._send_window, connection.send_window), 0)
            self._send_window -= allowed
            connection.send_window -= allowed
            with memoryview(pending) as view:
                for start in range(0, allowed, _FRAME):
                    connection.send(frames.data(self.id, bytes(view[start : min(start + _FRAME, allowed)])))
            del pending[:allowed]
        if self._fin_wanted and not pending and not self._local_finished:
            self._local_finished = True
            connection.send(frames.data(self.id, b"", fin=True))
            self._settle()
        self._changed.set()

    async def drain(self) -> None:
        await self._connection.drain()
        while len(self._pending) > _PENDING_LIMIT and not self._local_finished:
            await self._wait()

    async def flush(self) -> None:
        """Wait until the windows have let everything out, or the stream has ended."""
        while self._pending and not self._local_finished:
            await self._wait()

    def write_eof(self) -> None:
        if not self._local_finished and not self._fin_wanted:
            self._fin_wanted = True
            if not self._connection.closed:
                self._push()

    def close(self) -> None:
        """Finish writing, and tell the other end that nothing more is read."""
        if self._discarding:
            return
        self.write_eof()
        self._discarding = True
        self._incoming.clear()
        self._connection.consumed()
        if not self._remote_finished and self._local_finished and not self._connection.closed:
            self._connection.send(frames.rst_stream(self.id, frames.CANCEL))
            self._remote_finished = True
            self._settle()
        self._changed.set()

    def reset(self, status: int = frames.CANCEL) -> None:
        """End both directions at once; what is not yet sent is dropped."""
        if not (self._local_finished and self._remote_finished) and not self._connection.closed:
            self._connection.send(frames.rst_stream(self.id, status))
        self._discarding = True
        self._incoming.clear()
        self._finish_all()

    async def wait_closed(self) -> None:
        """Both directions have ended (what was received may still be unread)."""
        while not (self._remote_finished and self._local_finished):
            await self._wait()

    # What the connection calls.

    def receive_data(self, data: bytes, fin: bool) -> None:
        if self._discarding:
            self._acknowledge(len(data))
        else:
            self._incoming += data
        if fin:
            self._remote_finished = True
            self._settle()
        self._changed.set()

    def receive_reset(self) -> None:
        self._was_reset = True
        self._finish_all()

    def grant(self, delta: int) -> None:
        self._send_window += delta
        self._push()

    def lose(self) -> None:
        self._remote_finished = self._local_finished = True
        self._changed.set()

    def _finish_all(self) -> None:
        self._pending.clear()
        self._remote_finished = self._local_finished = True
        self._settle()
        self._connection.consumed()
        self._changed.set()

    def _settle(self) -> None:
        if self._remote_finished and self._local_finished:
            self._connection.forget(self)

    def receive_reply(self, headers: Headers) -> None:
        self.reply_headers = headers
        self._changed.set()

    async def wait_reply(self) -> None:
        while self.reply_headers is None:
            if self._was_reset:
                raise SpdyError("the other end refused the stream")
            if self._connection.closed:
                raise SpdyError("the connection closed before the stream was answered")
            await self._wait()


class SpdyConnection:
    """One end; `client` opens odd stream ids. Its reading task starts with it and ends by `close` or the stream's end.

    Streams that the other end opens are answered at once and come out of `accept_stream`.
    """

    def __init__(self, stream: ByteStream, client: bool) -> None:
        self.windows_bind = False
        self.send_window = _DEFAULT_WINDOW
        self.closed = False
        self._stream = stream
        self._decoder = frames.Decoder()
        self._encoder = frames.Encoder()
        self._next_id = 1 if client else 2
        self._next_ping = 1 if client else 2
        self._last_remote = 0
        self._peer_window = _DEFAULT_WINDOW
        self._session_unacknowledged = 0
        self._streams: dict[int, SpdyStream] = {}
        self._accepted: asyncio.Queue[SpdyStream | None] = asyncio.Queue()
        self._pings: dict[int, asyncio.Future[None]] = {}
        self._room = asyncio.Event()
        self.send(frames.settings({frames.SETTING_INITIAL_WINDOW: WINDOW}))
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def create_stream(self, headers: Headers, *, fin: bool = False) -> SpdyStream:
        """Open a stream and wait until the other end has answered it. Raises SpdyError when it is refused."""
        if self.closed:
            raise SpdyError("the connection is closed")
        number, self._next_id = self._next_id, self._next_id + 2
        stream = self._streams[number] = SpdyStream(self, number, headers, self._peer_window)
        self.send(self._encoder.syn_stream(number, headers, frames.FLAG_FIN if fin else 0))
        stream._local_finished = fin
        try:
            await stream.wait_reply()
        except asyncio.CancelledError:
            stream.reset()
            raise
        return stream

    async def accept_stream(self) -> SpdyStream | None:
        """The next stream of the other end; None when the connection is closed."""
        stream = await self._accepted.get()
        if stream is None:
            self._accepted.put_nowait(None)
        return stream

    async def ping(self) -> None:
        """There and back. Raises SpdyError when the connection ends before."""
        if self.closed:
            raise SpdyError("the connection is closed")
        number, self._next_ping = self._next_ping, self._next_ping + 2
        answered = self._pings[number] = asyncio.get_running_loop().create_future()
        self.send(frames.ping(number))
        try:
            await answered
        finally:
            self._pings.pop(number, None)

    async def drain(self) -> None:
        await self._stream.drain()

    async def flush(self) -> None:
        """Wait until everything written to any stream is on its way."""
        for stream in list(self._streams.values()):
            await stream.flush()

    async def wait_closed(self) -> None:
        """The other end has gone, or `close` was called."""
        await asyncio.wait([self._reader])

    def go_away(self) -> None:
        """Tell the other end that this one is done: it then closes the connection."""
        self.send(frames.goaway(self._last_remote))

    def abort(self) -> None:
        """Close the stream below and end every stream, now."""
        self._reader.cancel()
        self._lose()

    async def close(self) -> None:
        """Say GOAWAY, close the stream below and end every stream. What was written before is still sent."""
        if not self.closed:
            self.go_away()
            with contextlib.suppress(ConnectionError):
                await self._stream.drain()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._lose()

    # What the streams call.

    def send(self, data: bytes) -> None:
        if not self.closed:
            try:
                self._stream.write(data)
            except (OSError, RuntimeError):
                # uvloop's closed transports raise RuntimeError.
                self._lose()

    def consumed(self) -> None:
        self._room.set()

    def forget(self, stream: SpdyStream) -> None:
        self._streams.pop(stream.id, None)

    # The reading task.

    async def _read(self) -> None:
        try:
            while data := await self._stream.read(1 << 16):
                for frame in self._decoder.feed(data):
                    if frame.kind == frames.GOAWAY:
                        # Those who send it are done: Go's implementation does not read on after it either.
                        return
                    stream = self._handle(frame)
                    while stream is not None and stream.buffered > UNREAD_LIMIT:
                        self._room.clear()
                        await self._room.wait()
        except frames.FrameError as error:
            log.warning("a SPDY connection is closed: %s", error)
            self.send(frames.goaway(self._last_remote, frames.PROTOCOL_ERROR))
        except ConnectionError:
            pass
        finally:
            self._lose()

    def _handle(self, frame: frames.Frame) -> SpdyStream | None:
        """Act on a frame; the stream that got data."""
        stream = self._streams.get(frame.stream)
        kind = frame.kind
        if kind == 0:
            self._received(len(frame.data))
            if stream is not None:
                stream.receive_data(frame.data, frame.fin)
            return stream
        if kind == frames.SYN_STREAM:
            self._opened(frame)
        elif kind == frames.PING:
            self._pinged(frame)
        elif kind == frames.SETTINGS:
            self._settings(frame.settings)
        elif kind == frames.WINDOW_UPDATE and frame.stream == 0:
            self.send_window += frame.value
            for waiting in list(self._streams.values()):
                waiting.grant(0)
        elif stream is not None:
            if kind == frames.SYN_REPLY:
                stream.receive_reply(frame.headers or Headers())
            elif kind == frames.RST_STREAM:
                stream.receive_reset()
            elif kind == frames.WINDOW_UPDATE:
                stream.grant(frame.value)
            if frame.fin and kind in (frames.SYN_REPLY, frames.HEADERS):
                stream.receive_data(b"", True)
        return None

    def _received(self, size: int) -> None:
        """The window of the whole connection is given back at once: the streams' own windows bound memory."""
        self._session_unacknowledged += size
        if self.windows_bind and self._session_unacknowledged >= _DEFAULT_WINDOW // 2:
            self.send(frames.window_update(0, self._session_unacknowledged))
            self._session_unacknowledged = 0

    def _opened(self, frame: frames.Frame) -> None:
        number = frame.stream
        if number <= self._last_remote or number % 2 == self._next_id % 2:
            self.send(frames.rst_stream(number, frames.PROTOCOL_ERROR))
            return
        self._last_remote = number
        stream = self._streams[number] = SpdyStream(
            self, number, frame.headers or Headers(), self._peer_window
        )
        self.send(self._encoder.syn_reply(number, Headers()))
        stream.reply_headers = Headers()
        if frame.flags & frames.FLAG_UNIDIRECTIONAL:
            stream._local_finished = True
        if frame.fin:
            stream.receive_data(b"", True)
        self._accepted.put_nowait(stream)

    def _pinged(self, frame: frames.Frame) -> None:
        if frame.value % 2 != self._next_ping % 2:
            self.send(frames.ping(frame.value))
        elif (answered := self._pings.get(frame.value)) is not None and not answered.done():
            answered.set_result(None)

    def _settings(self, values: dict[int, int]) -> None:
        window = values.get(frames.SETTING_INITIAL_WINDOW)
        if window is not None:
            delta, self._peer_window = window - self._peer_window, window
            self.windows_bind = True
            for stream in list(self._streams.values()):
                stream.grant(delta)

    def _lose(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._stream.close()
        for stream in list(self._streams.values()):
            stream.lose()
        self._streams.clear()
        for answered in self._pings.values():
            if not answered.done():
                answered.set_exception(SpdyError("the connection closed before the ping came back"))
        self._accepted.put_nowait(None)
