"""`kill -9` at any moment under load: no acknowledged write is lost, and the file opens again."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from pybernetes.lib.clock import RealClock
from pybernetes.store.sqlite import SqliteStore

KILLS = 20
WRITER = Path(__file__).with_name("writer.py")


async def write_until_killed(path: Path, name: str) -> list[tuple[str, str]]:
    """What a writer reported before it died, a moment after its first report."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, str(WRITER), str(path), name, "16", stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    try:
        first = await writer.stdout.readline()
        reading = asyncio.ensure_future(writer.stdout.read())
        await RealClock().sleep(random.uniform(0, 0.4))
    finally:
        writer.kill()
    rest = await reading
    await writer.wait()
    lines = (first + rest).decode().splitlines()
    return [(line[0], line[2:]) for line in lines if line]


async def test_no_acknowledged_write_is_lost_by_killing_the_process(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    expected: set[str] = set()
    gone: set[str] = set()
    doubtful: set[str] = set()
    revision = 0
    for number in range(KILLS):
        for sign, key in await write_until_killed(path, str(number)):
            if sign == "+":
                expected.add(key)
            elif sign == "~":
                expected.discard(key)
                doubtful.add(key)
            else:
                doubtful.discard(key)
                gone.add(key)
        store = await SqliteStore.open(path)
        entries, found = await store.list("")
        await store.close()
        keys = {entry.key for entry in entries}
        assert expected <= keys, f"lost after kill {number}: {sorted(expected - keys)[:5]}"
        assert not gone & keys, f"back from deletion after kill {number}: {sorted(gone & keys)[:5]}"
        assert found > revision
        assert all(len(entry.value) >= 2800 for entry in entries)
        revision = found
    assert len(expected) > 10 * KILLS
