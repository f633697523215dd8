"""Cordoned nodes (`spec.unschedulable`) take only pods that tolerate it."""

from __future__ import annotations

from pybernetes.scheduler.framework import Check, Refusal, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo
from pybernetes.semantics.tolerations import NO_SCHEDULE, TAINT_UNSCHEDULABLE, tolerated


class NodeUnschedulable:
    name = "NodeUnschedulable"

    def check(self, pod: PodInfo) -> Check | None:
        if tolerated({"key": TAINT_UNSCHEDULABLE, "effect": NO_SCHEDULE}, pod.tolerations):
            return None
        refused = refusal(self.name, "node(s) were unschedulable", resolvable=False)

        def check(info: NodeInfo) -> Refusal | None:
            return refused if info.unschedulable else None

        return check
