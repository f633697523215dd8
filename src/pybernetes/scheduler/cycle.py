"""One scheduling cycle: a pod and a snapshot in, a node's name (or why there is none) out. Pure.

What single nodes say is remembered by the pod's signature and redone only for nodes that have changed, so that the
pods of one ReplicaSet cost little more than adding up scores.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from pybernetes.scheduler.diagnosis import Diagnosis, Unschedulable
from pybernetes.scheduler.framework import Check, Profile, Refusal, Score, scaled
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo, Snapshot

REMEMBERED = 256
ALL_NODES_UP_TO = 100
LEAST_PERCENT = 5


@dataclass(slots=True)
class Placement:
    node: str
    feasible: int


class _Answers:
    """What each node says to pods of one signature."""

    __slots__ = ("checks", "feasible", "layout", "normalized", "refusals", "scores", "seen")

    def __init__(self, profile: Profile, pod: PodInfo) -> None:
        self.checks: list[Check] = [
            check for check in (plugin.check(pod) for plugin in profile.local_filters) if check is not None
        ]
        self.scores: list[tuple[int, Score]] = []
        self.normalized: list[tuple[int, bool, Score]] = []
        for plugin in profile.local_scores:
            score = plugin.score(pod)
            if score is None:
                continue
            if plugin.normalize:
                self.normalized.append((plugin.weight, plugin.normalize < 0, score))
            else:
                self.scores.append((plugin.weight, score))
        self.feasible: dict[str, tuple[int, tuple[int, ...]]] = {}
        self.refusals: dict[str, Refusal] = {}
        self.layout = -1
        self.seen = -1

    def update(self, snapshot: Snapshot) -> None:
        if self.layout != snapshot.layout:
            self.feasible.clear()
            self.refusals.clear()
            for info in snapshot.nodes.values():
                self._ask(info)
            self.layout = snapshot.layout
        else:
            for info in snapshot.changed_since(self.seen):
                self._ask(info)
        self.seen = snapshot.generation

    def refused(self, info: NodeInfo) -> Refusal | None:
        for check in self.checks:
            found = check(info)
            if found is not None:
                return found
        return None

    def _ask(self, info: NodeInfo) -> None:
        name = info.name
        refused = self.refused(info)
        if refused is not None:
            self.refusals[name] = refused
            self.feasible.pop(name, None)
            return
        self.refusals.pop(name, None)
        base = 0
        for weight, score in self.scores:
            base += weight * score(info)
        self.feasible[name] = (base, tuple([score(info) for _, _, score in self.normalized]))


class Cycle:
    """The scheduling decisions of one profile on one snapshot."""

    def __init__(self, profile: Profile, snapshot: Snapshot, rng: random.Random | None = None) -> None:
        self.profile = profile
        self.snapshot = snapshot
        self._rng = rng or random.Random()
        self._remembered: OrderedDict[bytes, _Answers] = OrderedDict()
        self._start = 0

    def schedule(self, pod: PodInfo) -> Placement:
        """The best node for the pod. Raises `Unschedulable`."""
        snapshot = self.snapshot
        if not snapshot.nodes:
            raise Unschedulable(Diagnosis(0))
        wide: list[Check] = []
        for plugin in self.profile.wide_filters:
            prepared = plugin.prepare(pod, snapshot)
            if isinstance(prepared, Refusal):
                raise Unschedulable(Diagnosis(len(snapshot.nodes), everywhere=prepared))
            if prepared is not None:
                wide.append(prepared)
        answers = self._answers(pod)
        names = self._feasible(pod, answers, wide)
        if len(names) == 1:
            return Placement(names[0], 1)
        nodes = [snapshot.nodes[name] for name in names]
        totals = self._totals(pod, answers, nodes)
        best = max(totals)
        top = [position for position, total in enumerate(totals) if total == best]
        return Placement(names[top[0] if len(top) == 1 else self._rng.choice(top)], len(names))

    def refusal_of(self, pod: PodInfo, info: NodeInfo) -> Refusal | None:
        """What one node, as it is in the snapshot now, says to the pod; wide plugins included."""
        for plugin in self.profile.wide_filters:
            prepared = plugin.prepare(pod, self.snapshot)
            if isinstance(prepared, Refusal):
                return prepared
            if prepared is not None:
                refused = prepared(info)
                if refused is not None:
                    return refused
        return self._forms(pod).refused(info)

    def local_refusal(self, pod: PodInfo, info: NodeInfo) -> Refusal | None:
        """What the node by itself says to the pod; asked when a node has changed."""
        return self._forms(pod).refused(info)

    def last_refusal(self, pod: PodInfo, info: NodeInfo) -> Refusal | None:
        """What the node said to pods like this one in their last cycle."""
        return self._forms(pod).refusals.get(info.name)

    def _forms(self, pod: PodInfo) -> _Answers:
        answers = self._remembered.get(pod.signature)
        if answers is None:
            answers = self._remembered[pod.signature] = _Answers(self.profile, pod)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end(pod.signature)
        return answers

    def _answers(self, pod: PodInfo) -> _Answers:
        answers = self._forms(pod)
        answers.update(self.snapshot)
        return answers

    def _feasible(self, pod: PodInfo, answers: _Answers, wide: Sequence[Check]) -> list[str]:
        """Names of nodes that take the pod; the nominated one alone if it does."""
        snapshot = self.snapshot
        nominated = pod.nominated_node
        if nominated in answers.feasible and self._refused_now(pod, nominated, wide) is None:
            return [nominated]
        candidates = self._sample(list(answers.feasible))
        if not wide and not snapshot.nominated:
            names, refusals = candidates, answers.refusals
        else:
            names, refusals = [], dict(answers.refusals)
            for name in candidates:
                refused = self._refused_now(pod, name, wide)
                if refused is None:
                    names.append(name)
                else:
                    refusals[name] = refused
            if not names and len(candidates) < len(answers.feasible):
                tried = set(candidates)
                for name in answers.feasible:
                    if name not in tried:
                        refused = self._refused_now(pod, name, wide)
                        if refused is None:
                            return [name]
                        refusals[name] = refused
        if not names:
            raise Unschedulable(Diagnosis(len(snapshot.nodes), refusals))
        return names

    def _sample(self, names: list[str]) -> list[str]:
        """In a large cluster a share of the nodes is enough; each cycle begins where the last one ended."""
        total = len(self.snapshot.nodes)
        wanted = max(total * max(50 - total // 125, LEAST_PERCENT) // 100, ALL_NODES_UP_TO)
        if len(names) <= wanted:
            return names
        start = self._start % len(names)
        self._start = start + wanted
        return [*names[start : start + wanted], *names[: max(0, start + wanted - len(names))]]

    def _refused_now(self, pod: PodInfo, name: str, wide: Sequence[Check]) -> Refusal | None:
        """The wide checks, and all of them again as if pods nominated to the node were there already."""
        info = self.snapshot.nodes[name]
        for check in wide:
            refused = check(info)
            if refused is not None:
                return refused
        nominated = [
            other
            for other in self.snapshot.nominated.get(name, {}).values()
            if other.priority >= pod.priority and other.key != pod.key
        ]
        if not nominated:
            return None
        with self.snapshot.supposing(name, also=nominated):
            return self.refusal_of(pod, info)

    def _totals(self, pod: PodInfo, answers: _Answers, nodes: Sequence[NodeInfo]) -> list[int]:
        feasible = answers.feasible
        entries = [feasible[info.name] for info in nodes]
        totals = [entry[0] for entry in entries]
        for position, (weight, turned, _) in enumerate(answers.normalized):
            scores = scaled([entry[1][position] for entry in entries], turned=turned)
            if scores is not None:
                totals = [total + weight * score for total, score in zip(totals, scores, strict=True)]
        for plugin in self.profile.wide_scores:
            scores = plugin.scores(pod, self.snapshot, nodes)
            if scores is not None:
                weight = plugin.weight
                totals = [total + weight * score for total, score in zip(totals, scores, strict=True)]
        return totals
