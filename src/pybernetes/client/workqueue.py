"""A queue of keys to reconcile, and the workers that drain it.

In: keys, from informers' handlers. Out: each key at most once in line; a key added while a worker has it
comes again after `done`. Failures come back after the key's own back-off, 5 ms doubling to 1000 s.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from pybernetes.api.errors import APIError, Conflict
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock, Timer
from pybernetes.lib.tasks import Tasks

log = logging.getLogger(__name__)

RETRY_INITIAL, RETRY_LIMIT = 0.005, 1000.0


class QueueClosed(Exception):
    """`get` on a queue that has been closed."""


class WorkQueue:
    """Implements `client.interface.Queue`."""

    def __init__(
        self, clock: Clock, name: str = "", *, initial: float = RETRY_INITIAL, limit: float = RETRY_LIMIT
    ) -> None:
        self.name = name
        self._clock = clock
        self._line: deque[Hashable] = deque()
        self._waiting: set[Hashable] = set()
        self._processing: set[Hashable] = set()
        self._getters: deque[asyncio.Future[None]] = deque()
        self._backoff = Backoff(initial, limit, float("inf"))
        self._delayed: list[tuple[float, int, Hashable]] = []
        self._due: dict[Hashable, float] = {}
        self._order = itertools.count()
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._closed = False

    def __len__(self) -> int:
        return len(self._line)

    @property
    def idle(self) -> bool:
        """Nothing in line and nothing being handled; delayed keys do not count."""
        return not self._line and not self._processing

    def add(self, key: Hashable) -> None:
        if self._closed or key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._processing:
            self._line.append(key)
            self._wake()

    def add_after(self, key: Hashable, seconds: float) -> None:
        """Of several delays for one key the shortest counts."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        if self._due.get(key, float("inf")) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._delayed, (due, next(self._order), key))
        self._arm()

    def add_rate_limited(self, key: Hashable) -> None:
        self.add_after(key, self._backoff.next(key, self._clock.monotonic()))

    def forget(self, key: Hashable) -> None:
        self._backoff.forget(key)

    async def get(self) -> Any:
        """The next key, which the caller must give back with `done`. Raises QueueClosed."""
        while not self._line:
            if self._closed:
                raise QueueClosed(self.name)
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter.done() and not getter.cancelled():
                    self._wake()
                else:
                    self._getters.remove(getter)
                raise
        key = self._line.popleft()
        self._waiting.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: Hashable) -> None:
        self._processing.discard(key)
        if key in self._waiting:
            self._line.append(key)
            self._wake()

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _arm(self) -> None:
        if not self._delayed:
            return
        due = self._delayed[0][0]
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._clock.call_later(max(due - self._clock.monotonic(), 0), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        while self._delayed and self._delayed[0][0] <= now + 1e-6:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)
        self._arm()


def run_workers(
    queue: WorkQueue,
    reconcile: Callable[[Any], Awaitable[float | None]],
    n: int,
    clock: Clock,
    tasks: Tasks,
) -> None:
    """Start `n` workers in `tasks`: each takes a key, awaits `reconcile(key)` and gives the key back.

    A reconcile that raises is logged and comes again rate limited; one that returns a number comes again
    after that many seconds; otherwise the key's back-off is forgotten.
    """
    for number in range(n):
        tasks.spawn(_work(queue, reconcile), f"{queue.name or 'worker'}-{number}")


async def _work(queue: WorkQueue, reconcile: Callable[[Any], Awaitable[float | None]]) -> None:
    while True:
        try:
            key = await queue.get()
        except QueueClosed:
            return
        try:
            again = await reconcile(key)
        except Conflict as error:
            log.info("%s %s: %s; trying again", queue.name, key, error.message)
            queue.add_rate_limited(key)
        except APIError as error:
            log.warning("%s %s: %s; trying again", queue.name, key, error.message)
            queue.add_rate_limited(key)
        except Exception:
            log.exception("%s %s failed; trying again", queue.name, key)
            queue.add_rate_limited(key)
        else:
            queue.forget(key)
            if again is not None:
                queue.add_after(key, again)
        finally:
            queue.done(key)
