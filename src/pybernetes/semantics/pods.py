"""What a pod says about itself: phase, readiness, ports, priority, the kinds of its containers.

Pods are decoded JSON and are never changed.
What it asks for (requests, limits, QoS class) is in `resources.py`.
Source: the Kubernetes documentation page "Pod Lifecycle".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pybernetes.api.times import parse_time

Object = Mapping[str, Any]

PENDING, RUNNING, SUCCEEDED, FAILED, UNKNOWN = "Pending", "Running", "Succeeded", "Failed", "Unknown"
_TERMINAL = frozenset((SUCCEEDED, FAILED))

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
SYSTEM_CRITICAL_PRIORITY = 2_000_000_000


def phase(pod: Object) -> str:
    status = pod.get("status")
    return (status.get("phase") or "") if status else ""


def is_terminal(pod: Object) -> bool:
    """All containers have ended for good: Succeeded or Failed."""
    return phase(pod) in _TERMINAL


def is_terminating(pod: Object) -> bool:
    """Somebody has asked for its deletion."""
    return "deletionTimestamp" in pod["metadata"] and pod["metadata"]["deletionTimestamp"] is not None


def is_active(pod: Object) -> bool:
    """Neither ended nor being deleted: what a controller counts as a replica."""
    return not is_terminal(pod) and not is_terminating(pod)


def get_condition(status: Object | None, kind: str) -> dict[str, Any] | None:
    """The condition of a type in any object's status, or None."""
    for condition in (status or {}).get("conditions") or ():
        if condition.get("type") == kind:
            found: dict[str, Any] = condition
            return found
    return None


def condition_is_true(status: Object | None, kind: str) -> bool:
    condition = get_condition(status, kind)
    return condition is not None and condition.get("status") == "True"


def is_ready(pod: Object) -> bool:
    """Its Ready condition is True."""
    return condition_is_true(pod.get("status"), "Ready")


def is_available(pod: Object, min_ready_seconds: float, now: datetime) -> bool:
    """Ready for at least so long."""
    condition = get_condition(pod.get("status"), "Ready")
    if condition is None or condition.get("status") != "True":
        return False
    if not min_ready_seconds:
        return True
    moment = available_at(pod, min_ready_seconds)
    return moment is not None and moment <= now


def available_at(pod: Object, min_ready_seconds: float) -> datetime | None:
    """When a ready pod becomes available; None when it is not ready."""
    condition = get_condition(pod.get("status"), "Ready")
    if condition is None or condition.get("status") != "True" or not condition.get("lastTransitionTime"):
        return None
    return parse_time(condition["lastTransitionTime"]) + timedelta(seconds=min_ready_seconds)


def transition_time(before: Mapping[str, Any] | None, status: str, moment: str) -> str:
    """Since when a condition has its status: what it said before if it had that status, else now."""
    if before is None or before.get("status") != status:
        return moment
    return before.get("lastTransitionTime") or moment


def is_sidecar(container: Object) -> bool:
    """An init container that runs on beside the others (restartPolicy Always)."""
    return container.get("restartPolicy") == "Always"


def containers_of(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ordinary containers of a pod's spec and its init containers."""
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


def lasting_containers(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that run as long as the pod does: the ordinary ones and the sidecars."""
    sidecars = [one for one in spec.get("initContainers") or () if is_sidecar(one)]
    return [*(spec.get("containers") or ()), *sidecars]


def restart_count(pod: Object) -> int:
    """Restarts of ordinary containers and sidecars together."""
    status = pod.get("status") or {}
    sidecars = {one["name"] for one in pod["spec"].get("initContainers") or () if is_sidecar(one)}
    total = sum(int(one.get("restartCount", 0)) for one in status.get("containerStatuses") or ())
    return total + sum(
        int(one.get("restartCount", 0))
        for one in status.get("initContainerStatuses") or ()
        if one["name"] in sidecars
    )


def host_ports(pod: Object) -> list[tuple[str, str, int]]:
    """(address, protocol, port) of every port that the pod takes on its node; address '' is all of them."""
    found: list[tuple[str, str, int]] = []
    for container in lasting_containers(pod["spec"]):
        for port in container.get("ports") or ():
            number = port.get("hostPort")
            if number:
                address = port.get("hostIP") or ""
                taken = "" if address in ("0.0.0.0", "::") else address
                found.append((taken, port.get("protocol") or "TCP", int(number)))
    return found


def priority(pod: Object) -> int:
    return int(pod["spec"].get("priority") or 0)


def is_critical(pod: Object) -> bool:
    """Static, mirror and system-critical pods: never preempted or evicted for room."""
    annotations = pod["metadata"].get("annotations") or {}
    static = annotations.get("kubernetes.io/config.source", "api") != "api"
    return static or MIRROR_ANNOTATION in annotations or priority(pod) >= SYSTEM_CRITICAL_PRIORITY


def is_mirror(pod: Object) -> bool:
    return MIRROR_ANNOTATION in (pod["metadata"].get("annotations") or {})


def node_name(pod: Object) -> str:
    return pod["spec"].get("nodeName") or ""


def scheduling_gates(pod: Object) -> list[str]:
    return [gate["name"] for gate in pod["spec"].get("schedulingGates") or ()]


def pod_ips(pod: Object) -> list[str]:
    """The pod's addresses, the primary one first."""
    status = pod.get("status") or {}
    found = [one["ip"] for one in status.get("podIPs") or () if one.get("ip")]
    if not found and status.get("podIP"):
        return [status["podIP"]]
    return found
