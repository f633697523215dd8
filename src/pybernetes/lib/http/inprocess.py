"""Requests to a handler in the same process, as bytes: no socket, no parser, the same answers.

`InProcessTransport(handler)` is a `Transport`. A `Streaming` answer runs in a task of its own and is held
back by its reader; an `Upgrade` gets one end of a `MemoryStream.pair()`. Works on virtual time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from pybernetes.lib.http.messages import (
    Answer,
    BodyTooLarge,
    BytesBody,
    Handler,
    Headers,
    Peer,
    Request,
    Response,
    Streaming,
    Upgrade,
)
from pybernetes.lib.http.server import plain_error
from pybernetes.lib.http.site import ErrorBody, log_failure, run_upgraded
from pybernetes.lib.http.transport import TransportResponse, UpgradeResponse
from pybernetes.lib.http.wire import next_turn
from pybernetes.lib.streams import MemoryStream

T = TypeVar("T")

HIGH_WATER = 256 * 1024


class _Pipe:
    """`Writer` for the handler and the chunks for the reader."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._closed = False
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._gone = asyncio.Event()
        self._writable.set()
        self.error: BaseException | None = None

    def write(self, data: bytes) -> None:
        if data and not self._closed:
            self._chunks.append(data)
            self._size += len(data)
            self._readable.set()
            if self._size > HIGH_WATER:
                self._writable.clear()

    async def drain(self) -> None:
        await next_turn()
        if not self._closed:
            await self._writable.wait()

    @property
    def buffered(self) -> int:
        return self._size

    @property
    def closed(self) -> bool:
        return self._closed

    async def wait_closed(self) -> None:
        await self._gone.wait()

    def end(self, error: BaseException | None = None) -> None:
        self._ended = True
        self.error = error
        self._readable.set()

    def abandon(self) -> None:
        """The reader has gone."""
        self._closed = True
        self._chunks.clear()
        self._size = 0
        self._gone.set()
        self._writable.set()
        self._readable.set()

    async def take(self) -> bytes:
        """All that is there, joined; b"" at the end."""
        while not self._chunks:
            if self._ended or self._closed:
                if self.error is not None and not self._closed:
                    raise ConnectionResetError("the answer broke off") from self.error
                return b""
            self._readable.clear()
            await self._readable.wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        self._writable.set()
        return data


class _Arriving:
    """`StreamingResponse` of a `Streaming` answer."""

    def __init__(self, status: int, headers: Headers, pipe: _Pipe, task: asyncio.Task[None]) -> None:
        self.status = status
        self.headers = headers
        self._pipe = pipe
        self._task = task

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self._pipe.take():
            yield data

    async def close(self) -> None:
        self._pipe.abandon()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class _Arrived:
    """`StreamingResponse` of an answer that is all there."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._body:
            yield self._body

    async def close(self) -> None:
        return None


class InProcessTransport:
    """A `Transport` that calls `handler`. `peer` is who the requests come from."""

    def __init__(
        self, handler: Handler, peer: Peer | None = None, *, error_body: ErrorBody = plain_error
    ) -> None:
        self._handler = handler
        self._peer = peer or Peer(address="127.0.0.1")
        self._error_body = error_body
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def request(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> TransportResponse:
        answer = await self._call(method, target, headers, body)
        if isinstance(answer, Response):
            return TransportResponse(answer.status, answer.headers.copy(), _joined(answer))
        if isinstance(answer, Upgrade):
            raise ConnectionResetError("the server upgraded a plain request")
        arriving = self._run(answer)
        try:
            return TransportResponse(
                arriving.status, arriving.headers, b"".join([chunk async for chunk in arriving])
            )
        finally:
            await arriving.close()

    async def stream(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> _Arriving | _Arrived:
        answer = await self._call(method, target, headers, body)
        if isinstance(answer, Upgrade):
            raise ConnectionResetError("the server upgraded a plain request")
        if isinstance(answer, Streaming):
            return self._run(answer)
        return _Arrived(answer.status, answer.headers.copy(), _joined(answer))

    async def upgrade(self, method: str, target: str, headers: Headers) -> UpgradeResponse:
        asking = headers.copy()
        if "connection" not in asking:
            asking.set("connection", "Upgrade")
        answer = await self._call(method, target, asking, b"")
        if isinstance(answer, Upgrade):
            ours, theirs = MemoryStream.pair()
            self._spawn(run_upgraded(answer, theirs))
            return UpgradeResponse(answer.status, answer.headers.copy(), ours)
        if isinstance(answer, Streaming):
            arriving = self._run(answer)
            text = b"".join([chunk async for chunk in arriving])
            return UpgradeResponse(answer.status, answer.headers.copy(), None, text)
        return UpgradeResponse(answer.status, answer.headers.copy(), None, _joined(answer))

    async def close(self) -> None:
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        if self._closed:
            raise ConnectionResetError("the transport is closed")
        request = Request(method, target, headers.copy(), BytesBody(body), self._peer)
        # As over a socket, a handler runs on when its client gives up: a write is done or not, never half.
        return await asyncio.shield(self._spawn(self._handle(request)))

    async def _handle(self, request: Request) -> Answer:
        try:
            return await self._handler(request)
        except BodyTooLarge:
            return self._error_body(413, "the request body is too large")
        except Exception as error:
            log_failure("a handler", error)
            return self._error_body(500, "the server could not answer this request")

    def _run(self, answer: Streaming) -> _Arriving:
        pipe = _Pipe()
        task = self._spawn(_streamed(answer, pipe))
        return _Arriving(answer.status, answer.headers.copy(), pipe, task)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _joined(answer: Response) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


async def _streamed(answer: Streaming, pipe: _Pipe) -> None:
    try:
        await answer.run(pipe)
    except asyncio.CancelledError:
        pipe.end(ConnectionResetError("the server ended the answer"))
        raise
    except Exception as error:
        log_failure("a streaming answer", error)
        pipe.end(error)
    else:
        pipe.end()
