"""Which taints a node's conditions put on it. Pure.

In: a node. Out: its list of taints as it should be. NoSchedule taints follow every condition at once; the
NoExecute ones (not-ready, unreachable) come from the Ready condition and are rationed by zone, so they are
asked for separately.
Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-nodes-by-condition
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.times import format_time
from pybernetes.controllers.nodes.health import ready_status
from pybernetes.controllers.objects import Object
from pybernetes.semantics.pods import get_condition
from pybernetes.semantics.tolerations import (
    NO_EXECUTE,
    NO_SCHEDULE,
    TAINT_DISK_PRESSURE,
    TAINT_MEMORY_PRESSURE,
    TAINT_NETWORK_UNAVAILABLE,
    TAINT_NOT_READY,
    TAINT_PID_PRESSURE,
    TAINT_UNREACHABLE,
    TAINT_UNSCHEDULABLE,
)

Taint = dict[str, Any]

_BY_CONDITION = {
    ("Ready", "False"): TAINT_NOT_READY,
    ("Ready", "Unknown"): TAINT_UNREACHABLE,
    ("MemoryPressure", "True"): TAINT_MEMORY_PRESSURE,
    ("DiskPressure", "True"): TAINT_DISK_PRESSURE,
    ("NetworkUnavailable", "True"): TAINT_NETWORK_UNAVAILABLE,
    ("PIDPressure", "True"): TAINT_PID_PRESSURE,
}
_OWN_NO_SCHEDULE = frozenset((*_BY_CONDITION.values(), TAINT_UNSCHEDULABLE))
OWN_NO_EXECUTE = frozenset((TAINT_NOT_READY, TAINT_UNREACHABLE))


def taints_of(node: Object) -> list[Taint]:
    return list((node.get("spec") or {}).get("taints") or ())


def no_schedule_keys(node: Object) -> list[str]:
    """The keys of the NoSchedule taints that the node's state asks for."""
    keys = [
        key
        for (type, status), key in _BY_CONDITION.items()
        if (get_condition(node.get("status"), type) or {}).get("status") == status
    ]
    if (node.get("spec") or {}).get("unschedulable"):
        keys.append(TAINT_UNSCHEDULABLE)
    return keys


def no_execute_key(node: Object) -> str:
    """not-ready, unreachable, or "" for a node that is Ready or has not reported yet."""
    if get_condition(node.get("status"), "Ready") is None:
        return ""
    return {"False": TAINT_NOT_READY, "Unknown": TAINT_UNREACHABLE}.get(ready_status(node), "")


def present_no_execute(node: Object) -> set[str]:
    """Which of the two NoExecute taints of this controller the node has."""
    return {
        one["key"]
        for one in taints_of(node)
        if one.get("effect") == NO_EXECUTE and one["key"] in OWN_NO_EXECUTE
    }


def planned(node: Object, no_execute: str, now: datetime) -> list[Taint] | None:
    """All taints that the node is to have, foreign ones kept; `no_execute` is the key of that taint or "".

    None when it has them already.
    """
    present = taints_of(node)
    wanted = no_schedule_keys(node)
    kept = []
    for one in present:
        if one.get("effect") == NO_SCHEDULE and one["key"] in _OWN_NO_SCHEDULE:
            if one["key"] not in wanted:
                continue
        elif one.get("effect") == NO_EXECUTE and one["key"] in OWN_NO_EXECUTE and one["key"] != no_execute:
            continue
        kept.append(one)
    have = {(one["key"], one.get("effect")) for one in kept}
    moment = format_time(now)
    for key in wanted:
        if (key, NO_SCHEDULE) not in have:
            kept.append({"key": key, "effect": NO_SCHEDULE, "timeAdded": moment})
    if no_execute and (no_execute, NO_EXECUTE) not in have:
        kept.append({"key": no_execute, "effect": NO_EXECUTE, "timeAdded": moment})
    return kept if kept != present else None
