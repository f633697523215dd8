from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pybernetes.api.errors import Gone
from pybernetes.apiserver.cache import history, subscription
from pybernetes.apiserver.cache.caches import Subscription
from pybernetes.store.interface import Event

if TYPE_CHECKING:
    from tests.unit.apiserver.cache.conftest import World
else:
    World = Any


class FakeWriter:
    """Keeps what is written; `buffered` is what the test says."""

    def __init__(self) -> None:
        self.data = b""
        self.writes = 0
        self.buffered = 0
        self.drains = 0
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        self.data += data
        self.writes += 1

    async def drain(self) -> None:
        self.drains += 1

    @property
    def closed(self) -> bool:
        return self._gone.done()

    def leave(self) -> None:
        self._gone.set_result(None)

    async def wait_closed(self) -> None:
        await asyncio.shield(self._gone)

    def lines(self) -> list[tuple[str, str, str]]:
        return lines(self.data)


def lines(data: bytes) -> list[tuple[str, str, str]]:
    assert data.endswith(b"\n") or not data
    events = [msgspec.json.decode(line) for line in data.splitlines()]
    metadata = [event["object"]["metadata"] for event in events]
    return [
        (event["type"], about.get("name", ""), about["resourceVersion"])
        for event, about in zip(events, metadata, strict=True)
    ]


@contextmanager
def reading(watched: Subscription, writer: FakeWriter) -> Iterator[asyncio.Task[None]]:
    task = asyncio.ensure_future(watched.run(writer))
    yield task
    watched.close()


async def drain(world: World, watched: Subscription) -> list[Any]:
    """Every batch that a subscription has for its reader now; closes it."""
    batches = []

    async def read() -> None:
        async for batch in watched:
            batches.append(batch)

    reader = asyncio.ensure_future(read())
    await world.clock.settle()
    watched.close()
    await reader
    return batches


async def events_of(world: World, watched: Subscription) -> list[tuple[str, str, int]]:
    return [
        (event.type, event.entry.name if event.entry else "", event.revision)
        for batch in await drain(world, watched)
        for event in batch
    ]


async def test_a_watch_tells_what_happens_after_its_revision(world: World) -> None:
    await world.put("a")
    second = await world.put("b")
    third = await world.put("a", app="x")
    watched = await world.pods.watch(after=second)
    fourth = await world.put("c")
    fifth = await world.delete("b")
    assert await events_of(world, watched) == [
        ("MODIFIED", "a", third),
        ("ADDED", "c", fourth),
        ("DELETED", "b", fifth),
    ]
    assert world.pods.watching == 0


async def test_entering_a_selection_is_added_and_leaving_it_is_deleted(world: World) -> None:
    await world.put("a", app="db")
    watched = await world.pods.watch(selection=world.select("app=web"))
    structured = await world.pods.watch(selection=world.select("app=web"))
    entered = await world.put("a", app="web")
    changed = await world.put("a", app="web", node="n1")
    left = await world.put("a", app="db", node="n2")
    await world.put("a", app="db")
    await world.delete("a")
    assert await events_of(world, watched) == [
        ("ADDED", "a", entered),
        ("MODIFIED", "a", changed),
        ("DELETED", "a", left),
    ]
    deleted = (await drain(world, structured))[-1][-1]
    assert deleted.entry.labels == {"app": "web"}
    assert deleted.entry.object()["metadata"]["resourceVersion"] == str(left)
    assert deleted.entry.object()["spec"] == {"nodeName": "n1"}


async def test_a_watch_on_a_field_value_is_told_of_both_sides(world: World) -> None:
    n1 = await world.pods.watch(selection=world.select("", "spec.nodeName=n1"))
    n2 = await world.pods.watch(selection=world.select("", "spec.nodeName=n2"))
    await world.put("other")
    bound = await world.put("a", node="n1")
    moved = await world.put("a", node="n2")
    gone = await world.delete("a")
    assert await events_of(world, n1) == [("ADDED", "a", bound), ("DELETED", "a", moved)]
    assert await events_of(world, n2) == [("ADDED", "a", moved), ("DELETED", "a", gone)]


async def test_watches_of_a_namespace_and_of_a_name_see_nothing_else(world: World) -> None:
    namespace = await world.pods.watch(namespace="one")
    name = await world.pods.watch(namespace="one", name="a")
    field = await world.pods.watch(selection=world.select("", "metadata.name=a"))
    first = await world.put("a", "one")
    second = await world.put("b", "one")
    third = await world.put("a", "two")
    await world.put("a", "one-more")
    assert await events_of(world, namespace) == [("ADDED", "a", first), ("ADDED", "b", second)]
    assert await events_of(world, name) == [("ADDED", "a", first)]
    assert (await events_of(world, field))[:2] == [("ADDED", "a", first), ("ADDED", "a", third)]


async def test_initial_events_end_with_the_bookmark_and_live_events_follow(world: World) -> None:
    await world.put("a", app="web")
    await world.put("b")
    last = await world.put("c", app="web")
    watched = await world.pods.watch(
        selection=world.select("app=web"), head=world.head, initial=True, initial_bookmark=True
    )
    live = await world.put("d", app="web")
    writer = FakeWriter()
    with reading(watched, writer):
        await world.clock.settle()
        later = await world.delete("a")
        await world.clock.settle()
    assert writer.lines() == [
        ("ADDED", "a", "2"),
        ("ADDED", "c", str(last)),
        ("BOOKMARK", "", str(last)),
        ("ADDED", "d", str(live)),
        ("DELETED", "a", str(later)),
    ]
    assert b'"k8s.io/initial-events-end":"true"' in writer.data


async def test_one_object_can_be_watched_from_its_current_state(world: World) -> None:
    await world.put("a")
    await world.put("b")
    watched = await world.pods.watch(namespace="default", name="b", initial=True)
    assert await events_of(world, watched) == [("ADDED", "b", 3)]


async def test_equal_watches_get_the_very_same_bytes(world: World) -> None:
    watches = [await world.pods.watch(head=world.head, selection=world.select("app=web")) for _ in range(3)]
    await world.put("a", app="web")
    chunks = [await anext(aiter(watched)) for watched in watches]
    assert chunks[0] is chunks[1] is chunks[2]
    for watched in watches:
        watched.close()


async def test_a_commit_with_several_writes_is_one_write_to_a_watcher(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = FakeWriter()
    batch: list[Event] = []
    watched = await world.pods.watch(head=world.head)
    with reading(watched, writer):
        await world.clock.settle()
        revision = world.caches.revision
        monkeypatch.setattr(world.store._feed, "publish", batch.extend)
        for name in "xy":
            world.store._feed.revision = revision + len(batch)
            await world.store.put(
                f"/registry/pods/default/{name}", b'{"metadata":{"name":"%b"}}' % name.encode(), 0
            )
        monkeypatch.undo()
        world.store._feed.publish(batch)
        await world.clock.settle()
        assert writer.writes == 1
    assert [line[1] for line in writer.lines()] == ["x", "y"]


async def test_a_bookmark_comes_in_order_with_the_current_revision(world: World) -> None:
    watched = await world.pods.watch(head=world.head)
    first = await world.put("a")
    watched.bookmark()
    await world.store.put("/registry/secrets/default/s", b'{"metadata":{}}', 0)
    await world.caches.wait_for(first + 1)
    watched.bookmark()
    assert lines(b"".join(await drain(world, watched))) == [
        ("ADDED", "a", "2"),
        ("BOOKMARK", "", "2"),
        ("BOOKMARK", "", "3"),
    ]


async def test_a_reader_that_falls_behind_is_cut_off_and_others_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "LIMIT", 1000)
    idle = await world.pods.watch(head=world.head)
    slow, quick = FakeWriter(), FakeWriter()
    slow_watch, quick_watch = (
        await world.pods.watch(head=world.head),
        await world.pods.watch(head=world.head),
    )
    with reading(slow_watch, slow) as ended, reading(quick_watch, quick):
        await world.clock.settle()
        slow.buffered = 1001
        for number in range(20):
            await world.put(f"p{number}")
        await ended
        assert slow_watch.cut_off
        assert not slow.data
        assert len(quick.lines()) == 20
        assert not quick_watch.cut_off
    assert idle.cut_off
    assert [chunk async for chunk in idle] == []


async def test_the_watch_ends_when_the_client_goes(world: World) -> None:
    watched = await world.pods.watch(head=world.head)
    writer = FakeWriter()
    with reading(watched, writer) as task:
        await world.clock.settle()
        task.cancel()
        await asyncio.wait([task])
    assert world.pods.watching == 0


async def test_a_large_state_is_written_in_chunks_with_back_pressure(world: World) -> None:
    for number in range(200):
        await world.put(f"p{number}", text="x" * 60, **{f"label{n}": "y" * 60 for n in range(20)})
    watched = await world.pods.watch(head=world.head, initial=True)
    writer = FakeWriter()
    writer.buffered = 1 << 20
    with reading(watched, writer):
        await world.clock.settle()
    assert len(writer.lines()) == 200
    assert 4 <= writer.writes <= 10
    assert writer.drains == writer.writes


async def test_a_watch_from_a_revision_that_is_gone_is_refused(world: World) -> None:
    first = await world.put("a")
    await world.clock.advance(1000)
    await world.put("b")
    await world.clock.advance(1000)
    with pytest.raises(Gone, match=f"too old resource version: {first - 1} "):
        await world.pods.watch(after=first - 1)


async def test_a_watch_may_start_before_what_the_cache_keeps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEEP_BYTES", 0)
    first = await world.put("a", app="web")
    revisions = [await world.put("a", app=app) for app in ("db", "web", "web")]
    watched = await world.pods.watch(after=first, selection=world.select("app=web"))
    revisions.append(await world.delete("a"))
    assert await events_of(world, watched) == [
        ("DELETED", "a", revisions[0]),
        ("ADDED", "a", revisions[1]),
        ("MODIFIED", "a", revisions[2]),
        ("DELETED", "a", revisions[3]),
    ]
