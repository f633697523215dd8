"""When the sqlite store's write-ahead log is copied into the file, so that it neither grows nor stays.

The store reports its writes and runs what is `due` between two batches. After `WAL_LIMIT` bytes a first copy runs
beside the writers without disturbing them; the short rest that makes the log start over is then due, and emptying it
after a pause.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor

from pybernetes.lib.clock import Clock, Timer

WAL_LIMIT = 16 << 20
"""Bytes, estimated."""
IDLE_SECONDS = 3.0

_PASSIVE, _RESTART, _TRUNCATE = "PASSIVE", "RESTART", "TRUNCATE"


class Checkpoints:
    """`due_now` is called when something has become due, `failed` with what went wrong in the background."""

    def __init__(
        self,
        clock: Clock,
        connection: sqlite3.Connection,
        beside: Executor,
        due_now: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._clock = clock
        self._connection = connection
        self._beside = beside
        self._due_now = due_now
        self._failed = failed
        self._due = ""
        self._logged = 0
        self._copying = False
        self._timer: Timer | None = None
        self._wrote_since = False
        self._closed = False

    def wrote(self, size: int) -> None:
        """A commit of about `size` bytes."""
        self._logged += size
        self._wrote_since = True
        if self._logged > WAL_LIMIT and not self._copying:
            self._copying = True
            self._logged = 0
            loop = asyncio.get_running_loop()
            loop.run_in_executor(self._beside, self._run, _PASSIVE).add_done_callback(self._copied)
        if self._timer is None and not self._closed:
            self._wait_for_idle()

    def _wait_for_idle(self) -> None:
        self._wrote_since = False
        self._timer = self._clock.call_later(IDLE_SECONDS, self._maybe_idle)

    def _maybe_idle(self) -> None:
        self._timer = None
        if self._wrote_since or self._copying:
            self._wait_for_idle()
        else:
            self._logged = 0
            self._make_due(_TRUNCATE)

    def _copied(self, future: asyncio.Future[object]) -> None:
        self._copying = False
        error = future.exception()
        if error is not None:
            self._failed(error)
        elif not self._closed:
            self._make_due(_RESTART)

    def _make_due(self, mode: str) -> None:
        self._due = mode
        self._due_now()

    def take_due(self) -> Callable[[], object] | None:
        """What has to run now, in a thread, while nothing is written; None when nothing has to."""
        mode, self._due = self._due, ""
        return (lambda: self._run(mode)) if mode else None

    def empty(self) -> object:
        """The last one, in a thread."""
        return self._run(_TRUNCATE)

    def _run(self, mode: str) -> object:
        """Another program that reads the file may hinder a checkpoint: the next one will do."""
        return self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
