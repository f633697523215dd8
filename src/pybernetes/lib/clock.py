"""Time as a value that is passed in: the one place that reads a clock or waits.

Everything that waits takes a `Clock`. `RealClock` is the machine's; `VirtualClock` moves only by
`await clock.advance(seconds)`, so that a test of a five-minute time-out takes a millisecond.
Lint bans `asyncio.sleep`, `asyncio.timeout`, `asyncio.wait_for` and `time.*` elsewhere.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Timer(Protocol):
    """A call that is to come; `cancel` may be called any number of times."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Wall time, monotonic time and every way of waiting."""

    def now(self) -> datetime:
        """The wall clock, as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def call_later(self, seconds: float, callback: Callable[..., Any], *args: Any) -> Timer: ...

    def timeout(self, seconds: float | None) -> Deadline:
        """`async with clock.timeout(5):` raises TimeoutError when the block takes longer; None never does."""
        ...

    async def wait_for(self, awaitable: Awaitable[T], seconds: float | None) -> T:
        """The awaitable's result, or TimeoutError; the awaitable is then cancelled."""
        ...


class Deadline:
    """The context manager behind `Clock.timeout`: cancels its task once, and says so as TimeoutError."""

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._timer: Timer | None = None
        self._task: asyncio.Task[Any] | None = None
        self._expired = False
        self._cancelling = 0

    @property
    def expired(self) -> bool:
        return self._expired

    async def __aenter__(self) -> Deadline:
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("a timeout needs a running task")
        self._cancelling = self._task.cancelling()
        if self._seconds is not None:
            self._timer = self._clock.call_later(max(self._seconds, 0), self._expire)
        return self

    def _expire(self) -> None:
        if self._task is not None:
            self._expired = True
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        task, self._task = self._task, None
        if not self._expired or task is None or task.uncancel() > self._cancelling:
            return
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError(f"not finished after {self._seconds} s") from error


class _Waiting:
    """What both clocks build on top of `call_later`."""

    def timeout(self: Clock, seconds: float | None) -> Deadline:
        return Deadline(self, seconds)

    async def wait_for(self: Clock, awaitable: Awaitable[T], seconds: float | None) -> T:
        async with self.timeout(seconds):
            return await awaitable


class RealClock(_Waiting):
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[..., Any], *args: Any) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback, *args)


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


class _VirtualTimer:
    __slots__ = ("args", "callback", "cancelled")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock(_Waiting):
    """Time that stands still until `advance` moves it, from one due timer to the next.

    `settle` lets the loop run until nothing but timers is left to wait for; it counts turns of the
    loop, so work that waits on sockets or threads does not settle: such tests use `RealClock`.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC), turns: int = 50) -> None:
        self._start = start
        self._elapsed = 0.0
        self._turns = turns
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _VirtualTimer]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        done = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, _finish, done)
        try:
            await done
        finally:
            timer.cancel()

    def call_later(self, seconds: float, callback: Callable[..., Any], *args: Any) -> Timer:
        timer = _VirtualTimer(callback, args)
        heapq.heappush(self._timers, (self._elapsed + max(seconds, 0), next(self._order), timer))
        return timer

    async def settle(self) -> None:
        """Let every task that can run do so."""
        for _ in range(self._turns):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Move time on, firing what falls due in order and letting the loop settle after each moment."""
        target = self._elapsed + seconds
        await self.settle()
        while self._timers and self._timers[0][0] <= target:
            due = self._timers[0][0]
            self._elapsed = max(self._elapsed, due)
            while self._timers and self._timers[0][0] <= due:
                timer = heapq.heappop(self._timers)[2]
                if not timer.cancelled:
                    timer.callback(*timer.args)
            await self.settle()
        self._elapsed = target
