"""The next steps of a StatefulSet: create, delete or replace pods in the order of their places. Pure.

In: a StatefulSet, its pods, the names of its current and its new revision. Out: a `Plan`, and a status.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pybernetes.controllers.deployment.scaling import int_or_percent
from pybernetes.controllers.history import HASH_LABEL
from pybernetes.controllers.objects import Object, compact, is_deleting, labels_of
from pybernetes.controllers.statefulset.identity import corrected, first_ordinal, ordinal_of
from pybernetes.semantics.pods import is_available, is_ready, is_terminal, phase


@dataclass(slots=True)
class Plan:
    """`create`: (ordinal, revision); `delete`: pods; `relabel`: pods that lost labels of their identity."""

    create: list[tuple[int, str]] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)
    relabel: list[Object] = field(default_factory=list)


def wanted(stateful_set: Object) -> int:
    replicas = stateful_set["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def min_ready(stateful_set: Object) -> int:
    return int(stateful_set["spec"].get("minReadySeconds") or 0)


def is_ordered(stateful_set: Object) -> bool:
    return str(stateful_set["spec"].get("podManagementPolicy")) != "Parallel"


def _strategy(stateful_set: Object) -> dict[str, Any]:
    return stateful_set["spec"].get("updateStrategy") or {}


def partition(stateful_set: Object) -> int:
    return int((_strategy(stateful_set).get("rollingUpdate") or {}).get("partition") or 0)


def max_unavailable(stateful_set: Object) -> int:
    value = (_strategy(stateful_set).get("rollingUpdate") or {}).get("maxUnavailable")
    if value is None:
        return 1
    return max(1, int_or_percent(value, wanted(stateful_set), round_up=True))


def revision_of(pod: Object) -> str:
    return labels_of(pod).get(HASH_LABEL, "")


def _runs(pod: Object) -> bool:
    return phase(pod) == "Running" and is_ready(pod)


def _is_healthy(stateful_set: Object, pod: Object, now: datetime) -> bool:
    ready = phase(pod) == "Running" and is_available(pod, min_ready(stateful_set), now)
    return ready and not is_deleting(pod)


def revision_for(stateful_set: Object, ordinal: int, current: str, update: str) -> str:
    """Which version a pod that has to be created at this place gets."""
    strategy = _strategy(stateful_set)
    start = first_ordinal(stateful_set)
    if strategy.get("type", "RollingUpdate") == "OnDelete":
        return update
    if not strategy.get("rollingUpdate"):
        kept = int((stateful_set.get("status") or {}).get("currentReplicas") or 0)
        return current if ordinal < start + kept else update
    return current if ordinal < start + partition(stateful_set) else update


def plan(stateful_set: Object, pods: Sequence[Object], current: str, update: str, now: datetime) -> Plan:
    """One pass. An ordered set does one thing at a time and waits for each pod to be ready before the next."""
    result = Plan()
    if is_deleting(stateful_set):
        return result
    ordered = is_ordered(stateful_set)
    start = first_ordinal(stateful_set)
    end = start + wanted(stateful_set)
    placed = {ordinal_of(stateful_set, pod): pod for pod in pods}
    placed.pop(-1, None)
    for ordinal in range(start, end):
        pod = placed.get(ordinal)
        if pod is None:
            result.create.append((ordinal, revision_for(stateful_set, ordinal, current, update)))
            if ordered:
                return result
            continue
        if is_terminal(pod) and not is_deleting(pod):
            result.delete.append(pod)
            if ordered:
                return result
            continue
        if corrected(stateful_set, pod) is not None and not is_deleting(pod):
            result.relabel.append(pod)
        if ordered and (is_deleting(pod) or not _runs(pod)):
            return result
        if ordered and not is_available(pod, min_ready(stateful_set), now):
            return result
    _scale_down(stateful_set, result, placed, start, end, ordered)
    if not result.create and not result.delete:
        _update(stateful_set, result, placed, start, end, update, now)
    return result


def _scale_down(
    stateful_set: Object, result: Plan, placed: dict[int, Object], start: int, end: int, ordered: bool
) -> None:
    """Pods outside the row go, the last first; while one is going an ordered set waits."""
    condemned = sorted((one for one in placed if not start <= one < end), reverse=True)
    unhealthy = [
        ordinal for ordinal in sorted(placed) if not _runs(placed[ordinal]) or is_deleting(placed[ordinal])
    ]
    for ordinal in condemned:
        pod = placed[ordinal]
        if is_deleting(pod):
            if ordered:
                return
            continue
        if ordered and not _runs(pod) and unhealthy and unhealthy[0] != ordinal:
            return
        result.delete.append(pod)
        if ordered:
            return


def _update(
    stateful_set: Object,
    result: Plan,
    placed: dict[int, Object],
    start: int,
    end: int,
    update: str,
    now: datetime,
) -> None:
    """Replace pods of an old version from the end of the row down to the partition."""
    if _strategy(stateful_set).get("type", "RollingUpdate") == "OnDelete":
        return
    if any(not start <= one < end for one in placed):
        return
    limit = max_unavailable(stateful_set)
    unavailable = sum(
        not _is_healthy(stateful_set, placed[one], now) for one in range(start, end) if one in placed
    )
    floor = start + partition(stateful_set)
    for ordinal in range(end - 1, floor - 1, -1):
        pod = placed.get(ordinal)
        if pod is None or is_deleting(pod):
            if limit == 1:
                return
            continue
        healthy = _is_healthy(stateful_set, pod, now)
        if revision_of(pod) != update:
            if healthy and unavailable >= limit:
                return
            result.delete.append(pod)
            unavailable += healthy
            if limit == 1:
                return
        elif not healthy and limit == 1:
            return


def status(
    stateful_set: Object,
    pods: Sequence[Object],
    current: str,
    update: str,
    now: datetime,
) -> dict[str, Any]:
    """`current` and `update` are names of revisions. A finished rollout makes the new one current."""
    own = [pod for pod in pods if ordinal_of(stateful_set, pod) >= 0 and phase(pod)]
    alive = [pod for pod in own if not is_deleting(pod)]
    ready = sum(_runs(pod) for pod in own)
    available = sum(_runs(pod) and is_available(pod, min_ready(stateful_set), now) for pod in own)
    updated = sum(revision_of(pod) == update for pod in alive)
    kept = sum(revision_of(pod) == current for pod in alive)
    current_name = current
    rolling = _strategy(stateful_set).get("type", "RollingUpdate") == "RollingUpdate"
    if rolling and current != update and updated == len(own) == ready:
        current_name, kept = update, updated
    old = stateful_set.get("status") or {}
    counts = {
        "observedGeneration": stateful_set["metadata"].get("generation", 0),
        "readyReplicas": ready,
        "currentReplicas": kept,
        "updatedReplicas": updated,
        "conditions": old.get("conditions"),
    }
    return {
        "replicas": len(own),
        "availableReplicas": available,
        **compact(counts),
        "currentRevision": current_name,
        "updateRevision": update,
        "collisionCount": int(old.get("collisionCount") or 0),
    }
