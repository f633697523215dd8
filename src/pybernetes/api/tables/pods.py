"""How a pod is shown: ready containers, a status that says what goes on, restarts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import AGE, NAME, NONE, Cells, Column, Printer, age_of, name_of, wide
from pybernetes.api.times import age

Object = dict[str, Any]

COLUMNS = (
    NAME,
    Column("Ready", description="The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", description="The aggregate status of the containers in this pod."),
    Column(
        "Restarts",
        description=(
            "The number of times the containers in this pod have been restarted and when the last container "
            "in this pod has restarted."
        ),
    ),
    AGE,
    wide("IP", "@core.v1.PodStatus.podIP"),
    wide("Node", "@core.v1.PodSpec.nodeName"),
    wide("Nominated Node", "@core.v1.PodStatus.nominatedNodeName"),
    wide("Readiness Gates", "@core.v1.PodSpec.readinessGates"),
)


class _Summary:
    """What the containers' statuses add up to."""

    def __init__(self, pod: Object) -> None:
        spec, status = pod.get("spec") or {}, pod.get("status") or {}
        self.total = len(spec.get("containers") or ())
        self.ready = 0
        self.restarts = 0
        self.last_restart = ""
        self.reason: str = status.get("reason") or status.get("phase") or ""
        for condition in status.get("conditions") or ():
            if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
                self.reason = "SchedulingGated"
        sidecar_restarts, sidecar_last = 0, ""
        sidecars = {
            one.get("name")
            for one in spec.get("initContainers") or ()
            if one.get("restartPolicy") == "Always"
        }
        self.total += len(sidecars)
        initializing = False
        statuses = status.get("initContainerStatuses") or []
        for position, one in enumerate(statuses):
            self._count(one)
            if one.get("name") in sidecars:
                sidecar_restarts += one.get("restartCount", 0)
                sidecar_last = max(sidecar_last, _last_end(one))
            reason = self._init_reason(
                one, one.get("name") in sidecars, position, len(spec["initContainers"])
            )
            if reason:
                self.reason, initializing = reason, True
                break
        if not initializing or _condition(status, "Initialized"):
            self.restarts, self.last_restart = sidecar_restarts, sidecar_last
            self._running(status)
        deleting = pod["metadata"].get("deletionTimestamp")
        if deleting and status.get("reason") == "NodeLost":
            self.reason = "Unknown"
        elif deleting and status.get("phase") not in ("Succeeded", "Failed"):
            self.reason = "Terminating"

    def _count(self, status: Object) -> None:
        self.restarts += status.get("restartCount", 0)
        self.last_restart = max(self.last_restart, _last_end(status))

    def _init_reason(self, status: Object, sidecar: bool, position: int, total: int) -> str:
        """Why the pod is still initializing, or '' when this container is done with."""
        state = status.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and terminated.get("exitCode") == 0:
            return ""
        if sidecar and status.get("started"):
            if status.get("ready"):
                self.ready += 1
            return ""
        if terminated is not None:
            return f"Init:{terminated.get('reason') or _exit(terminated)}"
        if waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{position}/{total}"

    def _running(self, status: Object) -> None:
        running = False
        for one in reversed(status.get("containerStatuses") or []):
            self._count(one)
            state = one.get("state") or {}
            terminated, waiting = state.get("terminated"), state.get("waiting")
            if waiting is not None and waiting.get("reason"):
                self.reason = waiting["reason"]
            elif terminated is not None:
                self.reason = terminated.get("reason") or _exit(terminated)
            elif one.get("ready") and state.get("running") is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed" and running:
            self.reason = "Running" if _condition(status, "Ready") else "NotReady"


def _exit(terminated: Object) -> str:
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _last_end(status: Object) -> str:
    """When the container's previous run ended, as its RFC 3339 text, which sorts by time."""
    terminated = (status.get("lastState") or {}).get("terminated") or {}
    return terminated.get("finishedAt") or ""


def _condition(status: Object, kind: str) -> bool:
    return any(
        one.get("type") == kind and one.get("status") == "True" for one in status.get("conditions") or ()
    )


def _gates(pod: Object) -> str:
    gates = (pod.get("spec") or {}).get("readinessGates") or []
    if not gates:
        return NONE
    met = sum(1 for gate in gates if _condition(pod.get("status") or {}, gate.get("conditionType", "")))
    return f"{met}/{len(gates)}"


def _cells(pod: Object, now: datetime) -> Cells:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    summary = _Summary(pod)
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts = f"{restarts} ({age(summary.last_restart, now)} ago)"
    addresses = status.get("podIPs") or []
    return [
        name_of(pod),
        f"{summary.ready}/{summary.total}",
        summary.reason,
        restarts,
        age_of(pod, now),
        (addresses[0].get("ip") if addresses else status.get("podIP")) or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(pod),
    ]


PRINTER = Printer(COLUMNS, _cells)
