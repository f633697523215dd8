"""A cache of pods over the memory store on virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pybernetes.api.selectors import FieldSelector, LabelSelector
from pybernetes.apiserver.cache import splice
from pybernetes.apiserver.cache.caches import Cache, Caches, CacheSpec, Head, SelectableField, Selection
from pybernetes.lib.clock import VirtualClock
from pybernetes.store.memory import MemoryStore

PODS = CacheSpec(
    "pods", fields=(SelectableField("spec.nodeName"), SelectableField("status.phase", "Unknown"))
)


class World:
    """The store, its caches and the cache of pods; writes return when the caches have seen them."""

    head = Head("v1", "Pod")

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock)
        self.caches = Caches(self.store, self.clock)
        self.pods: Cache

    async def put(self, name: str, namespace: str = "default", node: str = "", **labels: str) -> int:
        obj: dict[str, Any] = {"metadata": {"name": name, "namespace": namespace}, "spec": {}}
        if labels:
            obj["metadata"]["labels"] = labels
        if node:
            obj["spec"]["nodeName"] = node
        revision = await self.store.put(f"/registry/pods/{namespace}/{name}", splice.at_rest(obj), None)
        await self.caches.wait_for(revision)
        return revision

    async def delete(self, name: str, namespace: str = "default") -> int:
        revision = await self.store.delete(f"/registry/pods/{namespace}/{name}", None)
        await self.caches.wait_for(revision)
        return revision

    @staticmethod
    def select(labels: str = "", fields: str = "") -> Selection:
        return Selection(LabelSelector.parse(labels), FieldSelector.parse(fields))

    async def check(self) -> None:
        """The cache holds what the store lists, and every index agrees with the entries."""
        entries, revision = await self.store.list(PODS.prefix)
        await self.caches.wait_for(revision)
        page = await self.pods.list()
        assert [(PODS.prefix + entry.key, entry.revision, entry.value) for entry in page.entries] == [
            (entry.key, entry.revision, entry.value) for entry in entries
        ]
        for selection in (self.select("app=web"), self.select("", "spec.nodeName=n1")):
            found = (await self.pods.list(selection=selection)).entries
            assert found == [entry for entry in page.entries if selection.matches(entry)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.caches.start()
    made.pods = await made.caches.open(PODS)
    yield made
    await made.check()
    assert not made.caches.failed.done()
    await made.caches.close()
    await made.store.close()
