"""What every store does: held against each backend by the `store` fixture."""

from __future__ import annotations

import asyncio

import pytest

from pybernetes.lib.clock import VirtualClock
from pybernetes.store.interface import Compacted, Entry, Event, Mismatch, Store, Watch

A = "/registry/pods/default/a"
B = "/registry/pods/default/b"


async def collect(watch: Watch, count: int) -> list[Event]:
    """At least the next `count` events."""
    events: list[Event] = []
    while len(events) < count:
        batch = await anext(aiter(watch))
        assert batch, "a batch is never empty"
        events += batch
    return events


async def test_an_empty_store_is_at_revision_one(store: Store) -> None:
    assert await store.revision() == 1
    assert await store.list("/registry/") == ([], 1)
    assert await store.get(A) is None


async def test_each_write_gets_the_next_revision(store: Store) -> None:
    assert await store.put(A, b"1", 0) == 2
    assert await store.put(B, b"1", 0) == 3
    assert await store.put(A, b"2", 2) == 4
    assert await store.delete(B, 3) == 5
    assert await store.revision() == 5
    assert await store.get(A) == Entry(A, b"2", 4)
    assert await store.get(B) is None


async def test_create_refuses_what_exists_and_shows_it(store: Store) -> None:
    revision = await store.put(A, b"1", 0)
    with pytest.raises(Mismatch) as refusal:
        await store.put(A, b"2", 0)
    assert refusal.value.current == Entry(A, b"1", revision)
    assert await store.revision() == revision


async def test_update_with_an_old_revision_is_refused(store: Store) -> None:
    first = await store.put(A, b"1", 0)
    second = await store.put(A, b"2", first)
    with pytest.raises(Mismatch) as refusal:
        await store.put(A, b"3", first)
    assert refusal.value.current == Entry(A, b"2", second)
    with pytest.raises(Mismatch) as refusal:
        await store.put(B, b"1", first)
    assert refusal.value.current is None


async def test_delete_compares_too_and_needs_something_to_delete(store: Store) -> None:
    revision = await store.put(A, b"1", 0)
    with pytest.raises(Mismatch):
        await store.delete(A, revision + 1)
    await store.delete(A, None)
    for expected in (None, 0, revision):
        with pytest.raises(Mismatch):
            await store.delete(A, expected)


async def test_an_unconditional_write_takes_whatever_is_there(store: Store) -> None:
    await store.put(A, b"1", None)
    revision = await store.put(A, b"2", None)
    assert await store.get(A) == Entry(A, b"2", revision)


async def test_of_concurrent_creations_one_wins(store: Store) -> None:
    results = await asyncio.gather(*(store.put(A, b"%d" % n, 0) for n in range(20)), return_exceptions=True)
    won = [result for result in results if isinstance(result, int)]
    assert len(won) == 1
    entry = await store.get(A)
    assert entry is not None
    assert entry.revision == won[0]
    lost = [result for result in results if isinstance(result, Mismatch)]
    assert len(lost) == 19
    assert all(error.current == entry for error in lost)


async def test_concurrent_writes_get_different_revisions(store: Store) -> None:
    revisions = await asyncio.gather(*(store.put(f"/k/{n}", b"x" * 100, 0) for n in range(500)))
    assert sorted(revisions) == list(range(2, 502))


async def test_a_cancelled_write_leaves_the_store_working(store: Store) -> None:
    task = asyncio.ensure_future(store.put(A, b"1", 0))
    await store.revision()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.put(B, b"2", None)
    entry = await store.get(B)
    assert entry is not None
    assert entry.value == b"2"


async def test_list_is_in_key_order_and_only_below_the_prefix(store: Store) -> None:
    keys = [
        "/r/pods/b/x",
        "/r/pods/a-b/x",
        "/r/pods/a/y",
        "/r/pods/a/x",
        "/r/podsets/a/x",
        "/r/pod",
        "/r/pods",
    ]
    for key in keys:
        await store.put(key, key.encode(), 0)
    entries, revision = await store.list("/r/pods/")
    assert [entry.key for entry in entries] == ["/r/pods/a-b/x", "/r/pods/a/x", "/r/pods/a/y", "/r/pods/b/x"]
    assert all(entry.value == entry.key.encode() for entry in entries)
    assert revision == 1 + len(keys)
    assert len((await store.list(""))[0]) == len(keys)


async def test_a_watch_tells_every_write_after_its_revision(store: Store) -> None:
    first = await store.put(A, b"1", 0)
    watch = store.watch("/registry/", first)
    second = await store.put(A, b"2", first)
    third = await store.delete(A, second)
    fourth = await store.put(A, b"3", 0)
    assert await collect(watch, 3) == [
        Event(second, A, b"2", b"1"),
        Event(third, A, None, b"2"),
        Event(fourth, A, b"3", None),
    ]
    watch.close()


async def test_a_watch_from_the_past_replays_and_then_goes_on(store: Store) -> None:
    for number in range(1200):
        await store.put(f"/k/{number % 7}", b"%d" % number, None)
    watch = store.watch("/k/", 500)
    seen = await collect(watch, 701)
    assert [event.revision for event in seen] == list(range(501, 1202))
    await store.put("/k/x", b"live", 0)
    assert [event.key for event in await collect(watch, 1)] == ["/k/x"]
    watch.close()


async def test_a_watch_sees_its_prefix_only(store: Store) -> None:
    watch = store.watch("/a/", 1)
    for key in ("/a/1", "/b/1", "/a/2", "/ab"):
        await store.put(key, b"x", 0)
    assert [event.key for event in await collect(watch, 2)] == ["/a/1", "/a/2"]
    late = store.watch("/a/", 1)
    assert [event.key for event in await collect(late, 2)] == ["/a/1", "/a/2"]
    watch.close()
    late.close()


async def test_a_waiting_watch_is_woken_by_the_commit_and_ends_when_closed(store: Store) -> None:
    watch = store.watch("", 1)
    waiting = asyncio.ensure_future(collect(watch, 1))
    await store.put(A, b"1", 0)
    assert [event.key for event in await waiting] == [A]
    ending = asyncio.ensure_future(anext(aiter(watch), None))
    await store.revision()
    watch.close()
    assert await ending is None


async def test_what_is_compacted_cannot_be_watched_and_the_rest_can(store: Store) -> None:
    for number in range(10):
        await store.put(A, b"%d" % number, None)
    await store.put(B, b"b", 0)
    await store.delete(B, None)
    await store.compact(8)
    with pytest.raises(Compacted) as refusal:
        await anext(aiter(store.watch("", 7)))
    assert refusal.value.oldest == 9
    events = await collect(store.watch("", 8), 5)
    assert [event.revision for event in events] == [9, 10, 11, 12, 13]
    assert [event.previous_revision for event in events] == [8, 9, 10, 0, 12]
    assert events[0].previous == b"6"
    await store.compact(13)
    await store.compact(3)
    with pytest.raises(Compacted):
        await anext(aiter(store.watch("", 12)))
    assert (await store.list(""))[0] == [Entry(A, b"9", 11)]
    assert await store.revision() == 13
    assert await store.put(B, b"again", 0) == 14


async def test_compaction_in_slices_keeps_current_values(store: Store) -> None:
    for number in range(900):
        await store.put(f"/k/{number % 300}", b"%d" % number, None)
    await store.compact(901)
    entries, _ = await store.list("/k/")
    assert sorted(int(entry.value) for entry in entries) == list(range(600, 900))


async def test_events_are_kept_for_five_minutes(store: Store, clock: VirtualClock) -> None:
    await store.put(A, b"1", 0)
    await clock.advance(200)
    await store.put(A, b"2", None)
    await clock.advance(99)
    assert len(await collect(store.watch("", 1), 2)) == 2
    await clock.advance(261)
    await store.put(B, b"wait for what was asked before", None)
    with pytest.raises(Compacted):
        await anext(aiter(store.watch("", 1)))


async def test_no_more_events_are_kept_than_the_limit(store: Store) -> None:
    for number in range(1200):
        await store.put(A, b"%d" % number, None)
    with pytest.raises(Compacted) as refusal:
        await anext(aiter(store.watch("", 1)))
    assert 100 <= refusal.value.oldest <= 202


async def test_an_entry_expires_as_an_ordinary_deletion(store: Store, clock: VirtualClock) -> None:
    await store.put(A, b"1", 0, ttl=60)
    await store.put(B, b"1", 0)
    watch = store.watch("", 3)
    await clock.advance(59)
    assert await store.get(A) is not None
    await clock.advance(1.1)
    assert await collect(watch, 1) == [Event(4, A, None, b"1")]
    assert await store.get(A) is None
    watch.close()


async def test_writing_again_renews_or_ends_the_time_to_live(store: Store, clock: VirtualClock) -> None:
    await store.put(A, b"1", 0, ttl=60)
    await store.put(B, b"1", 0, ttl=60)
    await clock.advance(30)
    await store.put(A, b"2", None, ttl=60)
    await store.put(B, b"2", None)
    await clock.advance(31)
    await store.put("/fence", b"", None)
    assert await store.get(A) is not None
    watch = store.watch("", await store.revision())
    await clock.advance(30)
    assert [(event.key, event.value) for event in await collect(watch, 1)] == [(A, None)]
    await clock.advance(3600)
    assert await store.get(B) is not None
    watch.close()


async def test_a_reader_that_lags_gets_everything_in_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybernetes.store.watching.QUEUE_LIMIT", 50)
    watch = store.watch("/k/", 1)
    await asyncio.gather(*(store.put(f"/k/{n}", b"x", 0) for n in range(300)))
    assert [event.revision for event in await collect(watch, 300)] == list(range(2, 302))
    await store.put("/k/live", b"x", 0)
    assert len(await collect(watch, 1)) == 1
    watch.close()
