"""The latest changes of one cache: what a watch replays, and what rolls a list back to an earlier revision.

Bounded by age and bytes. What is older may still be in the store's log, from where the cache can put it back.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from pybernetes.apiserver.cache.entry import CacheEntry
from pybernetes.apiserver.cache.splice import Head

KEEP_SECONDS = 300.0
KEEP_BYTES = 8 << 20

ADDED, MODIFIED, DELETED, BOOKMARK = "ADDED", "MODIFIED", "DELETED", "BOOKMARK"


class Change:
    """One write to one key: the entry before (None: created) and after (None: deleted)."""

    __slots__ = ("_frames", "_gone", "after", "before", "key", "revision")

    def __init__(self, revision: int, key: str, before: CacheEntry | None, after: CacheEntry | None) -> None:
        self.revision = revision
        self.key = key
        self.before = before
        self.after = after
        self._gone: CacheEntry | None = None
        self._frames: dict[tuple[str, Head], bytes] | None = None

    @property
    def size(self) -> int:
        return 200 + (len(self.before.item) if self.before is not None else 0)

    def entry(self, event: str) -> CacheEntry:
        """What an event about this change carries: for DELETED the entry before, with this revision."""
        if event != DELETED:
            assert self.after is not None
            return self.after
        if self._gone is None:
            assert self.before is not None
            self._gone = self.before.at_revision(self.revision)
        return self._gone

    def frame(self, event: str, head: Head) -> bytes:
        """The event as a line, made once however many watch."""
        if self._frames is None:
            self._frames = {}
        line = self._frames.get((event, head))
        if line is None:
            line = self._frames[event, head] = head.frame(event, self.entry(event).item)
        return line

    def forget_frames(self) -> None:
        """Called when the change has been sent: replays are rare and make their own."""
        self._frames = None
        self._gone = None


class History:
    """Complete for every revision greater than `floor`."""

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self._changes: deque[tuple[float, Change]] = deque()
        self._bytes = 0

    def add(self, changes: list[Change], now: float) -> None:
        """`now` is a monotonic reading."""
        for change in changes:
            self._changes.append((now, change))
            self._bytes += change.size
        while self._changes and (self._bytes > KEEP_BYTES or self._changes[0][0] < now - KEEP_SECONDS):
            _, change = self._changes.popleft()
            self._bytes -= change.size
            self.floor = change.revision

    def after(self, revision: int) -> list[Change]:
        """The changes with greater revisions, oldest first; `revision` must not be below `floor`."""
        count = 0
        for _, change in reversed(self._changes):
            if change.revision <= revision:
                break
            count += 1
        return [change for _, change in islice(self._changes, len(self._changes) - count, None)]

    def at(self, revision: int) -> dict[str, CacheEntry | None]:
        """What differs from now, as it was at that revision: key to entry, None where there was none."""
        return rollback(self.after(revision))


def rollback(changes: list[Change]) -> dict[str, CacheEntry | None]:
    """The entries before the changes, by key."""
    was: dict[str, CacheEntry | None] = {}
    for change in changes:
        was.setdefault(change.key, change.before)
    return was
