"""Taints: NoSchedule and NoExecute keep pods off that do not tolerate them; PreferNoSchedule costs score."""

from __future__ import annotations

from pybernetes.scheduler.framework import Check, Refusal, Score, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo
from pybernetes.semantics.tolerations import count_untolerated_preferences, find_untolerated


class TaintToleration:
    name = "TaintToleration"
    weight = 3
    normalize = -1

    def check(self, pod: PodInfo) -> Check | None:
        refused = refusal(self.name, "node(s) had untolerated taint(s)", resolvable=False)
        tolerations = pod.tolerations

        def check(info: NodeInfo) -> Refusal | None:
            if info.taints and find_untolerated(info.taints, tolerations) is not None:
                return refused
            return None

        return check

    def score(self, pod: PodInfo) -> Score | None:
        tolerations = pod.tolerations

        def score(info: NodeInfo) -> int:
            return count_untolerated_preferences(info.taints, tolerations) if info.taints else 0

        return score
