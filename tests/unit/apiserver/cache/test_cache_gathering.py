"""Groups with many members: events are gathered, served in slices, and never overtaken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from pybernetes.apiserver.cache import gathering
from pybernetes.apiserver.cache.caches import Subscription

if TYPE_CHECKING:
    from tests.unit.apiserver.cache.conftest import World
else:
    World = Any


@pytest.fixture
async def crowd(world: World) -> list[Subscription]:
    return [await world.pods.watch(head=world.head) for _ in range(gathering.MANY)]


async def read(watched: Subscription) -> list[bytes]:
    """What is there to read, one item a write."""
    found = []
    while (batch := watched._next()) is not None:
        found.append(batch)
    return [line for batch in found for line in bytes(batch).splitlines()]


async def test_the_first_event_after_a_pause_goes_out_at_once(
    world: World, crowd: list[Subscription]
) -> None:
    await world.put("a")
    assert all([len(await read(one)) == 1 for one in crowd])


async def test_what_follows_soon_goes_out_together(world: World, crowd: list[Subscription]) -> None:
    await world.put("a")
    await read(crowd[0])
    for name in "bcd":
        await world.put(name)
    assert await read(crowd[0]) == []
    await world.clock.advance(gathering.LONGEST)
    assert len(await read(crowd[0])) == 3
    await world.put("e")
    assert len(await read(crowd[0])) == 1


async def test_a_small_group_waits_for_nothing(world: World) -> None:
    watched = await world.pods.watch(head=world.head)
    for name in "abc":
        await world.put(name)
        assert len(await read(watched)) == 1


async def test_nothing_overtakes_what_is_held_back(world: World, crowd: list[Subscription]) -> None:
    await world.put("a")
    revision = await world.put("b")
    crowd[0].bookmark()
    told = await read(crowd[0])
    assert [b"BOOKMARK" in line for line in told] == [False, False, True]
    assert b'"resourceVersion":"%d"' % revision in told[-1]
    last = await world.put("c")
    late = await world.pods.watch(after=last, head=world.head)
    assert len(await read(crowd[1])) == 3
    await world.clock.advance(gathering.LONGEST)
    assert await read(late) == []
    await world.put("d")
    assert len(await read(late)) == 1


async def test_a_big_group_is_served_in_slices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MANY", 4)
    crowd = [await world.pods.watch(head=world.head) for _ in range(gathering.SLICE + 40)]
    await world.put("a")
    told = [len(await read(one)) for one in crowd]
    assert told == [1] * gathering.SLICE + [0] * 40
    await world.put("b")
    await world.clock.advance(0)
    assert [len(await read(one)) for one in crowd] == [0] * gathering.SLICE + [1] * 40
    await world.clock.advance(gathering.LONGEST)
    await world.clock.advance(gathering.LONGEST)
    assert [len(await read(one)) for one in crowd] == [1] * len(crowd)


async def test_who_leaves_while_something_is_held_back(world: World, crowd: list[Subscription]) -> None:
    await world.put("a")
    await world.put("b")
    for one in crowd:
        one.close()
    await world.clock.advance(1)
    assert world.pods.watching == 0
    await asyncio.gather(world.put("c"), world.put("d"))
