"""What a ReplicaSet (or ReplicationController) lacks or has too much of, and its status. Pure.

In: the set, the pods that it owns, the time. Out: a `Plan` of pods to create and to delete, and a status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pybernetes.api.kinds import REPLICATION_CONTROLLERS, Kind
from pybernetes.api.selectors import NOTHING, LabelSelector
from pybernetes.api.times import format_time
from pybernetes.controllers.objects import (
    Object,
    available_in,
    compact,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    without_condition,
)
from pybernetes.controllers.replicaset.ranking import pods_to_delete
from pybernetes.semantics.owners import owner_ref
from pybernetes.semantics.pods import (
    get_condition,
    is_active,
    is_available,
    is_ready,
    is_terminal,
    is_terminating,
)

REPLICA_FAILURE = "ReplicaFailure"


@dataclass(frozen=True, slots=True)
class Plan:
    """`create` pods are to be made from the template, `delete` pods to be deleted; never both."""

    create: int = 0
    delete: tuple[Object, ...] = ()


def wanted(owner: Object) -> int:
    replicas = owner["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def selector_of(owner: Object, kind: Kind) -> LabelSelector:
    """A ReplicationController has a plain map, and its template's labels when that is missing."""
    if kind is not REPLICATION_CONTROLLERS:
        return LabelSelector.from_object(owner["spec"].get("selector"))
    labels = owner["spec"].get("selector") or labels_of(template_of(owner))
    return LabelSelector.from_labels(labels) if labels else NOTHING


def template_of(owner: Object) -> Object:
    template = owner["spec"].get("template") or {}
    return template if "metadata" in template else {**template, "metadata": {}}


def plan(owner: Object, owned: Sequence[Object], related: Iterable[Object], now: datetime) -> Plan:
    """`owned` are the set's pods in any state; `related` those of all sets of the same owner, for ranking."""
    if is_deleting(owner):
        return Plan()
    active = [pod for pod in owned if is_active(pod)]
    surplus = len(active) - wanted(owner)
    if surplus > 0:
        return Plan(delete=tuple(pods_to_delete(active, surplus, related, now)))
    return Plan(create=-surplus)


def new_pod(owner: Object, kind: Kind) -> Object:
    """A pod from the owner's template."""
    template = template_of(owner)
    meta = template["metadata"]
    metadata: dict[str, Any] = {
        "generateName": name_prefix(name_of(owner)),
        "namespace": namespace_of(owner),
        "ownerReferences": [owner_ref(owner, kind)],
    }
    for field in ("labels", "annotations", "finalizers"):
        if meta.get(field):
            metadata[field] = meta[field]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec") or {}}


def name_prefix(owner_name: str) -> str:
    """`web-`; without the dash when a very long name leaves no room for it."""
    return f"{owner_name}-" if len(owner_name) < 253 else owner_name


def status(
    owner: Object,
    kind: Kind,
    owned: Sequence[Object],
    now: datetime,
    failure: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """The status that these pods mean. `failure` is the reason and message of what could not be done."""
    active = [pod for pod in owned if is_active(pod)]
    template_labels = labels_of(template_of(owner)).items()
    min_ready = int(owner["spec"].get("minReadySeconds") or 0)
    old = owner.get("status") or {}
    counts = {
        "fullyLabeledReplicas": sum(labels_of(pod).items() >= template_labels for pod in active),
        "readyReplicas": sum(is_ready(pod) for pod in active),
        "availableReplicas": sum(is_available(pod, min_ready, now) for pod in active),
        "observedGeneration": owner["metadata"].get("generation", 0),
        "conditions": _conditions(old, failure, now),
    }
    new = {"replicas": len(active), **compact(counts)}
    if kind is not REPLICATION_CONTROLLERS:
        new["terminatingReplicas"] = sum(is_terminating(pod) and not is_terminal(pod) for pod in owned)
    return new


def _conditions(old: dict[str, Any], failure: tuple[str, str] | None, now: datetime) -> list[dict[str, Any]]:
    conditions = list(old.get("conditions") or ())
    current = get_condition(old, REPLICA_FAILURE)
    if failure is None:
        return without_condition(conditions, REPLICA_FAILURE)
    if current is not None:
        return conditions
    return [
        *conditions,
        {
            "type": REPLICA_FAILURE,
            "status": "True",
            "reason": failure[0],
            "message": failure[1],
            "lastTransitionTime": format_time(now),
        },
    ]


def same_status(old: dict[str, Any] | None, new: dict[str, Any]) -> bool:
    """Whether writing the new one would change nothing that anybody sees."""
    return compact(old or {}) == compact(new)


def look_again_in(
    owner: Object, owned: Sequence[Object], new_status: dict[str, Any], now: datetime
) -> float | None:
    """Seconds until a ready pod becomes available by `minReadySeconds`, if one is waiting for that."""
    min_ready = int(owner["spec"].get("minReadySeconds") or 0)
    if min_ready <= 0 or new_status.get("readyReplicas", 0) == new_status.get("availableReplicas", 0):
        return None
    return available_in([pod for pod in owned if is_active(pod)], min_ready, now)
