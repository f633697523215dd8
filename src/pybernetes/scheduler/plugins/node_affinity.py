"""nodeSelector and node affinity: what a pod requires of a node's labels, and what it prefers."""

from __future__ import annotations

from pybernetes.scheduler.framework import Check, Refusal, Score, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo
from pybernetes.semantics.affinity import node_matches_pod, preferred_node_weight, required_node_affinity


class NodeAffinity:
    name = "NodeAffinity"
    weight = 2
    normalize = 1

    def check(self, pod: PodInfo) -> Check | None:
        if not pod.obj["spec"].get("nodeSelector") and required_node_affinity(pod.obj) is None:
            return None
        refused = refusal(self.name, "node(s) didn't match Pod's node affinity/selector", resolvable=False)
        obj = pod.obj

        def check(info: NodeInfo) -> Refusal | None:
            return None if info.node is not None and node_matches_pod(obj, info.node) else refused

        return check

    def score(self, pod: PodInfo) -> Score | None:
        affinity = (pod.obj["spec"].get("affinity") or {}).get("nodeAffinity") or {}
        if not affinity.get("preferredDuringSchedulingIgnoredDuringExecution"):
            return None
        obj = pod.obj

        def score(info: NodeInfo) -> int:
            return preferred_node_weight(obj, info.node) if info.node is not None else 0

        return score
