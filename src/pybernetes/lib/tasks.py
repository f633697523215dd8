"""Named background tasks with a guard: one that ends unexpectedly is an error, loudly.

A component builds one `Tasks`, spawns its eternal loops there, and closes it when it stops.
`failed` resolves with the first error, so that whoever runs the component can end the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Tasks:
    """The tasks of one component. Not for reuse after `close`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._failed: asyncio.Future[BaseException] | None = None

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        """A future of the first error of any task."""
        if self._failed is None:
            self._failed = asyncio.get_running_loop().create_future()
        return self._failed

    def spawn(self, work: Coroutine[Any, Any, Any], name: str, *, eternal: bool = False) -> asyncio.Task[Any]:
        """Start `work`; an eternal task that returns, or any task that raises, fails the group."""
        if self._closing:
            work.close()
            raise RuntimeError(f"{self.name} is closing, {name} cannot start")
        task = asyncio.get_running_loop().create_task(work, name=f"{self.name}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._eternal_done if eternal else self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._fail(task, error)

    def _eternal_done(self, task: asyncio.Task[Any]) -> None:
        self._done(task)
        if not self._closing and not task.cancelled() and task.exception() is None:
            self._fail(task, RuntimeError(f"{task.get_name()} ended, and it never should"))

    def _fail(self, task: asyncio.Task[Any], error: BaseException) -> None:
        log.error("task %s failed", task.get_name(), exc_info=error)
        if not self.failed.done():
            self.failed.set_result(error)

    async def close(self) -> None:
        """Cancel every task and wait until all have ended."""
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
