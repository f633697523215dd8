"""Room for what a pod requests: pods, cpu, memory, ephemeral storage and extended resources.

Score: nodes with more left are better (least allocated), cpu and memory counting the same.
"""

from __future__ import annotations

from pybernetes.scheduler.framework import MAX_SCORE, Check, Refusal, Score, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo
from pybernetes.semantics.resources import CPU, EPHEMERAL_STORAGE, MEMORY


class NodeResourcesFit:
    name = "NodeResourcesFit"
    weight = 1
    normalize = 0

    def check(self, pod: PodInfo) -> Check | None:
        first = {CPU: 0, MEMORY: 1, EPHEMERAL_STORAGE: 2}
        wanted = sorted(pod.requests.items(), key=lambda one: (first.get(one[0], 3), one[0]))
        plugin = self.name

        def check(info: NodeInfo) -> Refusal | None:
            short: list[str] = []
            resolvable = True
            if len(info.pods) + 1 > info.max_pods:
                short.append("Too many pods")
            for name, amount in wanted:
                total = info.allocatable.get(name, 0)
                if amount > total - info.requested.get(name, 0):
                    short.append(f"Insufficient {name}")
                    if amount > total:
                        resolvable = False
            return refusal(plugin, *short, resolvable=resolvable) if short else None

        return check

    def score(self, pod: PodInfo) -> Score | None:
        cpu, memory = pod.nonzero_cpu, pod.nonzero_memory

        def score(info: NodeInfo) -> int:
            total = kinds = 0
            all_cpu, all_memory = info.allocatable.get(CPU, 0), info.allocatable.get(MEMORY, 0)
            if all_cpu:
                kinds += 1
                left = all_cpu - info.nonzero_cpu - cpu
                if left > 0:
                    total += left * MAX_SCORE // all_cpu
            if all_memory:
                kinds += 1
                left = all_memory - info.nonzero_memory - memory
                if left > 0:
                    total += left * MAX_SCORE // all_memory
            return total // kinds if kinds else 0

        return score
