from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from pybernetes.lib.clock import VirtualClock
from pybernetes.store import sqlite_checkpoints, sqlite_file
from pybernetes.store.interface import Compacted, Entry, Event, Unavailable, Unusable
from pybernetes.store.sqlite import SqliteStore
from pybernetes.store.sqlite_file import user_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "registry.db"


async def test_everything_is_there_after_reopening(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.put("/a", b"1", 0)
    await store.put("/a", b"2", 2)
    await store.put("/b", b"1", 0)
    await store.delete("/b", 4)
    await store.close()
    store = await SqliteStore.open(path)
    assert await store.list("") == ([Entry("/a", b"2", 3)], 5)
    assert (await store.history("", 2, 10))[0] == [
        Event(3, "/a", b"2", b"1"),
        Event(4, "/b", b"1", None),
        Event(5, "/b", None, b"1"),
    ]
    assert await store.put("/c", b"", 0) == 6
    await store.close()


async def test_the_revision_survives_when_nothing_else_does(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.put("/a", b"1", 0)
    await store.delete("/a", None)
    await store.compact(3)
    await store.close()
    store = await SqliteStore.open(path)
    assert await store.revision() == 3
    with pytest.raises(Compacted):
        await store.history("", 2, 10)
    assert await store.put("/a", b"1", 0) == 4
    await store.close()


async def test_a_time_to_live_survives_a_restart(path: Path) -> None:
    clock = VirtualClock()
    store = await SqliteStore.open(path, clock)
    await store.put("/a", b"1", 0, ttl=60)
    await store.put("/b", b"1", 0, ttl=3600)
    await store.close()
    await clock.advance(61)
    store = await SqliteStore.open(path, clock)
    watch = store.watch("", 3)
    await clock.advance(0.1)
    assert await anext(aiter(watch)) == [Event(4, "/a", None, b"1")]
    assert await store.get("/b") is not None
    await store.close()


async def test_old_events_are_dropped_some_time_after_a_restart(path: Path) -> None:
    clock = VirtualClock()
    store = await SqliteStore.open(path, clock)
    await store.put("/a", b"1", 0)
    await store.close()
    store = await SqliteStore.open(path, clock)
    await clock.advance(299)
    assert (await store.history("", 1, 10))[0]
    await clock.advance(62)
    with pytest.raises(Compacted):
        await store.history("", 1, 10)
    await store.close()


async def test_the_file_is_private(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.put("/a", b"1", 0)
    assert {file.stat().st_mode & 0o077 for file in (path, *path.parent.iterdir())} == {0}
    await store.close()


async def test_a_file_in_use_is_refused_and_free_after_closing(path: Path) -> None:
    store = await SqliteStore.open(path)
    with pytest.raises(Unusable, match=f"in use by process {os.getpid()}; stop that one first"):
        await SqliteStore.open(path)
    await store.put("/a", b"1", 0)
    await store.close()
    await (await SqliteStore.open(path)).close()


async def test_a_newer_format_is_refused(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(Unusable, match="has format 7, this pybernetes knows up to 1; run a newer pybernetes"):
        await SqliteStore.open(path)


async def test_an_older_format_is_migrated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await SqliteStore.open(path)
    await store.put("/a", b"1", 0)
    await store.close()
    monkeypatch.setattr(sqlite_file, "FORMAT", 2)
    step = {1: lambda writer: writer.execute("UPDATE log SET value = x'6d6967'")}
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", step)
    for _ in range(2):
        store = await SqliteStore.open(path)
        assert await store.get("/a") == Entry("/a", b"mig", 2)
        await store.close()
        step.clear()


async def test_somebody_elses_database_is_refused_unchanged(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    with pytest.raises(Unusable, match="is not a pybernetes registry; name another file"):
        await SqliteStore.open(path)


@pytest.mark.parametrize("place", [0, 5000])
async def test_a_damaged_file_is_refused(path: Path, place: int) -> None:
    store = await SqliteStore.open(path)
    for number in range(20):
        await store.put(f"/{number}", b"x" * 3000, 0)
    await store.close()
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 9000)
    with pytest.raises(
        Unusable, match=r"is damaged .*; restore it from a backup, or move it away"
    ) as refusal:
        await SqliteStore.open(path)
    assert "\n" not in str(refusal.value)


async def test_a_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match="cannot open"):
        await SqliteStore.open(tmp_path / "file" / "registry.db")


FULL_DISK = """
import asyncio, resource, sys
from pybernetes.store.interface import Unavailable, Unusable
from pybernetes.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    for number in range(1000):
        try:
            await asyncio.gather(*(store.put(f"/{number}/{one}", b"x" * 3000, 0) for one in range(4)))
        except Unavailable as error:
            assert isinstance(store.failed.result(), Unusable)
            try:
                await store.put("/later", b"", 0)
            except Unusable:
                print(number, error)
            break
    await store.close()

asyncio.run(main())
"""


async def test_a_write_that_fails_ends_the_store_and_loses_nothing_acknowledged(path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FULL_DISK, str(path), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    number, _, text = output.decode().strip().partition(" ")
    assert text.startswith("the write may or may not have happened: cannot ")
    store = await SqliteStore.open(path)
    entries, _ = await store.list("")
    assert len(entries) >= 4 * int(number) > 0
    assert await store.get("/later") is None
    await store.close()


async def test_the_write_ahead_log_stays_small_under_load_and_is_emptied_when_idle(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_checkpoints, "WAL_LIMIT", 200_000)
    clock = VirtualClock()
    store = await SqliteStore.open(path, clock)
    log = path.with_name(path.name + "-wal")
    for number in range(100):
        await asyncio.gather(*(store.put(f"/{number}/{one}", b"x" * 3000, 0) for one in range(10)))
    assert log.stat().st_size < 2_000_000
    await clock.advance(10)
    await store.list("")
    for _ in range(100):
        if not log.stat().st_size:
            break
        await clock.advance(1)
        await store.list("")
    assert not log.stat().st_size
    await store.close()


async def test_closing_commits_what_waits_and_refuses_what_comes(path: Path) -> None:
    store = await SqliteStore.open(path)
    watch = store.watch("", 1)
    writes = [asyncio.ensure_future(store.put(f"/{number}", b"x", 0)) for number in range(300)]
    await store.revision()
    await asyncio.gather(writes[0])
    closing = asyncio.ensure_future(store.close())
    assert len(await asyncio.gather(*writes)) == 300
    await closing
    with pytest.raises(Unavailable, match="closed"):
        await store.put("/late", b"", 0)
    with pytest.raises(Unavailable, match="closed"):
        await store.get("/0")
    assert [batch async for batch in watch] == []
    store = await SqliteStore.open(path)
    assert len((await store.list(""))[0]) == 300
    await store.close()


async def test_who_has_the_file_open_can_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    assert user_of(path) == ""
    store = await SqliteStore.open(path)
    assert user_of(path) == str(os.getpid())
    await store.close()
    assert user_of(path) == ""
