"""How long a request may take: one that is too slow is told so (504), and what it has not begun is not done.

`bound` starts a request's time, `lift` ends the bound where a write begins to take effect: from there on it is
finished however long that takes, so that nothing is left half done. Connections and watches are not bounded.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pybernetes.api.errors import BadRequest, Timeout
from pybernetes.api.times import parse_duration
from pybernetes.lib.clock import Clock, Timer

if TYPE_CHECKING:
    from pybernetes.apiserver.context import Context


class Deadlines:
    """The bounds of one server's requests, each of which runs in a task; one timer serves all full bounds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._bounds: dict[asyncio.Task[Any], float] = {}
        """When each task is late, the first first."""
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: Timer | None = None

    def bound(self, context: Context) -> None:
        """From now on, for the server's time or the shorter one that the query asks for. Raises BadRequest."""
        task = asyncio.current_task()
        if task is None or context.info.long_running:
            return
        if "timeout=" in context.request.raw_query:
            wanted = _wanted(context.request.query_value("timeout"))
            if 0 < wanted < self._seconds:
                shorter = self._clock.call_later(wanted, self._expire, task)
                context.finish.append(shorter.cancel)
        self._bounds[task] = self._clock.monotonic() + self._seconds
        context.finish.append(self.lift)
        if self._timer is None:
            self._timer = self._clock.call_later(self._seconds, self._sweep)

    def lift(self) -> None:
        """The request that this task is answering is not bounded any more."""
        self._bounds.pop(_task(), None)

    def passed(self) -> bool:
        """Whether it is for its lateness that the present task is being cancelled; it then goes on."""
        task = _task()
        if task not in self._late:
            return False
        self._late.discard(task)
        task.uncancel()
        return True

    def _sweep(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        while self._bounds:
            task, late = next(iter(self._bounds.items()))
            if late > now:
                self._timer = self._clock.call_later(late - now, self._sweep)
                return
            self._expire(task)

    def _expire(self, task: asyncio.Task[Any]) -> None:
        if self._bounds.pop(task, None) is not None:
            self._late.add(task)
            task.cancel()

    def close(self) -> None:
        self._bounds.clear()
        if self._timer is not None:
            self._timer.cancel()


def _task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _wanted(text: str) -> float:
    try:
        return parse_duration(text) if text else 0
    except ValueError as error:
        raise BadRequest(f"invalid timeout specified in the request URL - {error}") from None


def too_late() -> Timeout:
    return Timeout("Timeout: request did not complete within the allotted timeout")
