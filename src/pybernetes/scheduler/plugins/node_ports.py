"""Host ports: a node has each of them once for every address and protocol."""

from __future__ import annotations

from pybernetes.scheduler.framework import Check, Refusal, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo


class NodePorts:
    name = "NodePorts"

    def check(self, pod: PodInfo) -> Check | None:
        ports = pod.ports
        if not ports:
            return None
        refused = refusal(self.name, "node(s) didn't have free ports for the requested pod ports")

        def check(info: NodeInfo) -> Refusal | None:
            if info.ports and any(info.port_taken(port) for port in ports):
                return refused
            return None

        return check
