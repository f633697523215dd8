"""Heartbeats come one by one and are answered in bursts: a process that is woken for each works with cold caches.

Thousands of nodes renew their leases every few seconds. The first renewal after a pause passes at once; those that
follow within some time (`Options.heartbeat_gathering`) wait for its end, and are then handled, committed and answered
together. Without such a time, as where time stands still unless a test moves it, none waits.
"""

from __future__ import annotations

import asyncio

from pybernetes.apiserver.requestinfo import RequestInfo
from pybernetes.lib.clock import Clock


def is_heartbeat(info: RequestInfo) -> bool:
    return info.resource == "leases" and info.verb in ("update", "patch") and info.is_resource


class Heartbeats:
    """One an API server."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._free_at = 0.0
        self._waiting: list[asyncio.Future[None]] = []

    async def turn(self) -> None:
        """Until the next burst, which is now when there was none lately."""
        if not self._waiting:
            now = self._clock.monotonic()
            if now >= self._free_at:
                self._free_at = now + self._seconds
                return
            self._clock.call_later(self._free_at - now, self._go)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _go(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._free_at = self._clock.monotonic() + self._seconds
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)
