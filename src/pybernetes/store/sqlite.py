"""The default store: one SQLite file, durable, one server.

Writes that wait are executed together on the loop's thread and committed together in another, one batch in
flight; the next batch gathers meanwhile. Results and events leave only after the commit (WAL,
synchronous=FULL). Checkpoints run between two batches (sqlite_checkpoints.py). A commit that fails ends the
store: see `failed`. The SQL is in sqlite_statements.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pybernetes.lib.clock import Clock, RealClock
from pybernetes.store import sqlite_statements as statements
from pybernetes.store.committer import Committer
from pybernetes.store.expiry import Appointments, Expiry, Keys
from pybernetes.store.interface import (
    Compacted,
    Entries,
    Entry,
    Event,
    Events,
    Mismatch,
    Unavailable,
    Unusable,
)
from pybernetes.store.retention import KEEP_REVISIONS, KEEP_SECONDS, Retention
from pybernetes.store.sqlite_checkpoints import Checkpoints
from pybernetes.store.sqlite_file import OpenFile, explain
from pybernetes.store.watching import Feed, FeedWatch

BATCH = 128
"""Writes in one transaction: more would hold the loop for more than some milliseconds."""
COMPACT_SLICE = 256
"""Revisions compacted in one transaction, for the same reason."""


@dataclass(slots=True)
class _Write:
    """A put, or a deletion when `value` is None."""

    key: str
    value: bytes | None
    expected: int | None
    expires: float | None
    done: asyncio.Future[int]


@dataclass(slots=True)
class _Outcome:
    """What a write came to, told after the commit."""

    write: _Write
    revision: int
    mismatch: Mismatch | None = None


_Outcomes = list[_Outcome]


@dataclass(slots=True)
class _Compaction:
    upto: int
    done: asyncio.Future[None]


class SqliteStore:
    """A `Store`. Use `SqliteStore.open`."""

    def __init__(self, file: OpenFile, clock: Clock, keep_seconds: float, keep_revisions: int) -> None:
        self._file = file
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._committer = Committer(self._loop, "store-commit")
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-read")
        self._written = statements.last_revision(file.writer)
        self._compacted = statements.compacted_revision(file.writer)
        self._compacted_rows = self._compacted
        self._feed = Feed(self._written, self.history)
        self._waiting: deque[_Write] = deque()
        self._compactions: deque[_Compaction] = deque()
        self._scheduled = False
        self._in_flight = False
        self._checkpoints = Checkpoints(
            clock, file.checkpointer, self._reading, self._schedule, lambda error: self._fail(error, [])
        )
        self._closing = False
        self._idle: asyncio.Future[None] | None = None
        self._broken: Unusable | None = None
        self.failed: asyncio.Future[BaseException] = self._loop.create_future()
        self._expiry = Expiry(clock, self._expire)
        self._retention = Retention(
            clock, self._compact_later, self._written, self._compacted, keep_seconds, keep_revisions
        )
        self._expiry.add(statements.expiring(file.writer))
        self._retention.start()

    @classmethod
    async def open(
        cls,
        path: str | Path,
        clock: Clock | None = None,
        *,
        keep_seconds: float = KEEP_SECONDS,
        keep_revisions: int = KEEP_REVISIONS,
    ) -> SqliteStore:
        """Open or create the file. Raises Unusable."""
        file = OpenFile(path)
        try:
            return cls(file, clock or RealClock(), keep_seconds, keep_revisions)
        except sqlite3.Error as error:
            file.close()
            raise Unusable(explain(file.path, error)) from error

    # Reading

    async def revision(self) -> int:
        self._check_usable()
        return self._feed.revision

    async def get(self, key: str) -> Entry | None:
        self._check_usable()
        revision, value = self._guard(lambda: statements.current(self._file.reader, key))
        return Entry(key, value, revision) if revision else None

    async def list(self, prefix: str) -> tuple[Entries, int]:
        self._check_usable()
        found: tuple[Entries, int] = await self._read(statements.entries, self._file.lister, prefix)
        return found

    def watch(self, prefix: str, after: int) -> FeedWatch:
        return self._feed.watch(prefix, after)

    async def history(self, prefix: str, after: int, limit: int) -> tuple[Events, int]:
        upto = self._feed.revision
        events: Events = []
        if after >= self._compacted:
            events = await self._read(statements.events, self._file.lister, prefix, after, upto, limit)
        if after < self._compacted:
            raise Compacted(self._compacted + 1)
        return events, events[-1].revision if len(events) == limit else upto

    # Writing

    async def put(self, key: str, value: bytes, expected: int | None, *, ttl: float | None = None) -> int:
        expires = None if ttl is None else self._expiry.when(ttl)
        return await self._write(key, value, expected, expires)

    async def delete(self, key: str, expected: int | None) -> int:
        return await self._write(key, None, expected, None)

    def _write(
        self,
        key: str,
        value: bytes | None,
        expected: int | None,
        expires: float | None,
    ) -> asyncio.Future[int]:
        self._check_usable()
        done: asyncio.Future[int] = self._loop.create_future()
        self._waiting.append(_Write(key, value, expected, expires, done))
        self._schedule()
        return done

    def _schedule(self) -> None:
        """Start the next step, once all that is ready to run in this turn of the loop has run."""
        if not self._in_flight and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._step)

    def _step(self) -> None:
        """With nothing in flight: a due checkpoint, or else the next batch."""
        self._scheduled = False
        if self._in_flight or self._broken is not None:
            return
        checkpoint = self._checkpoints.take_due()
        if checkpoint is not None:
            self._fly(checkpoint, _nothing)
        elif self._waiting or self._compactions:
            self._start_batch()
        elif self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _start_batch(self) -> None:
        outcomes: _Outcomes = []
        events: Events = []
        expiring: Appointments = []
        writer = self._file.writer
        try:
            writer.execute("BEGIN IMMEDIATE")
            compacted = self._compact_slice(writer) if self._compactions else None
            while self._waiting and len(outcomes) < BATCH:
                write = self._waiting[0]
                outcomes.append(self._apply(writer, write, events))
                if write.expires is not None and outcomes[-1].mismatch is None:
                    expiring.append((write.expires, write.key, outcomes[-1].revision))
                self._waiting.popleft()
            if not events and compacted is None:
                writer.execute("ROLLBACK")
                self._tell(outcomes)
                self._schedule()
                return
        except sqlite3.Error as error:
            self._fail(error, outcomes)
            return

        def committed() -> None:
            if events:
                self._feed.publish(events)
                self._retention.wrote(events[-1].revision)
            if expiring:
                self._expiry.add(expiring)
            self._tell(outcomes)
            if compacted is not None:
                self._compaction_done(compacted)
            self._checkpoints.wrote(12_000 + sum(len(event.value or b"") + 6_000 for event in events))

        self._fly(lambda: writer.execute("COMMIT"), committed, outcomes)

    def _apply(self, writer: sqlite3.Connection, write: _Write, events: Events) -> _Outcome:
        key = write.key
        found, previous = statements.current(writer, key)
        missing = write.value is None and not found
        if missing or (write.expected is not None and write.expected != found):
            current = Entry(key, previous or b"", found) if found else None
            return _Outcome(write, 0, Mismatch(key, current))
        revision = self._written + 1
        statements.write(writer, revision, key, write.value, found, write.expires)
        self._written = revision
        events.append(Event(revision, key, write.value, previous, found))
        return _Outcome(write, revision)

    def _tell(self, outcomes: _Outcomes) -> None:
        for outcome in outcomes:
            done = outcome.write.done
            if not done.done():
                if outcome.mismatch is None:
                    done.set_result(outcome.revision)
                else:
                    done.set_exception(outcome.mismatch)

    def _fly(
        self, work: Callable[[], object], landed: Callable[[], object], outcomes: _Outcomes | None = None
    ) -> None:
        """Run `work` in a thread, alone on the writing side; then `landed`, then the next step."""
        self._in_flight = True

        def done(error: BaseException | None) -> None:
            self._in_flight = False
            if error is not None:
                self._fail(error, outcomes or [])
                return
            landed()
            self._step()

        self._committer.run(work, done)

    def _expire(self, due: Keys) -> None:
        for key, revision in due:
            if self._broken is None and not self._closing:
                self._write(key, None, revision, None).add_done_callback(_ignore_mismatch)

    # Compaction

    async def compact(self, revision: int) -> None:
        self._check_usable()
        if revision > self._compacted:
            await self._start_compaction(min(revision, self._feed.revision))

    def _compact_later(self, revision: int) -> None:
        if self._broken is None and not self._closing and revision > self._compacted:
            self._start_compaction(revision)

    def _start_compaction(self, revision: int) -> asyncio.Future[None]:
        self._compacted = revision
        done: asyncio.Future[None] = self._loop.create_future()
        self._compactions.append(_Compaction(revision, done))
        self._schedule()
        return done

    def _compact_slice(self, writer: sqlite3.Connection) -> int:
        """A part of the first compaction that waits; answers the revision up to which this has been done."""
        first = self._compacted_rows
        last = max(first, min(self._compactions[0].upto, first + COMPACT_SLICE))
        statements.compact(writer, first, last)
        return last

    def _compaction_done(self, upto: int) -> None:
        self._compacted_rows = upto
        while self._compactions and self._compactions[0].upto <= upto:
            done = self._compactions.popleft().done
            if not done.done():
                done.set_result(None)

    # The end

    def _fail(self, error: BaseException, outcomes: _Outcomes) -> None:
        """Nothing may be promised any more: the process has to stop and open the file anew."""
        if self._broken is not None:
            return
        text = explain(self._file.path, error) if isinstance(error, sqlite3.Error) else str(error)
        self._broken = Unusable(text)
        doubt = Unavailable(f"the write may or may not have happened: {text}")
        for write in [*(outcome.write for outcome in outcomes), *self._waiting]:
            if not write.done.done():
                write.done.set_exception(doubt)
        for compaction in self._compactions:
            if not compaction.done.done():
                compaction.done.set_exception(doubt)
        self._waiting.clear()
        self._compactions.clear()
        self._stop_timers()
        self._feed.close(self._broken)
        if not self.failed.done():
            self.failed.set_result(self._broken)
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _check_usable(self) -> None:
        if self._broken is not None:
            raise self._broken
        if self._closing:
            raise Unavailable("the store is closed")

    def _guard(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except sqlite3.Error as error:
            self._fail(error, [])
            raise self._broken or error from error

    async def _read(self, work: Callable[..., Any], *args: Any) -> Any:
        """On the reading thread, which owns the lists' connection: a cancelled caller leaves it in order."""
        try:
            return await self._loop.run_in_executor(self._reading, work, *args)
        except sqlite3.Error as error:
            self._fail(error, [])
            raise self._broken or error from error

    def _stop_timers(self) -> None:
        self._expiry.close()
        self._retention.close()
        self._checkpoints.close()

    async def close(self) -> None:
        """Commit what waits, empty the write-ahead log, unlock the file."""
        if self._closing:
            return
        self._closing = True
        self._stop_timers()
        if self._broken is None:
            self._idle = self._loop.create_future()
            self._schedule()
            await self._idle
        if self._broken is None:
            await self._empty_log()
        self._feed.close(self._broken)
        self._committer.stop()
        self._reading.shutdown()
        self._file.close()

    async def _empty_log(self) -> None:
        emptied: asyncio.Future[BaseException | None] = self._loop.create_future()
        self._committer.run(self._checkpoints.empty, emptied.set_result)
        error = await emptied
        if error is not None:
            raise error


def _nothing() -> None:
    """Nothing is left to do when a checkpoint is done."""


def _ignore_mismatch(done: asyncio.Future[int]) -> None:
    """An entry that was written again meanwhile has not expired; a failure is told by `failed`."""
    if not done.cancelled():
        done.exception()
