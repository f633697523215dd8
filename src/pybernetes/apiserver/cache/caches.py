"""All caches of a server, fed by one watch of the store.

`open` fills a cache on its first use; from then on every commit is applied to all caches it concerns, then
published to their watchers, and only then counts as seen (`revision`, `wait_for`).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Iterator

from pybernetes.apiserver.cache.cache import Cache, Page, Surroundings
from pybernetes.apiserver.cache.entry import CacheEntry, Head
from pybernetes.apiserver.cache.facts import CacheSpec, SelectableField
from pybernetes.apiserver.cache.history import Change
from pybernetes.apiserver.cache.selection import EVERYTHING, Selection
from pybernetes.apiserver.cache.subscription import Subscription, WatchEvent
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks
from pybernetes.store.interface import Compacted, Event, Store

__all__ = [
    "EVERYTHING",
    "Cache",
    "CacheEntry",
    "CacheSpec",
    "Caches",
    "Head",
    "Page",
    "SelectableField",
    "Selection",
    "Subscription",
    "WatchEvent",
]

log = logging.getLogger(__name__)

_ROOT = "/registry/"
_LOG_CHUNK = 500


class _Filling:
    """A cache that is being filled: events wait until the list is in."""

    def __init__(self, spec: CacheSpec) -> None:
        self.spec = spec
        self.events: list[Event] = []
        self.task: asyncio.Task[Cache] | None = None


class Caches:
    """One an API server. `start` before use, `close` at the end."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.revision = 0
        self._store = store
        self._clock = clock
        self._closing = False
        self._tasks = Tasks("watch cache")
        self._caches: dict[str, Cache] = {}
        self._filling: dict[str, _Filling] = {}
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        """The first error that ends the following of the store."""
        return self._tasks.failed

    def now(self) -> float:
        """A monotonic reading of the clock."""
        return self._clock.monotonic()

    async def start(self) -> None:
        self.revision = await self._store.revision()
        self._tasks.spawn(self._follow(), "follow the store", eternal=True)

    async def close(self) -> None:
        self._closing = True
        await self._tasks.close()
        for name in [*self._caches, *self._filling]:
            self.drop(name)
        for _, _, waiter in self._waiting:
            waiter.cancel()

    # Use

    def __iter__(self) -> Iterator[Cache]:
        """The caches that are filled."""
        return iter(tuple(self._caches.values()))

    async def open(self, spec: CacheSpec) -> Cache:
        """The cache of a resource, filled. Another spec than before for the same name makes a new one."""
        cache = self._caches.get(spec.name)
        if cache is not None and (cache.spec is spec or cache.spec == spec):
            return cache
        while True:
            filling = self._filling.get(spec.name)
            if filling is None or filling.spec != spec:
                self.drop(spec.name)
                filling = self._filling[spec.name] = _Filling(spec)
                filling.task = self._tasks.spawn(self._fill(filling), f"fill {spec.name}")
            assert filling.task is not None
            try:
                return await asyncio.shield(filling.task)
            except asyncio.CancelledError:
                if self._closing or not filling.task.cancelled():
                    raise

    def drop(self, name: str) -> None:
        """Forget a cache, which nobody may use any more: its watchers end."""
        cache = self._caches.pop(name, None)
        if cache is not None:
            cache.close()
        filling = self._filling.pop(name, None)
        if filling is not None and filling.task is not None:
            filling.task.cancel()

    async def wait_for(self, revision: int, timeout: float | None = None) -> None:
        """Until every cache holds what was written up to a revision. Raises TimeoutError."""
        if self.revision >= revision:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (revision, next(self._order), waiter))
        if timeout is None:
            await waiter
        else:
            await self._clock.wait_for(waiter, timeout)

    # Following the store

    async def _follow(self) -> None:
        while True:
            watch = self._store.watch("", self.revision)
            try:
                async for batch in watch:
                    self._apply(batch)
                return
            except Compacted as error:
                log.warning("missed writes before revision %d, filling every cache anew", error.oldest)
                await self._start_over()
            finally:
                watch.close()

    async def _start_over(self) -> None:
        """After a gap: end every watch and list everything again."""
        self.revision = await self._store.revision()
        for name in list(self._filling):
            self.drop(name)
        for cache in list(self._caches.values()):
            cache.close()
            await cache.fill(*await self._store.list(cache.spec.prefix))
        self._wake()

    def _apply(self, batch: list[Event]) -> None:
        concerned: dict[str, list[Event]] = {}
        for event in batch:
            if event.key.startswith(_ROOT):
                name = event.key[len(_ROOT) : event.key.index("/", len(_ROOT))]
                concerned.setdefault(name, []).append(event)
        changed: list[tuple[Cache, list[Change]]] = []
        for name, events in concerned.items():
            cache = self._caches.get(name)
            if cache is not None:
                changed.append((cache, cache.apply(events)))
            elif name in self._filling:
                self._filling[name].events += events
        self.revision = batch[-1].revision
        for cache, changes in changed:
            cache.publish(changes)
        self._wake()

    def _wake(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] <= self.revision:
            waiter = heapq.heappop(waiting)[2]
            if not waiter.done():
                waiter.set_result(None)

    async def _fill(self, filling: _Filling) -> Cache:
        spec = filling.spec
        clock = self._clock
        around = Surroundings(
            lambda: self.revision, self._log, self._reach, clock.monotonic, self._turn, clock.call_later
        )
        cache = Cache(spec, around)
        entries, revision = await self._store.list(spec.prefix)
        await cache.fill(entries, revision)
        await self.wait_for(revision)
        cache.apply(filling.events)
        if self._filling.get(spec.name) is filling:
            del self._filling[spec.name]
            self._caches[spec.name] = cache
        return cache

    async def _turn(self) -> None:
        await self._clock.sleep(0)

    async def _reach(self, revision: int) -> None:
        """Raises Compacted when a revision is older than what the store still tells of."""
        await self._store.history("", revision, 1)

    async def _log(self, prefix: str, after: int, upto: int) -> list[Event]:
        """The store's events after one revision, up to another. Raises Compacted."""
        events: list[Event] = []
        while after < upto:
            more, after = await self._store.history(prefix, after, _LOG_CHUNK)
            events += more
        return [event for event in events if event.revision <= upto]
