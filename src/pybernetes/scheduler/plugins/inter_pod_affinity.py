"""Inter-pod affinity and anti-affinity: near pods that match, or away from them, by topology domain.

Filter: the pod's required terms, and the required anti-affinity of pods already placed. Score: preferred terms of
both sides (and required affinity of placed pods, with weight 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pybernetes.scheduler.framework import MAX_SCORE, Check, Refusal, refusal
from pybernetes.scheduler.podinfo import Group, PodInfo
from pybernetes.scheduler.snapshot import NodeInfo, Snapshot
from pybernetes.scheduler.surroundings import Surroundings
from pybernetes.semantics.affinity import PodTerm

EXISTING_ANTI = "node(s) didn't satisfy existing pods anti-affinity rules"
AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
HARD_WEIGHT = 1

_Domain = tuple[str, str]
"""A topology key and its value."""


class InterPodAffinity:
    name = "InterPodAffinity"
    weight = 2

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    # filter

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Check | Refusal | None:
        closed = self._closed_by_others(pod, snapshot)
        terms = pod.terms
        affinity = terms.affinity if terms else []
        anti = terms.anti if terms else []
        if not closed and not affinity and not anti:
            return None
        near = self._domains(affinity, snapshot, every=True) if affinity else {}
        away = self._domains(anti, snapshot, every=False) if anti else {}
        first_of_its_kind = bool(affinity) and not near and all(self._matches(one, pod) for one in affinity)
        not_near = refusal(self.name, AFFINITY, resolvable=False)
        not_away = refusal(self.name, ANTI_AFFINITY)
        not_allowed = refusal(self.name, EXISTING_ANTI)

        def check(info: NodeInfo) -> Refusal | None:
            labels = info.labels
            for term in affinity:
                value = labels.get(term.topology_key)
                if value is None or not (first_of_its_kind or (term.topology_key, value) in near):
                    return not_near
            for term in anti:
                value = labels.get(term.topology_key)
                if value is not None and (term.topology_key, value) in away:
                    return not_away
            if closed and any(labels.get(key) == value for key, value in closed):
                return not_allowed
            return None

        return check

    def _closed_by_others(self, pod: PodInfo, snapshot: Snapshot) -> set[_Domain]:
        """Domains in which a placed pod wants none like this one."""
        closed: set[_Domain] = set()
        for other in snapshot.affinity_pods.values():
            if other.terms is None or not other.terms.anti:
                continue
            info = snapshot.nodes.get(snapshot.place_of(other.key))
            if info is None:
                continue
            for term in other.terms.anti:
                value = info.labels.get(term.topology_key)
                if (
                    value is not None
                    and (term.topology_key, value) not in closed
                    and self._matches(term, pod)
                ):
                    closed.add((term.topology_key, value))
        return closed

    def _domains(self, terms: Sequence[PodTerm], snapshot: Snapshot, *, every: bool) -> dict[_Domain, int]:
        """Domains with pods that the terms mean: all terms at once (`every`), or each for itself."""
        found: dict[_Domain, int] = {}
        known: dict[Group, list[bool]] = {}
        for info in snapshot.nodes.values():
            for group, number in info.groups.items():
                matching = known.get(group)
                if matching is None:
                    each = [self._matches_group(term, group) for term in terms]
                    matching = known[group] = [all(each)] * len(each) if every else each
                for term, matches in zip(terms, matching, strict=True):
                    value = info.labels.get(term.topology_key) if matches else None
                    if value is not None:
                        domain = (term.topology_key, value)
                        found[domain] = found.get(domain, 0) + number
        return found

    def _matches(self, term: PodTerm, pod: PodInfo) -> bool:
        return term.matches(pod.obj, self._labels_of(term, pod.namespace))

    def _matches_group(self, term: PodTerm, group: Group) -> bool:
        like: dict[str, Any] = {"metadata": {"namespace": group[0], "labels": dict(group[1])}}
        return term.matches(like, self._labels_of(term, group[0]))

    def _labels_of(self, term: PodTerm, namespace: str) -> Any:
        return None if term.namespace_selector.nothing else self._around.namespace_labels(namespace)

    # score

    def scores(self, pod: PodInfo, snapshot: Snapshot, nodes: Sequence[NodeInfo]) -> list[int] | None:
        weights: dict[_Domain, int] = {}
        terms = pod.terms
        if terms is not None:
            for term in terms.preferred:
                self._add(weights, self._domains([term], snapshot, every=False), term.weight)
            for term in terms.preferred_anti:
                self._add(weights, self._domains([term], snapshot, every=False), -term.weight)
        for other in snapshot.affinity_pods.values():
            self._add_wishes(weights, other, pod, snapshot)
        if not weights:
            return None
        keys = {key for key, _ in weights}
        raw = [sum(weights.get((key, info.labels.get(key, "")), 0) for key in keys) for info in nodes]
        most, least = max(raw), min(raw)
        if most == least:
            return None
        return [int(MAX_SCORE * (one - least) / (most - least)) for one in raw]

    def _add(self, weights: dict[_Domain, int], domains: dict[_Domain, int], weight: int) -> None:
        for domain, number in domains.items():
            weights[domain] = weights.get(domain, 0) + number * weight

    def _add_wishes(
        self, weights: dict[_Domain, int], other: PodInfo, pod: PodInfo, snapshot: Snapshot
    ) -> None:
        """What a placed pod wishes about pods like this one."""
        terms = other.terms
        info = snapshot.nodes.get(snapshot.place_of(other.key))
        if terms is None or info is None:
            return
        wishes = [(term, HARD_WEIGHT) for term in terms.affinity]
        wishes += [(term, term.weight) for term in terms.preferred]
        wishes += [(term, -term.weight) for term in terms.preferred_anti]
        for term, weight in wishes:
            value = info.labels.get(term.topology_key)
            if value is not None and self._matches(term, pod):
                domain = (term.topology_key, value)
                weights[domain] = weights.get(domain, 0) + weight
