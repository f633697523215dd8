"""What every process of the cluster does around its own work: logging, the event loop, signals, the exit code."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
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


def run(main: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """Run `main(stop)` on uvloop; `stop` is set by SIGTERM or SIGINT. Answers the exit code."""
    import uvloop

    async def body() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        return await main(stop)

    set_up_logging()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(body())


async def until_stopped(stop: asyncio.Event, failures: Iterable[asyncio.Future[BaseException]]) -> int:
    """Wait for the signal to stop (0), or for the first failure of any group of tasks (1)."""
    stopping = asyncio.ensure_future(stop.wait())
    failing = list(failures)
    waited: list[asyncio.Future[Any]] = [stopping, *failing]
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for failed in failing:
        if failed.done() and not failed.cancelled():
            log.critical("ending, because a task failed: %s", failed.result())
            return 1
    return 0


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
