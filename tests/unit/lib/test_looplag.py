"""Sampling of the event loop's lag."""

from __future__ import annotations

from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.looplag import PERIOD, LoopLag


async def test_samples_while_there_is_work_and_stops_after_it() -> None:
    clock = VirtualClock()
    lag = LoopLag(clock)
    for _ in range(3):
        lag.note()
        await clock.advance(PERIOD)
    assert sum(lag.counts) == lag.counts[0] == 3
    await clock.advance(100 * PERIOD)
    assert sum(lag.counts) == 3


async def test_lateness_goes_into_its_bucket() -> None:
    clock = VirtualClock()
    lag = LoopLag(clock)
    lag.note()
    clock._elapsed += PERIOD + 0.015
    await clock.advance(0)
    assert lag.counts.index(1) == 4
    assert 0.014 < lag.seconds < 0.016
