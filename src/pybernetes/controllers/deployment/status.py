"""The status of a Deployment: counts, and the conditions Available, Progressing and ReplicaFailure. Pure.

In: a Deployment, its ReplicaSets, the time. Out: a status, and when to look again for the progress deadline.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pybernetes.api.times import format_time, parse_time
from pybernetes.controllers.deployment.revisions import status_count, total_replicas
from pybernetes.controllers.deployment.scaling import max_unavailable, wanted
from pybernetes.controllers.objects import Object, compact, name_of, without_condition
from pybernetes.semantics.pods import get_condition, transition_time

AVAILABLE, PROGRESSING, REPLICA_FAILURE = "Available", "Progressing", "ReplicaFailure"

NEW_SET_AVAILABLE = "NewReplicaSetAvailable"
NEW_SET_CREATED = "NewReplicaSetCreated"
FOUND_NEW_SET = "FoundNewReplicaSet"
SET_UPDATED = "ReplicaSetUpdated"
SET_CREATE_ERROR = "ReplicaSetCreateError"
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"

_NO_DEADLINE = 2**31 - 1

Conditions = list[dict[str, Any]]


def has_deadline(deployment: Object) -> bool:
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return seconds is not None and seconds != _NO_DEADLINE


def condition(type: str, status: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    moment = format_time(now)
    return {
        "type": type,
        "status": status,
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }


def with_condition(conditions: Conditions, new: dict[str, Any]) -> Conditions:
    """The condition put in; one with the same status and reason stays as it was."""
    current = get_condition({"conditions": conditions}, new["type"])
    if current is not None and current["status"] == new["status"]:
        if current.get("reason") == new.get("reason"):
            return conditions
        new = {
            **new,
            "lastTransitionTime": transition_time(current, new["status"], new["lastTransitionTime"]),
        }
    return [*without_condition(conditions, new["type"]), new]


def counted(
    deployment: Object, sets: Sequence[Object], new: Object | None, conditions: Conditions, now: datetime
) -> dict[str, Any]:
    """Counts of all ReplicaSets, and whether enough pods are available; other conditions are kept."""
    available = sum(status_count(one, "availableReplicas") for one in sets)
    old = deployment.get("status") or {}
    if available >= wanted(deployment) - max_unavailable(deployment):
        enough = condition(
            AVAILABLE, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now
        )
    else:
        enough = condition(
            AVAILABLE,
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
            now,
        )
    status = compact(
        {
            "observedGeneration": deployment["metadata"].get("generation", 0),
            "replicas": sum(status_count(one, "replicas") for one in sets),
            "updatedReplicas": status_count(new, "replicas") if new is not None else 0,
            "readyReplicas": sum(status_count(one, "readyReplicas") for one in sets),
            "availableReplicas": available,
            "unavailableReplicas": max(0, total_replicas(sets) - available),
            "conditions": with_condition(conditions, enough),
        }
    )
    if "collisionCount" in old:
        status["collisionCount"] = old["collisionCount"]
    if all("terminatingReplicas" in (one.get("status") or {}) for one in sets):
        status["terminatingReplicas"] = sum(status_count(one, "terminatingReplicas") for one in sets)
    return status


def pause_conditions(deployment: Object, now: datetime) -> Conditions:
    """The Deployment's conditions, with the one that says that it is paused or resumed."""
    conditions: Conditions = list((deployment.get("status") or {}).get("conditions") or ())
    if not has_deadline(deployment):
        return conditions
    progressing = get_condition({"conditions": conditions}, PROGRESSING)
    reason = progressing.get("reason") if progressing else ""
    if reason == DEADLINE_EXCEEDED:
        return conditions
    paused = bool(deployment["spec"].get("paused"))
    if paused and reason != PAUSED:
        return with_condition(
            conditions, condition(PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now)
        )
    if not paused and reason == PAUSED:
        return with_condition(
            conditions, condition(PROGRESSING, "Unknown", RESUMED, "Deployment is resumed", now)
        )
    return conditions


def is_complete(deployment: Object, status: dict[str, Any]) -> bool:
    """Every replica is of the new version and available, and no old pod is left."""
    goal = wanted(deployment)
    counts = {int(status.get(field, 0)) for field in ("updatedReplicas", "replicas", "availableReplicas")}
    generation = int(deployment["metadata"].get("generation", 0))
    return counts == {goal} and int(status.get("observedGeneration", 0)) >= generation


def has_progressed(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """More new, ready or available pods, or fewer old ones, than before."""

    def outdated(status: dict[str, Any]) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    return (
        new.get("updatedReplicas", 0) > old.get("updatedReplicas", 0)
        or outdated(new) < outdated(old)
        or new.get("readyReplicas", 0) > old.get("readyReplicas", 0)
        or new.get("availableReplicas", 0) > old.get("availableReplicas", 0)
    )


def has_timed_out(deployment: Object, status: dict[str, Any], now: datetime) -> bool:
    current = get_condition(status, PROGRESSING)
    if not has_deadline(deployment) or current is None or current.get("reason") == NEW_SET_AVAILABLE:
        return False
    if current.get("reason") == DEADLINE_EXCEEDED:
        return True
    return _deadline(deployment, current) < now


def _deadline(deployment: Object, progressing: dict[str, Any]) -> datetime:
    since = progressing.get("lastUpdateTime") or progressing["lastTransitionTime"]
    return parse_time(since) + timedelta(seconds=int(deployment["spec"]["progressDeadlineSeconds"]))


def during_rollout(
    deployment: Object, sets: Sequence[Object], new: Object | None, conditions: Conditions, now: datetime
) -> dict[str, Any]:
    """The status with an estimate of progress, and with what keeps ReplicaSets from making pods."""
    status = counted(deployment, sets, new, conditions, now)
    conditions = status["conditions"]
    current = get_condition(status, PROGRESSING)
    if not has_deadline(deployment):
        conditions = without_condition(conditions, PROGRESSING)
    elif not (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and current is not None
        and current.get("reason") == NEW_SET_AVAILABLE
    ):
        what = f'ReplicaSet "{name_of(new)}"' if new is not None else f'Deployment "{name_of(deployment)}"'
        if is_complete(deployment, status):
            message = f"{what} has successfully progressed."
            done = condition(PROGRESSING, "True", NEW_SET_AVAILABLE, message, now)
            conditions = with_condition(conditions, done)
        elif has_progressed(deployment.get("status") or {}, status):
            moving = condition(PROGRESSING, "True", SET_UPDATED, f"{what} is progressing.", now)
            moving["lastTransitionTime"] = transition_time(current, "True", moving["lastTransitionTime"])
            conditions = [*without_condition(conditions, PROGRESSING), moving]
        elif has_timed_out(deployment, status, now):
            message = f"{what} has timed out progressing."
            late = condition(PROGRESSING, "False", DEADLINE_EXCEEDED, message, now)
            conditions = with_condition(conditions, late)
    failure = replica_failure(sets, new)
    if failure is not None:
        conditions = with_condition(conditions, failure)
    else:
        conditions = without_condition(conditions, REPLICA_FAILURE)
    status["conditions"] = conditions
    return status


def replica_failure(sets: Iterable[Object], new: Object | None) -> dict[str, Any] | None:
    """The ReplicaFailure of the new ReplicaSet, or else of any, as a Deployment's condition."""
    for one in [*([new] if new is not None else []), *sets]:
        found = get_condition(one.get("status"), REPLICA_FAILURE)
        if found is not None:
            return {
                "type": REPLICA_FAILURE,
                "status": found["status"],
                "lastUpdateTime": found.get("lastTransitionTime", ""),
                "lastTransitionTime": found.get("lastTransitionTime", ""),
                "reason": found.get("reason", ""),
                "message": found.get("message", ""),
            }
    return None


def check_progress_in(deployment: Object, status: dict[str, Any], now: datetime) -> float | None:
    """Seconds until the progress deadline will have passed; None when there is nothing to wait for."""
    current = get_condition(status, PROGRESSING)
    if not has_deadline(deployment) or current is None or deployment["spec"].get("paused"):
        return None
    if current.get("reason") in (DEADLINE_EXCEEDED, NEW_SET_AVAILABLE) or is_complete(deployment, status):
        return None
    return max(0.0, (_deadline(deployment, current) - now).total_seconds()) + 1.0
