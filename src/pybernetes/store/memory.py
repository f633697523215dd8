"""The store in memory, for tests: everything the interface promises but durability.

Writes happen within the call, so virtual time and one event loop are enough to run a cluster on it.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right, insort

from pybernetes.lib.clock import Clock, RealClock
from pybernetes.store.expiry import Expiry, Keys
from pybernetes.store.interface import Compacted, Entries, Entry, Event, Events, Mismatch, Unavailable
from pybernetes.store.retention import KEEP_SECONDS, Retention
from pybernetes.store.watching import Feed, FeedWatch


class MemoryStore:
    """A `Store`. Nothing survives `close`."""

    def __init__(
        self, clock: Clock | None = None, *, keep_seconds: float = KEEP_SECONDS, keep_revisions: int = 20_000
    ) -> None:
        self._entries: dict[str, Entry] = {}
        self._keys = list[str]()
        self._events: Events = []
        self._compacted = 1
        self._feed = Feed(1, self.history)
        clock = clock or RealClock()
        self._expiry = Expiry(clock, self._expire)
        self._retention = Retention(clock, self._drop_events, 1, 1, keep_seconds, keep_revisions)
        self._closed = False
        self._failed: asyncio.Future[BaseException] | None = None

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        if self._failed is None:
            self._failed = asyncio.get_running_loop().create_future()
        return self._failed

    async def revision(self) -> int:
        self._check_open()
        return self._feed.revision

    async def get(self, key: str) -> Entry | None:
        self._check_open()
        return self._entries.get(key)

    async def list(self, prefix: str) -> tuple[Entries, int]:
        self._check_open()
        entries: Entries = []
        for index in range(bisect_left(self._keys, prefix), len(self._keys)):
            key = self._keys[index]
            if not key.startswith(prefix):
                break
            entries.append(self._entries[key])
        return entries, self._feed.revision

    async def put(self, key: str, value: bytes, expected: int | None, *, ttl: float | None = None) -> int:
        self._check_open()
        previous = self._swap(key, expected)
        revision = self._feed.revision + 1
        if previous is None:
            insort(self._keys, key)
        self._entries[key] = Entry(key, value, revision)
        if ttl is not None:
            self._expiry.add([(self._expiry.when(ttl), key, revision)])
        self._publish(
            Event(revision, key, value, *((previous.value, previous.revision) if previous else (None, 0)))
        )
        return revision

    async def delete(self, key: str, expected: int | None) -> int:
        self._check_open()
        return self._delete(key, expected)

    def _delete(self, key: str, expected: int | None) -> int:
        previous = self._swap(key, expected)
        if previous is None:
            raise Mismatch(key, None)
        revision = self._feed.revision + 1
        del self._entries[key]
        del self._keys[bisect_left(self._keys, key)]
        self._publish(Event(revision, key, None, previous.value, previous.revision))
        return revision

    def _swap(self, key: str, expected: int | None) -> Entry | None:
        current = self._entries.get(key)
        if expected is not None and expected != (current.revision if current else 0):
            raise Mismatch(key, current)
        return current

    def _publish(self, event: Event) -> None:
        self._events.append(event)
        self._feed.publish([event])
        self._retention.wrote(event.revision)

    def _expire(self, due: Keys) -> None:
        for key, revision in due:
            try:
                self._delete(key, revision)
            except Mismatch:
                continue

    def watch(self, prefix: str, after: int) -> FeedWatch:
        return self._feed.watch(prefix, after)

    async def history(self, prefix: str, after: int, limit: int) -> tuple[Events, int]:
        if after < self._compacted:
            raise Compacted(self._compacted + 1)
        start = bisect_right(self._events, after, key=_revision)
        events = self._events[start : start + limit]
        reached = events[-1].revision if events else self._feed.revision
        return [event for event in events if event.key.startswith(prefix)], reached

    async def compact(self, revision: int) -> None:
        self._check_open()
        self._drop_events(min(revision, self._feed.revision))

    def _drop_events(self, revision: int) -> None:
        if revision > self._compacted:
            self._compacted = revision
            del self._events[: bisect_right(self._events, revision, key=_revision)]

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")

    async def close(self) -> None:
        self._closed = True
        self._expiry.close()
        self._retention.close()
        self._feed.close()


def _revision(event: Event) -> int:
    return event.revision
