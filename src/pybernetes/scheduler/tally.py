"""How many pods of each node a selector means, kept up to date node by node. Pure.

Pods are counted by group (namespace and labels), so that a node full of replicas costs one comparison.
"""

from __future__ import annotations

from collections import OrderedDict

from pybernetes.api.selectors import LabelSelector
from pybernetes.scheduler.podinfo import Group
from pybernetes.scheduler.snapshot import NodeInfo, Snapshot

REMEMBERED = 256


class Tally:
    """Counts by node name of running (not terminating) pods in one namespace that a selector matches."""

    def __init__(self, namespace: str, selector: LabelSelector) -> None:
        self._namespace = namespace
        self._selector = selector
        self._matches: dict[Group, bool] = {}
        self._layout = -1
        self._seen = -1
        self.counts: dict[str, int] = {}

    def update(self, snapshot: Snapshot) -> dict[str, int]:
        if self._layout != snapshot.layout:
            self.counts = {info.name: self._count(info) for info in snapshot.nodes.values()}
            self._layout = snapshot.layout
        else:
            for info in snapshot.changed_since(self._seen):
                self.counts[info.name] = self._count(info)
        self._seen = snapshot.generation
        return self.counts

    def _count(self, info: NodeInfo) -> int:
        total = 0
        for group, number in info.groups.items():
            if group[0] != self._namespace:
                continue
            matches = self._matches.get(group)
            if matches is None:
                if len(self._matches) > 10_000:
                    self._matches.clear()
                matches = self._matches[group] = self._selector.matches(dict(group[1]))
            if matches:
                total += number - info.terminating.get(group, 0)
        return total


class Tallies:
    """The tallies in use, the oldest dropped first."""

    def __init__(self) -> None:
        self._tallies: OrderedDict[tuple[str, str], Tally] = OrderedDict()

    def counts(self, snapshot: Snapshot, namespace: str, selector: LabelSelector) -> dict[str, int]:
        key = (namespace, str(selector))
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(namespace, selector)
            if len(self._tallies) > REMEMBERED:
                self._tallies.popitem(last=False)
        else:
            self._tallies.move_to_end(key)
        return tally.update(snapshot)
