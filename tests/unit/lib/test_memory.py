"""Memory is given back after enough work, and only then."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pybernetes.lib import memory
from pybernetes.lib.clock import VirtualClock


async def test_memory_is_given_back_after_enough_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, work, given = VirtualClock(), 0, threading.Semaphore(0)
    monkeypatch.setattr(memory, "give_back", given.release)
    task = asyncio.ensure_future(memory.recycle(clock, lambda: work, enough=10))
    await clock.advance(memory.PERIOD)
    work = 9
    await clock.advance(memory.PERIOD)
    assert not given.acquire(blocking=False)
    work = 10
    await clock.advance(memory.PERIOD)
    assert given.acquire(timeout=5)
    await clock.advance(10 * memory.PERIOD)
    assert not given.acquire(blocking=False)
    task.cancel()


def test_the_library_takes_the_call() -> None:
    memory.give_back()
