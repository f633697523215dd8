from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from pybernetes.apiserver.cache.caches import Caches, CacheSpec, SelectableField
from pybernetes.store.interface import Compacted, Entries

if TYPE_CHECKING:
    from tests.unit.apiserver.cache.conftest import World
else:
    World = Any

NODES = CacheSpec("nodes", namespaced=False)


def node(name: str) -> tuple[str, bytes]:
    return f"/registry/nodes/{name}", b'{"metadata":{"name":"%b"}}' % name.encode()


async def test_a_cache_is_filled_on_first_use_and_the_same_for_all(world: World) -> None:
    await world.store.put(*node("n1"), 0)
    first, second = await asyncio.gather(world.caches.open(NODES), world.caches.open(NODES))
    assert first is second
    assert first.get("", "n1") is not None
    assert await world.caches.open(CacheSpec("nodes", namespaced=False)) is first


async def test_a_write_during_the_filling_is_neither_lost_nor_seen_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.store.put(*node("n1"), 0)
    real = world.store.list

    async def slow_list(prefix: str) -> tuple[Entries, int]:
        await world.store.put(*node("n2"), 0)
        found = await real(prefix)
        await world.store.put(*node("n3"), 0)
        await world.store.delete(node("n1")[0], None)
        await world.clock.settle()
        return found

    monkeypatch.setattr(world.store, "list", slow_list)
    cache = await world.caches.open(NODES)
    assert [entry.name for entry in (await cache.list()).entries] == ["n2", "n3"]
    watched = await cache.watch(after=2)
    seen = [(event.type, event.entry and event.entry.name) for event in await anext(aiter(watched))]
    watched.close()
    assert seen == [("ADDED", "n2"), ("ADDED", "n3"), ("DELETED", "n1")]


async def test_waiting_ends_when_the_caches_have_seen_the_revision(world: World) -> None:
    waiting = asyncio.ensure_future(world.caches.wait_for(3))
    await world.put("a")
    assert not waiting.done()
    await world.put("b")
    await waiting
    late = asyncio.ensure_future(world.caches.wait_for(100, timeout=3))
    await world.clock.advance(3)
    with pytest.raises(TimeoutError):
        await late


async def test_a_key_elsewhere_advances_the_revision_too(world: World) -> None:
    revision = await world.store.put("/other", b"", 0)
    await world.caches.wait_for(revision)


async def test_a_dropped_cache_ends_its_watches_and_is_filled_anew(world: World) -> None:
    await world.store.put(*node("n1"), 0)
    cache = await world.caches.open(NODES)
    watched = await cache.watch()
    world.caches.drop("nodes")
    assert [batch async for batch in watched] == []
    assert await world.caches.open(NODES) is not cache


async def test_another_spec_makes_another_cache(world: World) -> None:
    cache = await world.caches.open(NODES)
    wider = CacheSpec("nodes", namespaced=False, fields=(SelectableField("spec.unschedulable", "false"),))
    assert await world.caches.open(wider) is not cache


async def test_after_a_gap_everything_is_listed_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.put("a")
    caches = Caches(world.store, world.clock)
    real = world.store.watch

    class Gap:
        def __aiter__(self) -> Gap:
            return self

        async def __anext__(self) -> list[Any]:
            await world.clock.sleep(10)
            raise Compacted(1)

        def close(self) -> None:
            monkeypatch.setattr(world.store, "watch", real)

    monkeypatch.setattr(world.store, "watch", lambda prefix, after: Gap())
    await caches.start()
    await world.clock.settle()
    pods = await caches.open(world.pods.spec)
    watched = await pods.watch()
    await world.put("b")
    await world.clock.advance(10)
    assert [batch async for batch in watched] == []
    assert [entry.name for entry in (await pods.list()).entries] == ["a", "b"]
    revision = await world.put("c")
    await caches.wait_for(revision)
    assert [entry.name for entry in (await pods.list()).entries] == ["a", "b", "c"]
    await caches.close()
