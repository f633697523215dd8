"""What every process of the cluster does around its own work: logging, the event loop, signals, the exit code."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from pybernetes.api.errors import APIError
from pybernetes.client.interface import Client
from pybernetes.lib.clock import Clock

log = logging.getLogger(__name__)


def set_up_logging(level: int = logging.INFO) -> None:
    """One line a record, to stderr; the supervisor puts it into the process's log file."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level,
        format="%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run `main()` on uvloop until it returns the exit code; SIGTERM and SIGINT cancel it, which is a good end."""
    import uvloop

    async def body() -> int:
        loop = asyncio.get_running_loop()
        task = loop.create_task(main())
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            log.info("stopped")
            return 0

    set_up_logging()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(body())


def settle_memory() -> None:
    """Once a process has started: what is there stays, so the collector of garbage leaves it alone from now on.

    A server drops nearly all that a request needs by reference counting; looking for cycles after every 700 new
    objects, which is Python's default, costs it 6 to 9 % of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def until_failed(failures: Iterable[asyncio.Future[BaseException]]) -> int:
    """Wait for the first failure of any group of tasks; answers the exit code for it."""
    failing = list(failures)
    done, _ = await asyncio.wait(failing, return_when=asyncio.FIRST_COMPLETED)
    for failed in done:
        log.critical("ending, because a task failed: %r", failed.result())
    return 1


async def until_ready(client: Client, clock: Clock) -> None:
    """Wait until the API server's /readyz says ok, looking often at first: both processes start together."""
    delay, told = 0.02, False
    while True:
        try:
            status, _ = await client.raw("GET", "/readyz")
            if status == 200:
                return
        except APIError as error:
            if delay >= 1 and not told:
                log.warning("waiting for the API server: %s", error)
                told = True
        await clock.sleep(delay)
        delay = min(delay * 1.3, 2)
