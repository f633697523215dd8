"""Balance: nodes on which cpu and memory are used in equal shares, and the more so with the pod, are better."""

from __future__ import annotations

from pybernetes.scheduler.framework import MAX_SCORE, Score
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo
from pybernetes.semantics.resources import CPU, MEMORY

_HALF = MAX_SCORE // 2


class NodeResourcesBalancedAllocation:
    name = "NodeResourcesBalancedAllocation"
    weight = 1
    normalize = 0

    def score(self, pod: PodInfo) -> Score | None:
        """Pods that request neither cpu nor memory do not change the balance."""
        cpu, memory = pod.requests.get(CPU, 0), pod.requests.get(MEMORY, 0)
        if not cpu and not memory:
            return None

        def score(info: NodeInfo) -> int:
            all_cpu, all_memory = info.allocatable.get(CPU, 0), info.allocatable.get(MEMORY, 0)
            used_cpu, used_memory = info.requested.get(CPU, 0), info.requested.get(MEMORY, 0)
            before = _balance(used_cpu, all_cpu, used_memory, all_memory)
            after = _balance(used_cpu + cpu, all_cpu, used_memory + memory, all_memory)
            return _HALF + (_HALF + after - before) // 2

        return score


def _balance(cpu: int, all_cpu: int, memory: int, all_memory: int) -> int:
    """100 less the standard deviation of the two shares; one share alone is balanced."""
    if not all_cpu or not all_memory:
        return MAX_SCORE
    difference = abs(min(cpu / all_cpu, 1) - min(memory / all_memory, 1)) / 2
    return int((1 - difference) * MAX_SCORE)
