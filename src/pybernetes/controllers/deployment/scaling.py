"""How many replicas each ReplicaSet of a Deployment may have now: surge, unavailability, proportions. Pure.

In: a Deployment and its ReplicaSets. Out: numbers by ReplicaSet name. Source of the rules:
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ ("Rolling Update", "Proportional scaling").
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pybernetes.controllers.deployment.revisions import (
    desired_annotation,
    max_annotation,
    replicas_of,
    status_count,
    total_replicas,
)
from pybernetes.controllers.objects import Object, name_of


def wanted(deployment: Object) -> int:
    replicas = deployment["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def is_rolling(deployment: Object) -> bool:
    strategy = deployment["spec"].get("strategy") or {}
    return str(strategy.get("type", "RollingUpdate")) == "RollingUpdate"


def int_or_percent(value: int | str | None, total: int, *, round_up: bool) -> int:
    """`3` or `"25%"` of the total. Raises ValueError for anything else."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError(f"invalid value for IntOrString: {value}: give a number or a percentage")
    share = int(value[:-1]) * total
    return -(-share // 100) if round_up else share // 100


def limits(deployment: Object) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; surge rounds up, unavailability down, and both cannot be 0."""
    if not is_rolling(deployment):
        return 0, 0
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    total = wanted(deployment)
    surge = int_or_percent(rolling.get("maxSurge", "25%"), total, round_up=True)
    unavailable = int_or_percent(rolling.get("maxUnavailable", "25%"), total, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, unavailable


def max_surge(deployment: Object) -> int:
    return limits(deployment)[0]


def max_unavailable(deployment: Object) -> int:
    """Never more than there are replicas."""
    return min(limits(deployment)[1], wanted(deployment))


def upper_limit(deployment: Object) -> int:
    """How many pods all ReplicaSets may have together."""
    return wanted(deployment) + max_surge(deployment)


def new_set_replicas(deployment: Object, sets: Sequence[Object], new: Object | None) -> int:
    """The size that the new ReplicaSet is to have now, given the others."""
    goal = wanted(deployment)
    if not is_rolling(deployment):
        return goal
    total = total_replicas(sets)
    present = replicas_of(new) if new is not None else 0
    room = upper_limit(deployment) - total
    if room <= 0:
        return present
    return present + min(room, goal - present)


def scale_down_old(
    deployment: Object, sets: Sequence[Object], new: Object, old: Sequence[Object]
) -> dict[str, int]:
    """New sizes of old ReplicaSets that can shrink without too few pods being available. Oldest first in `old`."""
    old_pods = total_replicas(old)
    if old_pods == 0:
        return {}
    floor = wanted(deployment) - max_unavailable(deployment)
    new_unavailable = replicas_of(new) - status_count(new, "availableReplicas")
    can_go = total_replicas(sets) - floor - new_unavailable
    if can_go <= 0:
        return {}
    sizes = {name_of(one): replicas_of(one) for one in old}
    # Pods that are not available help nobody: they go first.
    gone = 0
    for one in old:
        if gone >= can_go:
            break
        size = sizes[name_of(one)]
        broken = size - status_count(one, "availableReplicas")
        if size == 0 or broken <= 0:
            continue
        less = min(can_go - gone, broken)
        sizes[name_of(one)] = size - less
        gone += less
    # Then available ones, as far as the minimum of available pods allows.
    spare = sum(status_count(one, "availableReplicas") for one in sets) - floor
    gone = 0
    for one in old:
        if gone >= spare:
            break
        size = sizes[name_of(one)]
        less = min(size, spare - gone)
        sizes[name_of(one)] = size - less
        gone += less
    return {name_of(one): sizes[name_of(one)] for one in old if sizes[name_of(one)] != replicas_of(one)}


def is_saturated(deployment: Object, replica_set: Object | None) -> bool:
    """The set alone is what the Deployment wants, and all of it is available."""
    if replica_set is None:
        return False
    goal = wanted(deployment)
    return (
        replicas_of(replica_set) == goal
        and desired_annotation(replica_set) == goal
        and status_count(replica_set, "availableReplicas") == goal
    )


def needs_scaling(deployment: Object, sets: Sequence[Object]) -> bool:
    """The Deployment's replicas changed since its ReplicaSets were last sized."""
    goal = wanted(deployment)
    return any(
        desired is not None and desired != goal
        for desired in (desired_annotation(one) for one in sets if replicas_of(one) > 0)
    )


def proportional(deployment: Object, sets: Sequence[Object]) -> dict[str, int]:
    """New sizes of all active ReplicaSets when a Deployment is scaled in the middle of a rollout.

    Larger sets take more of the change; what rounding leaves goes to the largest.
    """
    active = [one for one in sets if replicas_of(one) > 0]
    allowed = upper_limit(deployment) if wanted(deployment) > 0 else 0
    to_add = allowed - total_replicas(active)
    if to_add > 0:
        order = sorted(active, key=lambda one: (replicas_of(one), _newest(one)), reverse=True)
    else:
        order = sorted(active, key=lambda one: (-replicas_of(one), _newest(one)))
    added = 0
    sizes: dict[str, int] = {}
    for one in order:
        size = replicas_of(one)
        if to_add != 0:
            share = _share(deployment, one, to_add, added)
            size += share
            added += share
        sizes[name_of(one)] = size
    if order and to_add != 0:
        first = name_of(order[0])
        sizes[first] = max(0, sizes[first] + to_add - added)
    return sizes


def _newest(replica_set: Object) -> str:
    return replica_set["metadata"].get("creationTimestamp") or ""


def _share(deployment: Object, replica_set: Object, to_add: int, added: int) -> int:
    size = replicas_of(replica_set)
    left = to_add - added
    if size == 0 or to_add == 0 or left == 0:
        return 0
    if wanted(deployment) == 0:
        fraction = -size
    else:
        base = max_annotation(replica_set) or int((deployment.get("status") or {}).get("replicas") or 0)
        if base == 0:
            return 0
        fraction = _round_half_away(size * upper_limit(deployment) / base) - size
    return min(fraction, left) if to_add > 0 else max(fraction, left)


def _round_half_away(value: float) -> int:
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)
