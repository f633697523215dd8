"""Exponential back-off by item, as a value: no waiting happens here.

`Backoff` is what a work queue uses per item and what the kubelet uses per container:
`next(key, now)` doubles from `initial` up to `limit`; an item left alone for `reset_after` starts over.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Item:
    delay: float
    last: float


class Backoff:
    """Delays in seconds; `now` is a monotonic reading that the caller passes in."""

    def __init__(self, initial: float, limit: float, reset_after: float | None = None) -> None:
        self.initial = initial
        self.limit = limit
        self.reset_after = 2 * limit if reset_after is None else reset_after
        self._items: dict[Hashable, _Item] = {}

    def next(self, key: Hashable, now: float) -> float:
        """The delay before the next try of `key`, which this call counts."""
        item = self._items.get(key)
        if item is None or now - item.last > self.reset_after:
            item = self._items[key] = _Item(self.initial, now)
        else:
            item.delay = min(item.delay * 2, self.limit)
            item.last = now
        return item.delay

    def current(self, key: Hashable, now: float) -> float:
        """The delay that the last `next` gave, 0 if there was none or it has been reset."""
        item = self._items.get(key)
        if item is None or now - item.last > self.reset_after:
            return 0
        return item.delay

    def forget(self, key: Hashable) -> None:
        self._items.pop(key, None)

    def collect(self, now: float) -> None:
        """Drop what would start over anyway."""
        stale = [key for key, item in self._items.items() if now - item.last > self.reset_after]
        for key in stale:
            del self._items[key]
