"""How late the event loop runs what is due: sampled by a timer that only runs while there is work.

Whoever serves calls `note()` for each piece of work; the samples gather in buckets for a histogram.
"""

from __future__ import annotations

from bisect import bisect_left

from pybernetes.lib.clock import Clock

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper bounds in seconds; one more count is for everything above."""
PERIOD = 0.02


class LoopLag:
    """`counts` has one number a bucket and one for the rest; `seconds` is their sum. Idle, no timer runs."""

    def __init__(self, clock: Clock) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self._clock = clock
        self._due = 0.0
        self._noted = False
        self._running = False

    def note(self) -> None:
        """There is work: sample on."""
        self._noted = True
        if not self._running:
            self._running = True
            self._arm()

    def _arm(self) -> None:
        self._noted = False
        self._due = self._clock.monotonic() + PERIOD
        self._clock.call_later(PERIOD, self._sample)

    def _sample(self) -> None:
        late = max(self._clock.monotonic() - self._due, 0.0)
        self.counts[bisect_left(BUCKETS, late)] += 1
        self.seconds += late
        if self._noted:
            self._arm()
        else:
            self._running = False
