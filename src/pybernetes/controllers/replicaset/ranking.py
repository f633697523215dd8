"""Which pods to give up first when there are too many. Pure.

In: active pods, how many to delete, and the related pods. Out: the pods to delete. The order is the one that
https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset promises.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pybernetes.controllers.objects import Object, annotations_of, created_at, uid_of
from pybernetes.semantics.pods import available_at, is_active, is_ready, phase, restart_count

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def node_of(pod: Object) -> str:
    return str(pod["spec"].get("nodeName") or "")


def deletion_cost(pod: Object) -> int:
    """The annotation's value, 0 when it is absent or not a number as upstream takes it."""
    text = annotations_of(pod).get(DELETION_COST, "")
    if not text or text[0] == "+" or (len(text) > 1 and text[0] == "0") or not text.lstrip("-").isdigit():
        return 0
    cost = int(text)
    return cost if -(2**31) <= cost < 2**31 else 0


def ranks_by_node(related: Iterable[Object]) -> Counter[str]:
    """How many active related pods each node has: doubled-up replicas go first."""
    return Counter(node_of(pod) for pod in related if is_active(pod))


def _age_rank(moment: datetime | None, now: datetime) -> tuple[int, int]:
    """Sorts younger first, by orders of magnitude only; unknown times come first."""
    if moment is None:
        return (0, 0)
    seconds = (now - moment).total_seconds()
    return (1, int(math.log2(seconds * 1e9)) if seconds > 0 else -1)


def deletion_order(pod: Object, ranks: Counter[str], now: datetime) -> tuple[Any, ...]:
    """The sort key: what sorts first is deleted first."""
    node = node_of(pod)
    ready = is_ready(pod)
    return (
        bool(node),
        _PHASES.get(phase(pod), 0),
        ready,
        deletion_cost(pod),
        -ranks.get(node, 0),
        _age_rank(available_at(pod, 0), now) if ready else (0, 0),
        -restart_count(pod),
        _age_rank(created_at(pod), now),
        uid_of(pod),
    )


def pods_to_delete(
    pods: Sequence[Object], count: int, related: Iterable[Object], now: datetime
) -> list[Object]:
    """The `count` pods to give up; `related` are the pods of all sets of the same owner, these included."""
    if count >= len(pods):
        return list(pods)
    ranks = ranks_by_node(related)
    return sorted(pods, key=lambda pod: deletion_order(pod, ranks, now))[:count]
