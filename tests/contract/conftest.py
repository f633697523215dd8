"""One store of each backend, on virtual time, and the invariants that every store keeps.

At teardown the events that a watch has seen since the store was opened must have strictly increasing revisions,
carry the value before them, and replay to exactly what the store lists.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pybernetes.lib.clock import VirtualClock
from pybernetes.store.interface import Entry, Event, Store
from pybernetes.store.memory import MemoryStore
from pybernetes.store.sqlite import SqliteStore


class Witness:
    """Watches a store that is still empty, and compares what it saw with what is listed in the end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watch = store.watch("", 1)
        self._state: dict[str, Entry] = {}
        self._last = 1

    async def check(self) -> None:
        entries, revision = await self._store.list("")
        while self._last < revision:
            for event in await anext(aiter(self._watch)):
                self._apply(event)
        self._watch.close()
        assert entries == sorted(self._state.values(), key=lambda entry: entry.key)

    def _apply(self, event: Event) -> None:
        assert event.revision > self._last, "revisions strictly increase"
        self._last = event.revision
        before = self._state.pop(event.key, None)
        assert event.previous == (before.value if before else None), "an event carries the value before it"
        assert event.previous_revision == (before.revision if before else 0)
        if event.value is not None:
            self._state[event.key] = Entry(event.key, event.value, event.revision)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock
) -> AsyncIterator[MemoryStore | SqliteStore]:
    opened: MemoryStore | SqliteStore
    if request.param == "memory":
        opened = MemoryStore(clock, keep_revisions=1000)
    else:
        opened = await SqliteStore.open(tmp_path / "registry.db", clock, keep_revisions=1000)
    witness = Witness(opened)
    yield opened
    await witness.check()
    assert not opened.failed.done()
    await opened.close()
