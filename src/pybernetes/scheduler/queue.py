"""Pods that wait to be scheduled: ready to try, backing off, refused until something changes, or gated. Pure.

In: pods, outcomes and cluster events, each with the time. Out: `pop`, the next pod to try. Order: priority, then how
long a pod has waited. Back-off: 1 s doubling to 10 s. A refused pod that an event may help is tried again after its
back-off, or at once when nothing else is ready.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from pybernetes.scheduler.events import ClusterEvent, may_help
from pybernetes.scheduler.podinfo import PodInfo

BACKOFF_INITIAL, BACKOFF_LIMIT = 1.0, 10.0
LEFTOVER_SECONDS = 300.0
"""A refused pod is tried again after this long even if no event seems to help it."""


class Place(Enum):
    READY = auto()
    BACKING_OFF = auto()
    REFUSED = auto()
    GATED = auto()


@dataclass(slots=True)
class QueuedPod:
    """A pod that waits, and what became of earlier tries."""

    pod: PodInfo
    added: float
    place: Place = Place.READY
    attempts: int = 0
    last_try: float = 0.0
    failed_with_error: bool = False
    plugins: frozenset[str] = field(default_factory=frozenset)
    ticket: int = 0

    @property
    def backoff_until(self) -> float:
        if not self.attempts:
            return 0.0
        delay: float = min(BACKOFF_INITIAL * 2 ** (min(self.attempts, 10) - 1), BACKOFF_LIMIT)
        return self.last_try + delay


_Entry = tuple[float, float, int, QueuedPod]


class SchedulingQueue:
    """Heap entries carry a ticket; an entry whose ticket is no longer its pod's is stale."""

    def __init__(self) -> None:
        self._pods: dict[str, QueuedPod] = {}
        self._ready: list[_Entry] = []
        self._backing_off: list[_Entry] = []
        self._tickets = itertools.count(1)
        self._refused: dict[str, QueuedPod] = {}
        self._refused_by: dict[frozenset[str], dict[str, QueuedPod]] = {}

    def __len__(self) -> int:
        return len(self._pods)

    def __contains__(self, key: str) -> bool:
        return key in self._pods

    def get(self, key: str) -> QueuedPod | None:
        return self._pods.get(key)

    def count(self, place: Place) -> int:
        return sum(1 for one in self._pods.values() if one.place is place)

    def add(self, pod: PodInfo, now: float) -> None:
        """A pod that is new here, or that replaces what is known of it."""
        self.remove(pod.key)
        queued = QueuedPod(pod, now)
        self._pods[pod.key] = queued
        self._put(queued, Place.GATED if pod.gates else Place.READY)

    def update(self, pod: PodInfo, now: float, *, matters: bool) -> None:
        """The pod has changed; `matters` when in more than its status."""
        queued = self._pods.get(pod.key)
        if queued is None:
            self.add(pod, now)
            return
        reordered = queued.pod.priority != pod.priority
        queued.pod = pod
        if queued.place is Place.GATED:
            if not pod.gates:
                queued.added = now
                self._put(queued, Place.READY)
        elif queued.place is Place.REFUSED and matters:
            self._wake(queued, now)
        elif reordered:
            self._put(queued, queued.place)

    def remove(self, key: str) -> None:
        queued = self._pods.pop(key, None)
        if queued is not None:
            self._leave(queued)

    def pop(self, now: float) -> QueuedPod | None:
        """The next pod to try, which leaves the queue; None when none is ready."""
        self.flush(now)
        queued = self._take(self._ready)
        if queued is None:
            queued = self._early()
        if queued is None:
            return None
        del self._pods[queued.pod.key]
        queued.ticket = 0
        queued.attempts += 1
        queued.last_try = now
        queued.failed_with_error = False
        return queued

    def refused(self, queued: QueuedPod, plugins: frozenset[str]) -> None:
        """The try found no node: wait for an event that one of the plugins cares about."""
        queued.plugins = plugins
        self._back(queued, Place.REFUSED)

    def failed(self, queued: QueuedPod) -> None:
        """The try broke off with an error: again after the back-off."""
        queued.plugins = frozenset()
        queued.failed_with_error = True
        self._back(queued, Place.BACKING_OFF)

    def _back(self, queued: QueuedPod, place: Place) -> None:
        if queued.pod.key not in self._pods:
            self._pods[queued.pod.key] = queued
            self._put(queued, place)

    def move(self, event: ClusterEvent, now: float, helps: Callable[[QueuedPod], bool] | None = None) -> int:
        """Wake the refused pods that the event may help; `helps` may look closer. How many were woken."""
        woken = [
            queued
            for plugins, pods in self._refused_by.items()
            if may_help(plugins, event)
            for queued in pods.values()
            if helps is None or helps(queued)
        ]
        for queued in woken:
            self._wake(queued, now)
        return len(woken)

    def flush(self, now: float) -> None:
        """Move on what has waited long enough."""
        while self._backing_off and (self._stale(self._backing_off[0]) or self._backing_off[0][0] <= now):
            entry = heapq.heappop(self._backing_off)
            if not self._stale(entry):
                self._put(entry[3], Place.READY)
        while self._refused:
            first = next(iter(self._refused.values()))
            if first.last_try + LEFTOVER_SECONDS > now:
                break
            self._wake(first, now)

    def next_due(self) -> float | None:
        """When `flush` will have something to do; None when only an event can bring anything."""
        while self._backing_off and self._stale(self._backing_off[0]):
            heapq.heappop(self._backing_off)
        times = [self._backing_off[0][0]] if self._backing_off else []
        if self._refused:
            times.append(next(iter(self._refused.values())).last_try + LEFTOVER_SECONDS)
        return min(times, default=None)

    # inside

    def _wake(self, queued: QueuedPod, now: float) -> None:
        self._put(queued, Place.READY if queued.backoff_until <= now else Place.BACKING_OFF)

    def _leave(self, queued: QueuedPod) -> None:
        queued.ticket = 0
        if self._refused.pop(queued.pod.key, None) is not None:
            group = self._refused_by[queued.plugins]
            del group[queued.pod.key]
            if not group:
                del self._refused_by[queued.plugins]

    def _put(self, queued: QueuedPod, place: Place) -> None:
        self._leave(queued)
        queued.place = place
        if place is Place.REFUSED:
            self._refused[queued.pod.key] = queued
            self._refused_by.setdefault(queued.plugins, {})[queued.pod.key] = queued
        elif place is Place.READY:
            queued.ticket = next(self._tickets)
            entry = (-float(queued.pod.priority), queued.added, queued.ticket, queued)
            heapq.heappush(self._ready, entry)
        elif place is Place.BACKING_OFF:
            queued.ticket = next(self._tickets)
            heapq.heappush(self._backing_off, (queued.backoff_until, 0.0, queued.ticket, queued))

    def _stale(self, entry: _Entry) -> bool:
        return entry[3].ticket != entry[2]

    def _take(self, heap: list[_Entry]) -> QueuedPod | None:
        while heap:
            entry = heapq.heappop(heap)
            if not self._stale(entry):
                return entry[3]
        return None

    def _early(self) -> QueuedPod | None:
        """With nothing else to do, a pod that an event has woken need not sit out its back-off."""
        kept: list[_Entry] = []
        found = None
        while self._backing_off and found is None:
            entry = heapq.heappop(self._backing_off)
            if self._stale(entry):
                continue
            if entry[3].failed_with_error:
                kept.append(entry)
            else:
                found = entry[3]
        for entry in kept:
            heapq.heappush(self._backing_off, entry)
        return found
