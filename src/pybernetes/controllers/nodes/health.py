"""Whether a node is still heard of, and what its conditions become when it is not. Pure.

In: a node, its Lease, and what was seen of both before. Out: a `Health` value, and conditions. A node counts as
heard of when its Lease is renewed or the heartbeat of its Ready condition moves; the clock that counts is this
process's own.
Source: https://kubernetes.io/docs/reference/node/node-status/#heartbeats
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pybernetes.api.times import format_time
from pybernetes.controllers.objects import Object
from pybernetes.semantics.pods import get_condition

WATCHED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


@dataclass(frozen=True, slots=True)
class Health:
    """`seen` is the monotonic moment of the last sign of life; the texts are what was seen then."""

    seen: float
    heartbeat: str = ""
    renewed: str = ""


def observe(before: Health | None, node: Object, lease: Object | None, now: float) -> Health:
    """What is known now. A node seen for the first time counts as alive."""
    ready = get_condition(node.get("status"), "Ready") or {}
    heartbeat = f"{ready.get('lastHeartbeatTime') or ''} {ready.get('status') or ''}" if ready else ""
    renewed = str(((lease or {}).get("spec") or {}).get("renewTime") or "")
    if before is None:
        return Health(now, heartbeat, renewed)
    if renewed != before.renewed and renewed:
        return Health(now, heartbeat, renewed)
    # Our own change to Unknown is no sign of life.
    if heartbeat != before.heartbeat and ready.get("status") != "Unknown":
        return Health(now, heartbeat, before.renewed)
    if heartbeat != before.heartbeat:
        return Health(before.seen, heartbeat, before.renewed)
    return before


def grace_of(node: Object, grace: float, startup_grace: float) -> float:
    """A node that never reported is given longer."""
    return grace if get_condition(node.get("status"), "Ready") is not None else startup_grace


def unknown_conditions(node: Object, now: datetime) -> list[dict[str, Any]] | None:
    """The node's conditions with all that its kubelet reports set to Unknown; None if they are already."""
    conditions: list[dict[str, Any]] = list((node.get("status") or {}).get("conditions") or ())
    moment = format_time(now)
    changed = False
    for type in WATCHED:
        current = get_condition({"conditions": conditions}, type)
        if current is None:
            never = {
                "type": type,
                "status": "Unknown",
                "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
                "lastHeartbeatTime": node["metadata"].get("creationTimestamp") or moment,
                "lastTransitionTime": moment,
            }
            conditions.append(never)
            changed = True
        elif current.get("status") != "Unknown":
            stale = {
                **current,
                "status": "Unknown",
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
                "lastTransitionTime": moment,
            }
            conditions = [stale if one.get("type") == type else one for one in conditions]
            changed = True
    return conditions if changed else None


def ready_status(node: Object) -> str:
    """The Ready condition's status; Unknown when there is none."""
    ready = get_condition(node.get("status"), "Ready")
    return str(ready.get("status") or "Unknown") if ready else "Unknown"


def not_ready_conditions(pod: Object, now: datetime) -> list[dict[str, Any]] | None:
    """The pod's conditions with Ready turned to False; None if it is not Ready anyway."""
    conditions: Iterable[dict[str, Any]] = (pod.get("status") or {}).get("conditions") or ()
    ready = get_condition(pod.get("status"), "Ready")
    if ready is None or ready.get("status") != "True":
        return None
    changed = {**ready, "status": "False", "lastTransitionTime": format_time(now)}
    return [changed if one.get("type") == "Ready" else one for one in conditions]
