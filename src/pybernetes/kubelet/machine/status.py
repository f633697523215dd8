"""The status of a pod as the API shows it: phase, conditions, container statuses, addresses.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus
"""

from __future__ import annotations

from datetime import UTC, datetime

from pybernetes.api.times import format_time
from pybernetes.kubelet.machine import conditions
from pybernetes.kubelet.machine.model import (
    EPHEMERAL,
    INIT,
    LOST_EXIT,
    LOST_MESSAGE,
    LOST_REASON,
    REGULAR,
    SIDECAR,
    Container,
    Object,
    PodState,
    Record,
)
from pybernetes.kubelet.machine.restarts import has_initialized, init_failed, restarts

TERMINAL = ("Succeeded", "Failed")


def time_text(seconds: float) -> str | None:
    """RFC 3339, or None for no time at all."""
    return format_time(datetime.fromtimestamp(seconds, UTC)) if seconds else None


def _terminated(container: Container) -> Object:
    state: Object = {
        "containerID": f"containerd://{container.id}",
        "exitCode": container.exit_code,
        "finishedAt": time_text(container.finished),
        "reason": container.reason or ("Completed" if container.exit_code == 0 else "Error"),
        "startedAt": time_text(container.started),
    }
    if container.message:
        state["message"] = container.message
    return {"terminated": state}


def _waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def _container_status(state: PodState, record: Record, default_reason: str) -> Object:
    current, spec = record.current, record.spec
    last: Object = _terminated(record.last) if record.last is not None else {}
    count = record.restarts
    shown = current
    stays = current is not None and record.exited and not restarts(state, record, current)
    if current is not None and record.running and record.hooked:
        shown_state: Object = {"running": {"startedAt": time_text(current.started)}}
    elif record.exited and current is not None and (record.waiting is None or stays):
        shown_state = _terminated(current)
    else:
        shown_state = _waiting(*(record.waiting or (default_reason, "")))
        if record.exited and current is not None:
            last = _terminated(current)
    if current is not None:
        count = current.attempt
    if record.kind == INIT:
        ready = record.exited and current is not None and current.exit_code == 0
    else:
        ready = record.ready
    status: Object = {
        "name": record.name,
        "state": shown_state,
        "lastState": last,
        "ready": ready,
        "restartCount": count,
        "image": (shown.image if shown is not None else "") or spec.get("image", ""),
        "imageID": shown.image_id if shown is not None else "",
        "started": record.kind != INIT and record.started,
    }
    if shown is not None:
        status["containerID"] = f"containerd://{shown.id}"
    resources = spec.get("resources")
    if record.kind != EPHEMERAL:
        if resources and resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
        if resources:
            status["resources"] = resources
    mounts = spec.get("volumeMounts")
    if mounts:
        status["volumeMounts"] = [_mount_status(mount) for mount in mounts]
    return status


def _mount_status(mount: Object) -> Object:
    status: Object = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        status["readOnly"] = True
        status["recursiveReadOnly"] = "Disabled"
    return status


def _phase(state: PodState, init: list[Object], regular: list[Object], initialized: bool) -> str:
    """The phase, before it is known whether something still runs."""
    ending = state.ending
    if ending is not None and ending.phase:
        return ending.phase
    if init_failed(state):
        return "Failed"
    running = waiting = stopped = succeeded = 0
    for status in regular:
        now = status["state"]
        if "running" in now:
            running += 1
        elif "terminated" in now:
            stopped += 1
            succeeded += now["terminated"]["exitCode"] == 0
        elif status["lastState"]:
            stopped += 1
        else:
            waiting += 1
    if (not initialized or waiting) and (state.ending is None or not stopped):
        return "Pending"
    if running:
        return "Running"
    if not stopped:
        return "Pending"
    if state.ending is not None:
        return "Succeeded" if succeeded == stopped else "Failed"
    return "Running"


def build(state: PodState, now: float) -> Object:
    """The whole status; also notes the phase and the conditions in `state` for the next time."""
    initialized = has_initialized(state)
    wait = "PodInitializing" if state.of_kind(INIT, SIDECAR) else "ContainerCreating"
    init = [_container_status(state, record, "PodInitializing") for record in state.of_kind(INIT, SIDECAR)]
    regular = [_container_status(state, record, wait) for record in state.of_kind(REGULAR)]
    regular.sort(key=lambda status: status["name"])
    ephemeral = [_container_status(state, record, "ContainerCreating") for record in state.of_kind(EPHEMERAL)]

    phase = _phase(state, init, regular, initialized)
    if state.torn_down == "done":
        _account_for_all(init, regular)
        phase = phase if phase in TERMINAL else "Failed"
    if state.phase in TERMINAL:
        phase = state.phase
    elif phase in TERMINAL and _anything_alive(state):
        phase = "Running" if state.phase == "Running" else state.phase
    state.phase = phase
    state.conditions = conditions.build(state, init, regular, phase, time_text(now) or "")

    status: Object = {"phase": phase, "conditions": state.conditions}
    if state.meta.get("generation"):
        status["observedGeneration"] = state.meta["generation"]
    if state.ending is not None and phase in TERMINAL and state.ending.reason:
        status["reason"] = state.ending.reason
        status["message"] = state.ending.message
    if state.host_ips:
        status["hostIP"] = state.host_ips[0]
        status["hostIPs"] = [{"ip": ip} for ip in state.host_ips]
    ips = state.host_ips if state.spec.get("hostNetwork") else state.sandbox_ips
    if ips:
        status["podIP"] = ips[0]
        status["podIPs"] = [{"ip": ip} for ip in ips]
    status["startTime"] = time_text(state.started_at)
    if init:
        status["initContainerStatuses"] = init
    status["containerStatuses"] = regular
    if ephemeral:
        status["ephemeralContainerStatuses"] = ephemeral
    return status


def _account_for_all(init: list[Object], regular: list[Object]) -> None:
    """Nothing of the pod is left: what has not told its end counts as failed, but for what never had its turn."""
    begun = [index for index, status in enumerate(init) if _has_begun(status)]
    last = begun[-1] if begun else -1
    turn_of_regular = last == len(init) - 1 or any(map(_has_begun, regular))
    for status in [*init[: last + 1], *(regular if turn_of_regular else ())]:
        if "terminated" not in status["state"]:
            lost = {"exitCode": LOST_EXIT, "reason": LOST_REASON, "message": LOST_MESSAGE}
            status["state"] = {"terminated": {**lost, "startedAt": None, "finishedAt": None}}


def _has_begun(status: Object) -> bool:
    return bool("waiting" not in status["state"] or status["lastState"])


def _anything_alive(state: PodState) -> bool:
    if not state.known:
        return True
    return any(record.alive or record.operation == "starting" for record in state.records.values())
