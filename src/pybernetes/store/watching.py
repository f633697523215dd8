"""Watches of a store: live batches after each commit, and the event log for whatever a watch has missed.

A backend owns one `Feed`, publishes each commit's events to it and lends it a way to read its log. A watch
that starts in the past, or whose reader falls behind, holds no queue: it reads the log until it has caught
up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from pybernetes.store.interface import Event

History = Callable[[str, int, int], Awaitable[tuple[list[Event], int]]]
"""(prefix, after, limit) -> at most `limit` events, and up to which revision these are all; or Compacted."""

CHUNK = 500
QUEUE_LIMIT = 20_000


class Feed:
    """Where commits are published. `revision` is the last one."""

    def __init__(self, revision: int, history: History) -> None:
        self.revision = revision
        self._history = history
        self._watches: set[FeedWatch] = set()
        self._closed = False
        self._error: Exception | None = None

    def publish(self, batch: list[Event]) -> None:
        """One commit's events, in revision order."""
        self.revision = batch[-1].revision
        for watch in tuple(self._watches):
            watch._offer(batch)

    def watch(self, prefix: str, after: int) -> FeedWatch:
        watch = FeedWatch(self, prefix, after)
        if not self._closed:
            self._watches.add(watch)
        return watch

    def close(self, error: Exception | None = None) -> None:
        """End every watch: quietly, or by raising `error` in its reader."""
        self._closed = True
        self._error = error
        for watch in tuple(self._watches):
            watch._wake()


class FeedWatch:
    """The `Watch` of every backend that has a `Feed`."""

    def __init__(self, feed: Feed, prefix: str, after: int) -> None:
        self._feed = feed
        self._prefix = prefix
        self._position = after
        self._behind = after < feed.revision
        self._queue: deque[list[Event]] = deque()
        self._queued = 0
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    def _offer(self, batch: list[Event]) -> None:
        if self._behind:
            return
        position, prefix = self._position, self._prefix
        if batch[0].revision <= position or not all(event.key.startswith(prefix) for event in batch):
            batch = [event for event in batch if event.revision > position and event.key.startswith(prefix)]
            if not batch:
                return
        if self._queued + len(batch) > QUEUE_LIMIT:
            self._queue.clear()
            self._queued = 0
            self._behind = True
        else:
            self._queue.append(batch)
            self._queued += len(batch)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> AsyncIterator[list[Event]]:
        return self

    async def __anext__(self) -> list[Event]:
        while True:
            if self._closed or self._feed._closed:
                self.close()
                if self._feed._error is not None:
                    raise self._feed._error
                raise StopAsyncIteration
            if self._queue:
                batch = self._queue.popleft()
                self._queued -= len(batch)
                self._position = batch[-1].revision
                return batch
            if self._behind:
                events, reached = await self._feed._history(self._prefix, self._position, CHUNK)
                self._position = max(self._position, reached)
                self._behind = self._position < self._feed.revision
                if events:
                    return events
                continue
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def close(self) -> None:
        self._closed = True
        self._queue.clear()
        self._feed._watches.discard(self)
        self._wake()
