"""Waiting, in tests that run in real time, for a state that tells nobody when it comes."""

from __future__ import annotations

from collections.abc import Callable

from pybernetes.lib.clock import RealClock


async def eventually(condition: Callable[[], object], seconds: float = 5) -> None:
    clock = RealClock()
    async with clock.timeout(seconds):
        while not condition():
            await clock.sleep(0.001)
