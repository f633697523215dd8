"""Handing events to a group with many members: those of some milliseconds together, and not to all members at once.

Encrypting and sending costs about the same for one event as for ten, so a group that has just been served waits a
little, the longer the more members it has; the first event after a pause goes out at once. A big group is served in
slices, so that no client of the server waits for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from pybernetes.apiserver.cache.history import Change
from pybernetes.lib.clock import Timer

if TYPE_CHECKING:
    from pybernetes.apiserver.cache.subscription import Batch, Subscription
    from pybernetes.apiserver.cache.watchers import Group

MANY = 32
"""Members from which on gathering pays."""
SECONDS_A_MEMBER = 25e-6
LONGEST = 0.02
SLICE = 128

Events = list[tuple[str, Change]]
Later = Callable[..., Timer]


class Gathering:
    """What one group has yet to be told. `flush` before anything that has to come after it."""

    __slots__ = ("_batch", "_events", "_free_at", "_group", "_later", "_now", "_rest", "_timer")

    def __init__(self, group: Group, now: Callable[[], float], later: Later) -> None:
        self._group = group
        self._now = now
        self._later = later
        self._events: Events = []
        self._batch: Batch = b""
        self._rest: Iterator[Subscription] | None = None
        self._free_at = 0.0
        self._timer: Timer | None = None

    @property
    def holds(self) -> bool:
        """Whether there is anything that some member has not been told."""
        return self._timer is not None

    def add(self, events: Events) -> None:
        self._events += events
        if self._timer is None:
            wait = self._free_at - self._now()
            if wait > 0:
                self._timer = self._later(wait, self._go_on)
            else:
                self._go_on()

    def flush(self) -> None:
        """Tell everybody everything now."""
        while self._timer is not None:
            self.cancel()
            self._go_on(None)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self, slice_size: int | None = SLICE) -> None:
        """The next slice of the batch under way, or the first one of the next batch."""
        self._timer = None
        if self._rest is None:
            if not self._events:
                return
            events, self._events = self._events, []
            self._batch = self._group.batch(events)
            for _, change in events:
                change.forget_frames()
            self._rest = iter(tuple(self._group.members))
        batch = self._batch
        told = 0
        for member in islice(self._rest, slice_size):
            member.deliver(batch)
            told += 1
        if told == slice_size:
            self._timer = self._later(0, self._go_on)
            return
        self._rest, self._batch = None, b""
        pause = min(LONGEST, len(self._group.members) * SECONDS_A_MEMBER)
        self._free_at = self._now() + pause
        if self._events:
            self._timer = self._later(pause, self._go_on)
