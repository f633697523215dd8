"""What a simulated node makes of a pod: its status after so many seconds. Pure.

In: a pod, when it was first seen, the time, the node's address. Out: a `Step`: the status to write and when to look
again. Annotations steer it: `simulate.pybernetes.io/ready: "false"` never becomes ready,
`.../exit-after: "5"` ends the containers after 5 s with `.../exit-code` (0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pybernetes.api.times import format_time
from pybernetes.client.interface import Object
from pybernetes.semantics.resources import qos_class

PREFIX = "simulate.pybernetes.io/"


@dataclass(slots=True)
class Timing:
    """Seconds from being seen to running, from running to ready, and from being told to stop to being gone."""

    start: float = 0.2
    ready: float = 0.0
    stop: float = 0.1


@dataclass(slots=True)
class Run:
    """One pod on the node: when it was seen, and how often its containers were started again."""

    seen: datetime
    address: str
    restarts: int = 0
    started: datetime | None = None
    conditions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Condition type -> (status, since when)."""


@dataclass(slots=True)
class Step:
    """`status` to write, None for nothing; `again` in so many seconds, None for not before a change."""

    status: Object | None = None
    again: float | None = None


def step(pod: Object, run: Run, now: datetime, timing: Timing, node_address: str) -> Step:
    """What the pod's status should be now."""
    wishes = pod["metadata"].get("annotations") or {}
    starts = run.seen + timedelta(seconds=timing.start)
    if now < starts:
        return Step(_status(pod, run, now, node_address, "Pending", False), (starts - now).total_seconds())
    run.started = run.started or now
    exit_after = wishes.get(PREFIX + "exit-after")
    if exit_after is not None:
        ends = run.started + timedelta(seconds=float(exit_after))
        if now >= ends:
            return _ended(pod, run, now, node_address, int(wishes.get(PREFIX + "exit-code", 0)))
        left = (ends - now).total_seconds()
    else:
        left = None
    ready_at = run.started + timedelta(seconds=timing.ready)
    if wishes.get(PREFIX + "ready") == "false" or now < ready_at:
        wait = (ready_at - now).total_seconds() if now < ready_at else None
        soonest = min((one for one in (wait, left) if one is not None), default=None)
        return Step(_status(pod, run, now, node_address, "Running", False), soonest)
    return Step(_status(pod, run, now, node_address, "Running", True), left)


def _ended(pod: Object, run: Run, now: datetime, node_address: str, code: int) -> Step:
    policy = pod["spec"].get("restartPolicy") or "Always"
    if policy == "Always" or (policy == "OnFailure" and code):
        run.restarts += 1
        run.started = now
        return Step(_status(pod, run, now, node_address, "Running", True), 0.0)
    phase = "Failed" if code else "Succeeded"
    return Step(_status(pod, run, now, node_address, phase, False, code))


def _status(
    pod: Object, run: Run, now: datetime, node_address: str, phase: str, ready: bool, code: int = 0
) -> Object:
    stamp = format_time(now)
    over = phase in ("Succeeded", "Failed")
    running = phase == "Running"
    truths = {
        "PodReadyToStartContainers": running,
        "Initialized": True,
        "Ready": ready,
        "ContainersReady": ready,
    }
    conditions: list[dict[str, Any]] = []
    for kind, truth in truths.items():
        value = "True" if truth else "False"
        known = run.conditions.get(kind)
        if known is None or known[0] != value:
            known = run.conditions[kind] = (value, stamp)
        condition = {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": known[1]}
        if kind in ("Ready", "ContainersReady"):
            why = "PodCompleted" if over else "ContainersNotReady"
            condition["reason"] = None if truth else why
        conditions.append(condition)
    status: Object = {
        "phase": phase,
        "conditions": conditions,
        "hostIP": node_address,
        "hostIPs": [{"ip": node_address}],
        "startTime": format_time(run.seen),
        "qosClass": qos_class(pod),
        "containerStatuses": [
            _container(one, run, stamp, phase, ready, code) for one in pod["spec"].get("containers") or ()
        ],
    }
    if running or over:
        address = node_address if pod["spec"].get("hostNetwork") else run.address
        status["podIP"] = address
        status["podIPs"] = [{"ip": address}]
    return status


def _container(
    container: Mapping[str, Any], run: Run, stamp: str, phase: str, ready: bool, code: int
) -> Object:
    started = format_time(run.started) if run.started else stamp
    state: Object
    if phase == "Pending":
        state = {"waiting": {"reason": "ContainerCreating"}}
    elif phase == "Running":
        state = {"running": {"startedAt": started}}
    else:
        reason = "Error" if code else "Completed"
        state = {
            "terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": stamp}
        }
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": ready,
        "started": phase == "Running",
        "restartCount": run.restarts,
        "state": state,
        "lastState": {},
    }
