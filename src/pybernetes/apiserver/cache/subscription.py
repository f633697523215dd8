"""One watcher: first what it has missed, then what its group hands out, until it closes or falls behind.

The group (watchers.py) delivers one batch a commit: bytes that all its members share, or structured events.
Nothing here ever waits for a slow reader: one with more than `LIMIT` bytes before it is cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import NamedTuple, cast

from pybernetes.apiserver.cache.entry import CacheEntry, Head
from pybernetes.apiserver.cache.history import ADDED, BOOKMARK
from pybernetes.lib.http.messages import Writer

LIMIT = 16 << 20
_CHUNK = 64 << 10
_DRAIN_ABOVE = 256 << 10


class WatchEvent(NamedTuple):
    """`entry` is None for a BOOKMARK. A DELETED entry carries the deletion's revision."""

    type: str
    entry: CacheEntry | None
    revision: int
    initial_end: bool = False

    @property
    def size(self) -> int:
        return len(self.entry.item) if self.entry is not None else 100


Batch = bytes | list[WatchEvent]


class Subscription:
    """Read it by `run` (framed) or by iteration (both), not by both. Always close it, also unread."""

    __slots__ = (
        "_backlog",
        "_closed",
        "_head",
        "_leave",
        "_queue",
        "_queued",
        "_revision",
        "_settle",
        "_waiter",
        "_writer",
        "cut_off",
    )

    def __init__(
        self,
        head: Head | None,
        revision: Callable[[], int],
        leave: Callable[[Subscription], None],
        settle: Callable[[], None],
    ) -> None:
        self.cut_off = False
        self._head = head
        self._revision = revision
        self._leave = leave
        self._settle = settle
        self._backlog: Iterator[Batch] | None = None
        self._queue: list[Batch] = []
        self._queued = 0
        self._writer: Writer | None = None
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    def prepare(self, entries: list[CacheEntry], bookmark: int | None, missed: list[WatchEvent]) -> None:
        """What comes before live events: the state as ADDED, its bookmark at a revision, what has been missed."""
        if entries or bookmark is not None or missed:
            self._backlog = self._chunks(_initial(entries, bookmark, missed))

    def _chunks(self, events: Iterator[WatchEvent]) -> Iterator[Batch]:
        chunk: list[WatchEvent] = []
        size = 0
        for event in events:
            chunk.append(event)
            size += event.size
            if size >= _CHUNK:
                yield self._framed(chunk)
                chunk, size = [], 0
        if chunk:
            yield self._framed(chunk)

    def _framed(self, events: list[WatchEvent]) -> Batch:
        head = self._head
        if head is None:
            return events
        return b"".join(
            head.bookmark(event.revision, event.initial_end)
            if event.entry is None
            else head.frame(event.type, event.entry.item)
            for event in events
        )

    def deliver(self, batch: Batch) -> None:
        """From the group, once a commit: straight to the writer when that has caught up."""
        if self._closed:
            return
        if self._writer is not None:
            try:
                if self._writer.buffered <= LIMIT:
                    self._writer.write(cast(bytes, batch))
                    return
            except ConnectionError:
                pass
            self._cut()
            return
        if self._queued > LIMIT:
            self._cut()
            return
        self._queue.append(batch)
        self._queued += _size(batch)
        self._wake()

    def bookmark(self) -> None:
        """Tell the reader up to where it has seen everything."""
        self._settle()
        self.deliver(self._framed([WatchEvent(BOOKMARK, None, self._revision())]))

    def _cut(self) -> None:
        self.cut_off = True
        self._queue.clear()
        self.close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """No more events; what is queued is still read, unless it was cut off."""
        if not self._closed:
            self._closed = True
            self._backlog = None
            self._leave(self)
            self._wake()

    def _next(self) -> Batch | None:
        if self._backlog is not None:
            batch = next(self._backlog, None)
            if batch is not None:
                return batch
            self._backlog = None
        if not self._queue:
            return None
        queue, self._queue, self._queued = self._queue, [], 0
        if len(queue) == 1:
            return queue[0]
        if self._head is not None:
            return b"".join(cast("list[bytes]", queue))
        return [event for batch in cast("list[list[WatchEvent]]", queue) for event in batch]

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        while True:
            batch = self._next()
            if batch is not None:
                return batch
            if self._closed:
                raise StopAsyncIteration
            await self._wait()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def run(self, writer: Writer) -> None:
        """Write everything, framed, until this is closed, or cancelled because the writer's client has gone."""
        try:
            while not writer.closed:
                batch = self._next()
                if batch is not None:
                    writer.write(cast(bytes, batch))
                    if writer.buffered > _DRAIN_ABOVE:
                        await writer.drain()
                elif self._closed:
                    break
                else:
                    self._writer = writer
                    await self._wait()
        except ConnectionError:
            self.cut_off = True
        finally:
            self.close()


def _initial(
    entries: list[CacheEntry], bookmark: int | None, missed: list[WatchEvent]
) -> Iterator[WatchEvent]:
    for entry in entries:
        yield WatchEvent(ADDED, entry, entry.revision)
    if bookmark is not None:
        yield WatchEvent(BOOKMARK, None, bookmark, True)
    yield from missed


def _size(batch: Batch) -> int:
    return len(batch) if isinstance(batch, bytes) else sum(event.size for event in batch)
