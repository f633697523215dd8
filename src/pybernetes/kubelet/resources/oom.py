"""Who is killed first when memory runs out: `oom_score_adj` of a container.

Source: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior
"""

from __future__ import annotations

from pybernetes.kubelet.machine.model import Object
from pybernetes.semantics import resources
from pybernetes.semantics.pods import is_critical

GUARANTEED, BEST_EFFORT = -997, 1000


def oom_score_adj(pod: Object, container: Object, node_memory: int) -> int:
    """Less is safer. A burstable container is safer the more of the node's memory it requests."""
    qos = resources.pod_qos(pod)
    if is_critical(pod) or qos == resources.GUARANTEED:
        return GUARANTEED
    if qos == resources.BEST_EFFORT:
        return BEST_EFFORT
    requested = resources.amounts((container.get("resources") or {}).get("requests")).get("memory", 0)
    score = 1000 - (1000 * requested) // max(node_memory, 1)
    if score < 1000 + GUARANTEED:
        return 1000 + GUARANTEED
    return score - 1 if score == BEST_EFFORT else score
