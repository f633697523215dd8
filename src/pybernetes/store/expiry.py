"""Which entries expire when: one timer for the earliest, whatever their number.

A backend adds what it wrote with a time to live and deletes what it is handed when that is over. An entry
written again has another revision, so its old appointment finds nothing to delete.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from pybernetes.lib.clock import Clock, Timer

Appointment = tuple[float, str, int]
"""(Unix time in seconds, key, revision)."""
Appointments = list[Appointment]
Keys = list[tuple[str, int]]
"""(key, revision) pairs."""


class Expiry:
    """`expire` is called with (key, revision) pairs that are due, on the loop."""

    def __init__(self, clock: Clock, expire: Callable[[Keys], None]) -> None:
        self._clock = clock
        self._expire = expire
        self._due: list[Appointment] = []
        self._timer: Timer | None = None
        self._armed_for = 0.0

    def when(self, ttl: float) -> float:
        """The Unix time that is `ttl` seconds from now."""
        return self._clock.now().timestamp() + ttl

    def add(self, appointments: Iterable[Appointment]) -> None:
        for appointment in appointments:
            heapq.heappush(self._due, appointment)
        self._arm()

    def _arm(self) -> None:
        if not self._due or (self._timer is not None and self._armed_for <= self._due[0][0]):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = self._due[0][0]
        delay = max(self._armed_for - self._clock.now().timestamp(), 0.001)
        self._timer = self._clock.call_later(delay, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._clock.now().timestamp() + 0.001
        due: Keys = []
        while self._due and self._due[0][0] <= now:
            _, key, revision = heapq.heappop(self._due)
            due.append((key, revision))
        if due:
            self._expire(due)
        self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due.clear()
