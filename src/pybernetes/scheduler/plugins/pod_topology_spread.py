"""Spreading over hosts, zones and other domains: a pod's own constraints, or by default those of its workload.

DoNotSchedule constraints refuse nodes whose domain would be `maxSkew` pods ahead of the emptiest one; ScheduleAnyway
ones, and the defaults (3 by host, 5 by zone), only score.
https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pybernetes.api.selectors import LabelSelector, Requirement, SelectorError
from pybernetes.client.interface import Object
from pybernetes.scheduler.framework import MAX_SCORE, Check, Refusal, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo, Snapshot
from pybernetes.scheduler.surroundings import Surroundings
from pybernetes.scheduler.tally import Tallies
from pybernetes.semantics.affinity import node_matches_pod
from pybernetes.semantics.nodes import HOSTNAME, ZONE
from pybernetes.semantics.owners import controller_ref
from pybernetes.semantics.tolerations import find_untolerated

NOT_MATCHED = "node(s) didn't match pod topology spread constraints"
NO_LABEL = NOT_MATCHED + " (missing required label)"
_OWNERS = {
    ("v1", "ReplicationController"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
}


@dataclass(slots=True)
class _Constraint:
    topology_key: str
    max_skew: int
    selector: LabelSelector
    min_domains: int = 1
    honor_affinity: bool = True
    honor_taints: bool = False

    def counts_node(self, pod: PodInfo, info: NodeInfo) -> bool:
        """Whether the node's pods count at all (nodeAffinityPolicy, nodeTaintsPolicy)."""
        if self.honor_affinity and info.node is not None and not node_matches_pod(pod.obj, info.node):
            return False
        return not (self.honor_taints and find_untolerated(info.taints, pod.tolerations) is not None)


class PodTopologySpread:
    name = "PodTopologySpread"
    weight = 2

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._tallies = Tallies()

    # filter

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Check | Refusal | None:
        stated = pod.obj["spec"].get("topologySpreadConstraints")
        constraints = _stated(pod, stated, "DoNotSchedule") if stated else []
        if not constraints:
            return None
        keys = [one.topology_key for one in constraints]
        limits = [self._limit(pod, snapshot, one, keys) for one in constraints]
        missing = refusal(self.name, NO_LABEL, resolvable=False)
        refused = refusal(self.name, NOT_MATCHED)

        def check(info: NodeInfo) -> Refusal | None:
            for key, (domains, limit) in zip(keys, limits, strict=True):
                value = info.labels.get(key)
                if value is None:
                    return missing
                if domains.get(value, 0) > limit:
                    return refused
            return None

        return check

    def _limit(
        self, pod: PodInfo, snapshot: Snapshot, one: _Constraint, keys: Sequence[str]
    ) -> tuple[dict[str, int], int]:
        """Pods by domain, and how many a domain may have before the pod is added."""
        counts = self._tallies.counts(snapshot, pod.namespace, one.selector)
        domains: dict[str, int] = {}
        for info in snapshot.nodes.values():
            if all(key in info.labels for key in keys) and one.counts_node(pod, info):
                value = info.labels[one.topology_key]
                domains[value] = domains.get(value, 0) + counts[info.name]
        fewest = min(domains.values(), default=0) if len(domains) >= one.min_domains else 0
        own = 1 if one.selector.matches(pod.labels) else 0
        return domains, fewest + one.max_skew - own

    # score

    def scores(self, pod: PodInfo, snapshot: Snapshot, nodes: Sequence[NodeInfo]) -> list[int] | None:
        stated = pod.obj["spec"].get("topologySpreadConstraints")
        constraints = _stated(pod, stated, "ScheduleAnyway") if stated else self._defaults(pod)
        if not constraints:
            return None
        keys = [one.topology_key for one in constraints]
        scored = [info for info in nodes if all(key in info.labels for key in keys)] if stated else nodes
        sums: dict[str, float] = dict.fromkeys((info.name for info in scored), 0.0)
        for one in constraints:
            self._add_scores(pod, snapshot, one, keys if stated else (), scored, sums)
        rounded = {name: round(value) for name, value in sums.items()}
        most, least = max(rounded.values(), default=0), min(rounded.values(), default=0)
        if most == least and len(rounded) == len(nodes):
            return None
        if most == 0:
            return [MAX_SCORE if info.name in rounded else 0 for info in nodes]
        result: list[int] = []
        for info in nodes:
            value = rounded.get(info.name)
            result.append(0 if value is None else MAX_SCORE * (most + least - value) // most)
        return result

    def _add_scores(
        self,
        pod: PodInfo,
        snapshot: Snapshot,
        one: _Constraint,
        required: Sequence[str],
        scored: Sequence[NodeInfo],
        sums: dict[str, float],
    ) -> None:
        """Each node gets the pods of its domain, weighted so that few large domains count as much as many small."""
        counts = self._tallies.counts(snapshot, pod.namespace, one.selector)
        key = one.topology_key
        skew = one.max_skew - 1
        if key == HOSTNAME:
            weight = math.log(len(scored) + 2)
            for info in scored:
                if key in info.labels:
                    sums[info.name] += counts[info.name] * weight + skew
            return
        domains = dict.fromkeys((info.labels[key] for info in scored if key in info.labels), 0)
        if not domains:
            return
        for info in snapshot.nodes.values():
            value = info.labels.get(key)
            if (
                value in domains
                and all(other in info.labels for other in required)
                and one.counts_node(pod, info)
            ):
                domains[value] += counts[info.name]
        weight = math.log(len(domains) + 2)
        for info in scored:
            value = info.labels.get(key)
            if value is not None:
                sums[info.name] += domains[value] * weight + skew

    def _defaults(self, pod: PodInfo) -> list[_Constraint]:
        selector = self._workload_selector(pod)
        if selector is None:
            return []
        return [_Constraint(HOSTNAME, 3, selector), _Constraint(ZONE, 5, selector)]

    def _workload_selector(self, pod: PodInfo) -> LabelSelector | None:
        """What the services and the controller that the pod belongs to select; None when there are none."""
        labels: dict[str, str] = {}
        for service in self._around.services(pod.namespace):
            wanted: Mapping[str, str] = (service.get("spec") or {}).get("selector") or {}
            if wanted and all(pod.labels.get(key) == value for key, value in wanted.items()):
                labels.update(wanted)
        requirements = list(LabelSelector.from_labels(labels).requirements)
        owner = controller_ref(pod.obj)
        if owner is not None and (owner.get("apiVersion"), owner.get("kind")) in _OWNERS:
            found = self._around.owner(owner["kind"], pod.namespace, owner["name"])
            selector = ((found or {}).get("spec") or {}).get("selector")
            if selector:
                requirements += _requirements(selector, owner["kind"])
        return LabelSelector(requirements) if requirements else None


def _requirements(selector: Object, kind: str) -> Sequence[Requirement]:
    if kind == "ReplicationController":
        return LabelSelector.from_labels(selector).requirements
    try:
        return LabelSelector.from_object(selector).requirements
    except SelectorError:
        return ()


def _stated(pod: PodInfo, constraints: Sequence[Object], when: str) -> list[_Constraint]:
    """The pod's own constraints of one kind; one that cannot be parsed matches nothing."""
    found: list[_Constraint] = []
    for one in constraints:
        if one.get("whenUnsatisfiable") != when:
            continue
        selector = one.get("labelSelector")
        keys = [key for key in one.get("matchLabelKeys") or () if key in pod.labels]
        if selector is not None and keys:
            expressions = list(selector.get("matchExpressions") or ())
            expressions += [{"key": key, "operator": "In", "values": [pod.labels[key]]} for key in keys]
            selector = {**selector, "matchExpressions": expressions}
        try:
            parsed = LabelSelector.from_object(selector)
        except SelectorError:
            parsed = LabelSelector(nothing=True)
        found.append(
            _Constraint(
                one["topologyKey"],
                int(one.get("maxSkew") or 1),
                parsed,
                int(one.get("minDomains") or 1),
                (one.get("nodeAffinityPolicy") or "Honor") == "Honor",
                (one.get("nodeTaintsPolicy") or "Ignore") == "Honor",
            )
        )
    return found
