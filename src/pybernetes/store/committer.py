"""The thread that does what blocks, one job at a time: commits and checkpoints of the sqlite store.

In come jobs; `landed(error)` is called on the event loop after each, with None when all went well. An executor does
the same through two futures a job: for a store that commits thousands of times a second that was a third of the cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

Job = Callable[[], object]
Landed = Callable[[BaseException | None], object]


class Committer:
    """`run` as often as you like, from the loop; `stop` ends the thread after the last job."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[tuple[Job, Landed] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, job: Job, landed: Landed) -> None:
        self._jobs.put((job, landed))

    def stop(self) -> None:
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (given := self._jobs.get()) is not None:
            job, landed = given
            error = None
            try:
                job()
            except BaseException as problem:
                error = problem
            try:
                self._loop.call_soon_threadsafe(landed, error)
            except RuntimeError:  # the loop has ended without closing the store
                return
