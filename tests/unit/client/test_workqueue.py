"""The work queue and its workers, on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from pybernetes.api.errors import Conflict
from pybernetes.client.workqueue import QueueClosed, WorkQueue, run_workers
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.tasks import Tasks


async def test_a_key_is_in_line_only_once() -> None:
    queue = WorkQueue(VirtualClock())
    queue.add("a")
    queue.add("b")
    queue.add("a")
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_added_while_it_is_handled_comes_again_after_done() -> None:
    queue = WorkQueue(VirtualClock())
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_get_waits_for_a_key() -> None:
    clock = VirtualClock()
    queue = WorkQueue(clock)
    task = asyncio.ensure_future(queue.get())
    await clock.settle()
    assert not task.done()
    queue.add("a")
    assert await task == "a"


async def test_a_cancelled_get_does_not_lose_a_key() -> None:
    clock = VirtualClock()
    queue = WorkQueue(clock)
    first, second = asyncio.ensure_future(queue.get()), asyncio.ensure_future(queue.get())
    await clock.settle()
    queue.add("a")
    first.cancel()
    await clock.settle()
    assert second.done() and second.result() == "a"


async def test_a_delayed_key_comes_when_due_and_the_shortest_delay_counts() -> None:
    clock = VirtualClock()
    queue = WorkQueue(clock)
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("a", 20)
    await clock.advance(4.9)
    assert len(queue) == 0
    await clock.advance(0.2)
    assert await queue.get() == "a"
    queue.done("a")
    await clock.advance(60)
    assert len(queue) == 0


async def test_rate_limiting_doubles_from_five_milliseconds_to_a_thousand_seconds() -> None:
    clock = VirtualClock()
    queue = WorkQueue(clock)
    waits = []
    for _ in range(20):
        before = clock.monotonic()
        queue.add_rate_limited("a")
        while not len(queue):
            await clock.advance(0.005)
            if clock.monotonic() - before > 0.05:
                await clock.advance(1000)
        waits.append(clock.monotonic() - before)
        queue.done(await queue.get())
    assert waits[:4] == pytest.approx([0.005, 0.010, 0.020, 0.040], abs=0.006)
    assert max(waits) <= 1001
    queue.forget("a")
    queue.add_rate_limited("a")
    await clock.advance(0.006)
    assert len(queue) == 1


async def test_a_closed_queue_lets_its_workers_go() -> None:
    clock = VirtualClock()
    queue = WorkQueue(clock)
    task = asyncio.ensure_future(queue.get())
    await clock.settle()
    queue.close()
    with pytest.raises(QueueClosed):
        await task


async def test_workers_retry_what_fails_and_forget_what_works() -> None:
    clock = VirtualClock()
    queue = WorkQueue(clock, "test")
    tasks = Tasks("test")
    seen: list[str] = []

    async def reconcile(key: str) -> None:
        seen.append(key)
        if len(seen) == 1:
            raise RuntimeError("broken")
        if len(seen) == 2:
            raise Conflict("modified")

    run_workers(queue, reconcile, 2, clock, tasks)
    queue.add("a")
    await clock.advance(1)
    assert seen == ["a", "a", "a"]
    await tasks.close()


async def test_two_workers_never_have_the_same_key() -> None:
    clock = VirtualClock()
    queue = WorkQueue(clock, "test")
    tasks = Tasks("test")
    busy: set[str] = set()
    handled = 0

    async def reconcile(key: str) -> None:
        nonlocal handled
        assert key not in busy
        busy.add(key)
        await clock.sleep(1)
        busy.remove(key)
        handled += 1

    run_workers(queue, reconcile, 3, clock, tasks)
    for _ in range(5):
        queue.add("a")
        queue.add("b")
        await clock.advance(0.5)
    await clock.advance(5)
    assert handled >= 4
    assert not tasks.failed.done()
    await tasks.close()


async def test_a_reconcile_can_ask_to_come_again() -> None:
    clock = VirtualClock()
    queue = WorkQueue(clock, "test")
    tasks = Tasks("test")
    times: list[float] = []

    async def reconcile(key: str) -> float | None:
        times.append(clock.monotonic())
        return 30 if len(times) < 3 else None

    run_workers(queue, reconcile, 1, clock, tasks)
    queue.add("a")
    await clock.advance(200)
    assert times == [0, 30, 60]
    await tasks.close()
