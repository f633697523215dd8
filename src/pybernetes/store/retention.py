"""How long events are kept: at least some minutes, but never more than a number of revisions.

A backend reports each commit and compacts when told to. While nothing is written no timer runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pybernetes.lib.clock import Clock, Timer

KEEP_SECONDS = 300.0
KEEP_REVISIONS = 100_000


class Retention:
    """`compact(revision)` is called on the loop and must not wait."""

    def __init__(
        self,
        clock: Clock,
        compact: Callable[[int], None],
        revision: int,
        compacted: int,
        seconds: float = KEEP_SECONDS,
        revisions: int = KEEP_REVISIONS,
    ) -> None:
        self._clock = clock
        self._compact = compact
        self._revision = revision
        self._compacted = compacted
        self._seconds = seconds
        self._revisions = revisions
        self._marks: deque[tuple[float, int]] = deque()
        self._timer: Timer | None = None

    def start(self) -> None:
        """Also the events that were there before are dropped in time."""
        if self._compacted < self._revision:
            self.wrote(self._revision)

    def wrote(self, revision: int) -> None:
        self._revision = revision
        if revision - self._compacted > self._revisions * 1.1:
            self._drop(revision - self._revisions)
        if self._timer is None:
            self._mark()

    def _mark(self) -> None:
        self._marks.append((self._clock.monotonic(), self._revision))
        self._timer = self._clock.call_later(self._seconds / 5, self._tick)

    def _tick(self) -> None:
        self._timer = None
        past = self._clock.monotonic() - self._seconds
        target = 0
        while self._marks and self._marks[0][0] <= past:
            target = self._marks.popleft()[1]
        if target > self._compacted:
            self._drop(target)
        if self._compacted < self._revision:
            self._mark()

    def _drop(self, revision: int) -> None:
        self._compacted = revision
        self._compact(revision)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
