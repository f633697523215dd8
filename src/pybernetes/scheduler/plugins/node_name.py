"""A pod that names its node goes there or nowhere."""

from __future__ import annotations

from pybernetes.scheduler.framework import Check, Refusal, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo


class NodeName:
    name = "NodeName"

    def check(self, pod: PodInfo) -> Check | None:
        wanted = pod.node_name
        if not wanted:
            return None
        refused = refusal(self.name, "node(s) didn't match the requested node name", resolvable=False)

        def check(info: NodeInfo) -> Refusal | None:
            return None if info.name == wanted else refused

        return check
