"""One HTTP/1.1 connection of the server: bytes in, handler calls, bytes out.

The event loop calls `buffer_updated`; httptools calls the `on_...` methods, which make an `Exchange` of each
request; one task at a time answers them in order, so pipelined requests wait their turn while reading is
paused. An upgraded connection is handed over to a `SocketStream` and this class is done with it.
No byte of a request is ever logged: they hold tokens.
"""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import httptools

from pybernetes.lib.http.gone import GONE, NO_PARSER
from pybernetes.lib.http.incoming import BODY_ERRORS, HIGH_WATER, BrokenBody, Exchange, SlowSender, StreamBody
from pybernetes.lib.http.messages import (
    Answer,
    BodyTooLarge,
    BytesBody,
    Headers,
    Peer,
    Request,
    Response,
    Streaming,
    Upgrade,
)
from pybernetes.lib.http.site import LazyDeadline, Site, log_failure, origin_form, peer_of, run_upgraded
from pybernetes.lib.http.wire import (
    CONTINUE,
    ChunkedWriter,
    bodiless,
    next_turn,
    response_head,
    stream_head,
    upgrade_head,
)
from pybernetes.lib.sockets import SocketStream

log = logging.getLogger(__name__)

_NO_BODY = BytesBody()
_AT_ONCE = 256 * 1024


class _HeadTooLarge(Exception):
    pass


class Connection(asyncio.BufferedProtocol):
    """See the module. `task` answers requests; `streaming` says that it runs a `Streaming` or `Upgrade`."""

    __slots__ = (
        "_current",
        "_deadline",
        "_discarding",
        "_fresh",
        "_head_size",
        "_in_head",
        "_lines",
        "_lost",
        "_parser",
        "_peer",
        "_raw",
        "_reading_paused",
        "_receiving",
        "_site",
        "_transport",
        "_undecided",
        "_url",
        "_waiting",
        "_writable",
        "_writer",
        "_writing_paused",
        "streaming",
        "task",
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._peer: Peer
        self._lost = False
        # The head that is being parsed.
        self._url = b""
        self._lines: list[tuple[str, str]] = []
        self._in_head = False
        self._fresh = False
        self._head_size = 0
        # Requests: still arriving, waiting for their turn, being answered.
        self._receiving: Exchange | None = None
        self._waiting: list[Exchange] = []
        self._current: Exchange | None = None
        self.task: asyncio.Task[None] | None = None
        self.streaming = False
        # What follows a request for an upgrade, until the handler has decided.
        self._undecided = False
        self._raw = bytearray()
        self._discarding = False
        self._reading_paused = False
        self._writing_paused = False
        self._writable: asyncio.Future[None] | None = None
        self._writer: ChunkedWriter | None = None
        self._deadline = LazyDeadline(site.clock, self._expire)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._site.connections.add(self)
        self._site.accepted += 1
        self._peer = peer_of(self._transport)
        self._transport.set_write_buffer_limits(high=_AT_ONCE)
        self._deadline.set(self._site.limits.head_seconds)

    def get_buffer(self, sizehint: int) -> memoryview:
        """One buffer serves all connections: what is in it is used up before the next of them reads."""
        return self._site.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._received(self._site.buffer[:nbytes])

    def _received(self, data: bytes | memoryview) -> None:
        if self._discarding:
            return
        if self._undecided:
            self._raw += data
            self._update_reading()
            return
        self._fresh = False
        if self._parser is NO_PARSER:
            self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._undecided = True
            self._raw += data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._refuse(error)
        if self._in_head and not self._discarding:
            if not self._fresh:
                self._head_size += len(data)
                if self._head_size > self._site.limits.head_bytes:
                    self._refuse(_HeadTooLarge())
            elif self._current is None and not self._waiting:
                self._deadline.set(self._site.limits.head_seconds)
        if self._waiting and self.task is None:
            self._start()
        elif self._current is not None:
            self._update_reading()

    def pause_writing(self) -> None:
        self._writing_paused = True
        if self._writer is not None:
            self._writer.pause()
        else:
            self._deadline.set(self._site.limits.write_seconds)

    def resume_writing(self) -> None:
        self._writing_paused = False
        if self._writer is not None:
            self._writer.resume()
        elif self._current is not None:
            self._deadline.clear()
        else:
            self._deadline.set(self._site.limits.idle_seconds)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._waiting.clear()
        self._deadline.cancel()
        self._parser = NO_PARSER
        self._transport = GONE
        current = self._current
        if current is not None and current.body is not None:
            current.body.fail(ConnectionResetError("the client went before the end of the body"))
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._writer is not None:
            self._writer.lose()
            if self.task is not None:
                self.task.cancel()
        if self.task is None:
            self._site.connections.discard(self)

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._url = b""
        self._lines = []
        self._in_head = self._fresh = True
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        self._url = self._url + url if self._url else url
        if len(self._url) > self._site.limits.head_bytes:
            raise _HeadTooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            self._lines.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._in_head = False
        parser = self._parser
        lines = self._lines
        size = len(self._url)
        target = origin_form(self._url.decode("latin-1"))
        exchange = Exchange(parser.get_method().decode("latin-1"), target, lines)
        for name, value in lines:
            size += len(name) + len(value) + 4
            if name == "content-length":
                exchange.length = int(value)
            elif name == "expect" and value.lower() == "100-continue":
                exchange.expects_continue = True
        if size > self._site.limits.head_bytes:
            raise _HeadTooLarge
        exchange.old = parser.get_http_version() != "1.1"
        exchange.keep_alive = not exchange.old and parser.should_keep_alive()
        exchange.upgrade = parser.should_upgrade()
        self._receiving = exchange
        self._waiting.append(exchange)
        self._url, self._lines = b"", []

    def on_body(self, data: bytes) -> None:
        if self._receiving is not None:
            self._receiving.feed(data)
            if self._receiving.body is not None:
                self._deadline.clear()

    def on_message_complete(self) -> None:
        if self._receiving is not None:
            self._receiving.finish()
            self._receiving = None

    # Answering.

    def _start(self) -> None:
        self._deadline.clear()
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Answer what waits, in order, until nothing does."""
        try:
            while self._waiting and not self._lost:
                self._current = exchange = self._waiting.pop(0)
                if not await self._answer(exchange):
                    return
                self._current = None
                if self._undecided and not self._waiting:
                    self._parse_on()
            if not self._lost:
                limits = self._site.limits
                self._deadline.set(limits.head_seconds if self._in_head else limits.idle_seconds)
                self._update_reading()
        except asyncio.CancelledError:
            if not self._lost:
                self._transport.abort()
                raise
        except Exception as error:
            log_failure("answering", error)
            self._transport.abort()
        finally:
            self._current = None
            self.task = None
            if self._site.closing:
                self._site.changed.set()
            if self._lost:
                self._site.connections.discard(self)

    async def _answer(self, exchange: Exchange) -> bool:
        """Handle one request; False when the connection is not for HTTP any more."""
        refusal = exchange.refusal
        answer = await self._handle(exchange) if refusal is None else self._site.error_body(*refusal)
        if self._lost:
            return False
        if exchange.body is not None:
            exchange.body.discard()
        if isinstance(answer, Upgrade) and not exchange.upgrade:
            log.error("the handler upgrades a request that did not ask for it")
            answer = self._site.error_body(500, "the request did not ask for an upgrade")
        if isinstance(answer, Upgrade):
            await self._upgrade(answer)
            return False
        keep = exchange.keep_alive and exchange.complete and not self._site.closing
        if isinstance(answer, Response):
            try:
                await self._respond(exchange, answer, keep)
            except ValueError as error:
                log_failure("the head of an answer", error)
                answer = self._site.error_body(500, "the answer could not be sent")
                await self._respond(exchange, answer, keep)
        else:
            await self._stream(exchange, answer, keep)
        keep = keep and not self._site.closing
        if not keep and not self._lost:
            self._finish(exchange)
        return keep

    async def _handle(self, exchange: Exchange) -> Answer:
        body: BytesBody | StreamBody
        if exchange.complete:
            body = BytesBody(b"".join(exchange.chunks)) if exchange.chunks else _NO_BODY
            exchange.chunks = None
        else:
            body = exchange.body = StreamBody(self, exchange.chunks or [], False, exchange.length)
        headers = Headers.lowered(exchange.headers)
        exchange.headers = []
        request = Request(exchange.method, exchange.target, headers, body, self._peer)
        del headers, body
        try:
            return await self._site.handler(request)
        except (BodyTooLarge, SlowSender, BrokenBody) as error:
            return self._site.error_body(*BODY_ERRORS[type(error)])
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log_failure("a handler", error)
        except Exception as error:
            if not (self._lost and isinstance(error, ConnectionError)):
                log_failure("a handler", error)
        return self._site.error_body(500, "the server could not answer this request")

    async def _respond(self, exchange: Exchange, answer: Response, keep: bool) -> None:
        body = answer.body
        parts = [body] if isinstance(body, bytes) else body
        size = len(body) if isinstance(body, bytes) else sum(map(len, body))
        start = response_head(exchange.method, answer.status, answer.headers, size, keep)
        if not size or exchange.method == "HEAD" or bodiless(answer.status):
            self._transport.write(start)
        elif size <= _AT_ONCE:
            self._transport.write(start + body if isinstance(body, bytes) else b"".join((start, *parts)))
        else:
            self._transport.write(start)
            for part in parts:
                self._transport.write(part)
                await self._flushed()
                if self._lost:
                    return

    async def _flushed(self) -> None:
        await next_turn()
        while self._writing_paused and not self._lost:
            self._writable = asyncio.get_running_loop().create_future()
            await self._writable

    async def _stream(self, exchange: Exchange, answer: Streaming, keep: bool) -> None:
        chunked = not exchange.old
        start = stream_head(answer.status, answer.headers, chunked, keep)
        answer.headers = Headers()
        if exchange.method == "HEAD":
            self._transport.write(start)
            return
        writer = ChunkedWriter(self._transport, start, chunked=chunked, paused=self._writing_paused)
        self._writer = writer
        self._deadline.clear()
        self._now_streaming()
        try:
            await answer.run(writer)
            writer.end()
        except Exception as error:
            if not self._lost:
                log_failure("a streaming answer", error)
                self._transport.abort()
                self._lost = True
        finally:
            self._writer = None
            self.streaming = False
            writer.lose()

    def _now_streaming(self) -> None:
        """Streams stay open for long and are many: what they do not need is given up."""
        self.streaming = True
        self._deadline.cancel_timer()
        if self._current is not None and self._current.complete and not (self._in_head or self._waiting):
            self._parser = NO_PARSER
        if self._site.closing:
            self._site.changed.set()

    async def _upgrade(self, answer: Upgrade) -> None:
        self._transport.write(upgrade_head(answer.status, answer.headers))
        self._deadline.cancel()
        self._now_streaming()
        stream = SocketStream.adopt(self._transport, self._raw, writing_paused=self._writing_paused)
        if self._reading_paused:
            self._transport.resume_reading()
        try:
            await run_upgraded(answer, stream)
        finally:
            self._lost = True

    def _refuse(self, error: Exception) -> None:
        """The bytes are no HTTP that is understood: answer so once everything before is answered."""
        if isinstance(error, _HeadTooLarge) or isinstance(error.__context__, _HeadTooLarge):
            refusal = (431, f"the head is longer than {self._site.limits.head_bytes} bytes")
        else:
            refusal = (400, "the request is not valid HTTP/1.1")
        self._in_head = False
        self._discarding = True
        receiving, self._receiving = self._receiving, None
        last = self._waiting[-1] if self._waiting else self._current
        if receiving is not None:
            receiving.keep_alive = False
            receiving.refusal = refusal
            if receiving.body is not None:
                receiving.body.fail(BrokenBody(refusal[1]))
        elif last is None or last.keep_alive:
            self._waiting.append(Exchange.refused(*refusal))

    def _finish(self, exchange: Exchange) -> None:
        """Close after the answer. What the client still sends is read and dropped for a while, or it might
        see a reset instead of the answer."""
        self._waiting.clear()
        if exchange.complete:
            self._transport.close()
        else:
            self._discarding = True
            self._update_reading()
            if self._transport.can_write_eof():
                self._transport.write_eof()
        limits = self._site.limits
        flushed = self._transport.get_write_buffer_size() == 0
        self._deadline.set(limits.linger_seconds if flushed else limits.write_seconds)

    def _parse_on(self) -> None:
        """The handler answered a request for an upgrade in plain HTTP: what follows is HTTP as well."""
        raw, self._raw = bytes(self._raw), bytearray()
        self._undecided = False
        self._parser = httptools.HttpRequestParser(self)
        if raw:
            self._received(raw)

    # BodySource.

    def want_body(self) -> None:
        exchange = self._current
        if exchange is not None and not self._lost:
            if exchange.expects_continue and not exchange.complete:
                exchange.expects_continue = False
                self._transport.write(CONTINUE)
            self._update_reading()
            self._deadline.set(self._site.limits.body_seconds)

    def body_read(self) -> None:
        self._update_reading()

    # Flow control and time.

    def _update_reading(self) -> None:
        if self._lost:
            return
        current = self._current
        pause = not self._discarding and (
            (current is not None and (bool(self._waiting) or current.buffered > HIGH_WATER))
            or len(self._raw) > HIGH_WATER
        )
        if pause != self._reading_paused and not self._transport.is_closing():
            self._reading_paused = pause
            if pause:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _expire(self) -> None:
        current = self._current
        if current is not None and current.body is not None and current.body.waiting:
            current.body.fail(SlowSender("no byte of the body came for too long"))
        elif self._in_head and self.task is None:
            self._in_head = False
            self._discarding = True
            self._waiting.append(Exchange.refused(408, "the request came too slowly"))
            self._start()
        else:
            self._transport.abort()

    # Shutting down.

    def close_if_idle(self) -> None:
        if self.task is None and not self._lost:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()
