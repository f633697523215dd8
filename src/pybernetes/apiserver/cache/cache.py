"""The cache of one resource: its entries in key order, their indexes, their latest changes and their watchers.

Changes come from `Caches`, which follows the store. Reading never touches the store, except for a revision that is
older than the changes kept here: those are then fetched from its log.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from pybernetes.api.errors import Gone
from pybernetes.apiserver.cache import continuation
from pybernetes.apiserver.cache.entry import CacheEntry, Head, read_entry
from pybernetes.apiserver.cache.facts import CacheSpec
from pybernetes.apiserver.cache.gathering import Later
from pybernetes.apiserver.cache.history import Change, History, rollback
from pybernetes.apiserver.cache.index import Indexes
from pybernetes.apiserver.cache.selection import EVERYTHING, Selection
from pybernetes.apiserver.cache.subscription import Subscription, WatchEvent
from pybernetes.apiserver.cache.watchers import Group, Watchers
from pybernetes.store.interface import Compacted, Entry, Event

SLICE = 2000
"""Entries matched before others get their turn."""

Entries = list[CacheEntry]
Changes = list[Change]


@dataclass(slots=True)
class Page:
    """`token` is "" at the end of the list; `remaining` is None when it is not known (with selectors)."""

    entries: Entries
    revision: int
    token: str = ""
    remaining: int | None = None


@dataclass(slots=True)
class Surroundings:
    """What a cache needs of `Caches`: the revision it is at, the store's log and whether that still reaches back to a
    revision, a clock reading, a turn for others, a timer."""

    revision: Callable[[], int]
    log: Callable[[str, int, int], Awaitable[list[Event]]]
    reach: Callable[[int], Awaitable[None]]
    now: Callable[[], float]
    turn: Callable[[], Awaitable[None]]
    later: Later


class Cache:
    """Made and fed by `Caches`. `get`, `list` and `watch` are for handlers."""

    def __init__(self, spec: CacheSpec, around: Surroundings) -> None:
        self.spec = spec
        self._around = around
        self._entries: dict[str, CacheEntry] = {}
        self._order: list[str] = []
        self._indexes = Indexes()
        self._history = History(0)
        self._filled_at = 0
        self.watchers = Watchers(spec, around.now, around.later)
        self.received = 0
        """Changes that came from the store since it was filled."""

    # Fed by Caches

    async def fill(self, entries: Iterable[Entry], revision: int) -> None:
        """Start from what the store lists at a revision."""
        start = len(self.spec.prefix)
        found: dict[str, CacheEntry] = {}
        for number, entry in enumerate(entries, start=1):
            key = entry.key[start:]
            found[key] = read_entry(self.spec, key, entry.revision, entry.value)
            if number % SLICE == 0:
                await self._around.turn()
        self._entries = found
        self._order = sorted(found)
        self._indexes = Indexes()
        self._history = History(revision)
        self._filled_at = revision

    def apply(self, events: Iterable[Event]) -> list[Change]:
        """Take over some writes; `publish` what comes out. Writes that the filling has seen are left out."""
        start = len(self.spec.prefix)
        changes = []
        for event in events:
            if event.revision <= self._filled_at:
                continue
            key = event.key[start:]
            before = self._entries.get(key)
            after = None
            if event.value is not None:
                after = self._entries[key] = read_entry(self.spec, key, event.revision, event.value)
                if before is None:
                    insort(self._order, key)
            elif before is not None:
                del self._entries[key]
                del self._order[bisect_left(self._order, key)]
            else:
                continue
            self._indexes.replace(key, before, after)
            changes.append(Change(event.revision, key, before, after))
        self._history.add(changes, self._around.now())
        self.received += len(changes)
        return changes

    def publish(self, changes: list[Change]) -> None:
        self.watchers.publish(changes)

    def close(self) -> None:
        """End every watch."""
        self.watchers.close()

    # Reading

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def watching(self) -> int:
        """How many watch."""
        return len(self.watchers)

    @property
    def state(self) -> tuple[int, int]:
        """The same as long as no entry changes."""
        return self._filled_at, self.received

    @property
    def revision(self) -> int:
        return max(self._around.revision(), self._filled_at)

    def get(self, namespace: str, name: str) -> CacheEntry | None:
        return self._entries.get(f"{namespace}/{name}" if self.spec.namespaced else name)

    async def list(
        self,
        namespace: str | None = None,
        selection: Selection = EVERYTHING,
        limit: int = 0,
        token: str = "",
        revision: int | None = None,
    ) -> Page:
        """A page in key order, consistent with the pages before it. Raises BadRequest and Gone."""
        first = ""
        if token:
            revision, first = continuation.read(token)
        now = self.revision
        if revision is None or revision == now or revision < 0:
            revision = now
            selected = self._now(namespace, first, selection)
        else:
            try:
                # what has not changed since could still be shown, but all kinds expire alike
                await self._around.reach(revision)
                selected = self._then(namespace, first, rollback(await self._since(revision)))
            except Compacted:
                raise continuation.expired(first) if token else Gone(continuation.REVISION_EXPIRED) from None
        if selection.empty:
            return _page(selected, limit, revision)
        matching = await self._matching(selected, selection, limit)
        page = _page(matching, limit, revision)
        page.remaining = None
        return page

    def _now(self, namespace: str | None, first: str, selection: Selection) -> Entries:
        """At least the entries that match, as they are now."""
        entries, order = self._entries, self._order
        low, high = self._range(namespace, first)
        start = bisect_left(order, low) if low else 0
        end = bisect_left(order, high) if high else len(order)
        if not selection.empty:
            keys = self._indexes.candidates(selection, self._entries.values())
            if keys is not None and len(keys) < end - start:
                return [entries[key] for key in sorted(keys) if low <= key and (not high or key < high)]
        if end - start == len(order):
            return [entries[key] for key in order]
        return [entries[key] for key in order[start:end]]

    def _then(self, namespace: str | None, first: str, was: dict[str, CacheEntry | None]) -> Entries:
        """All entries of a namespace as they were before some changes."""
        low, high = self._range(namespace, first)
        found = [entry for entry in self._now(namespace, first, EVERYTHING) if entry.key not in was]
        found.extend(
            entry
            for key, entry in was.items()
            if entry is not None and low <= key and (not high or key < high)
        )
        found.sort(key=lambda entry: entry.key)
        return found

    @staticmethod
    def _range(namespace: str | None, first: str) -> tuple[str, str]:
        """Keys from the first to before the second; "" as the second is no bound."""
        if namespace is None:
            return first, ""
        return max(first, f"{namespace}/"), f"{namespace}0"

    async def _matching(self, entries: Entries, selection: Selection, limit: int) -> Entries:
        """Those that match, no more than one beyond the limit."""
        found: Entries = []
        for start in range(0, len(entries), SLICE):
            if start:
                await self._around.turn()
            found.extend(entry for entry in entries[start : start + SLICE] if selection.matches(entry))
            if limit and len(found) > limit:
                return found[: limit + 1]
        return found

    async def _since(self, revision: int) -> Changes:
        """All changes after a revision: those kept here, and before them what the store's log has.

        Raises Compacted. What comes out is complete up to now as long as nothing is awaited.
        """
        older: list[Change] = []
        start = len(self.spec.prefix)
        while revision < self._history.floor:
            upto = self.revision
            for event in await self._around.log(self.spec.prefix, revision, upto):
                key, previous, value = event.key[start:], event.previous, event.value
                before = None
                if previous is not None:
                    before = read_entry(self.spec, key, event.previous_revision, previous)
                after = read_entry(self.spec, key, event.revision, value) if value is not None else None
                older.append(Change(event.revision, key, before, after))
            revision = upto
        return older + self._history.after(revision)

    async def watch(
        self,
        after: int | None = None,
        selection: Selection = EVERYTHING,
        namespace: str | None = None,
        name: str | None = None,
        head: Head | None = None,
        initial: bool = False,
        initial_bookmark: bool = False,
    ) -> Subscription:
        """A subscription; close it when done. Raises Gone when `after` is too old."""
        group = Group(namespace, name, selection, head)
        missed: list[Change] = []
        if after is not None and not initial:
            try:
                missed = await self._since(after)
            except Compacted as error:
                raise Gone(f"too old resource version: {after} ({error.oldest - 1})") from None
        subscription = self.watchers.join(group, lambda: self.revision)
        subscription.prepare(
            self._members(group) if initial else [],
            self.revision if initial_bookmark else None,
            [
                WatchEvent(event, change.entry(event), change.revision)
                for change in missed
                if (event := group.event(change))
            ],
        )
        return subscription

    def _members(self, group: Group) -> Entries:
        """What a group's watchers can see now."""
        namespace, name = group.namespace, group.name
        if name is not None and (namespace is not None or not self.spec.namespaced):
            entry = self.get(namespace or "", name)
            return [entry] if entry is not None and group.includes(entry) else []
        return [entry for entry in self._now(namespace, "", group.selection) if group.includes(entry)]


def _page(entries: Entries, limit: int, revision: int) -> Page:
    if not limit or len(entries) <= limit:
        return Page(entries, revision)
    token = continuation.make(revision, entries[limit - 1].key)
    return Page(entries[:limit], revision, token, len(entries) - limit)
