"""The conditions of a pod that its kubelet owns, with upstream's reasons and messages.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
"""

from __future__ import annotations

from pybernetes.kubelet.machine.model import INIT, REGULAR, SIDECAR, Object, PodState
from pybernetes.semantics.pods import transition_time

OWNED = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")

Verdict = tuple[bool, str, str]


def _initialized(state: PodState, statuses: list[Object], started: bool, phase: str) -> Verdict:
    if phase == "Succeeded":
        return True, "PodCompleted", ""
    by_name = {status["name"]: status for status in statuses}
    incomplete = []
    for record in state.of_kind(INIT, SIDECAR):
        status = by_name[record.name]
        done = status["started"] if record.kind == SIDECAR else status["ready"]
        if not done:
            incomplete.append(record.name)
    if not incomplete or started:
        return True, "", ""
    return False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(incomplete)}]"


def _containers_ready(state: PodState, statuses: list[Object], phase: str) -> Verdict:
    if phase == "Succeeded":
        return False, "PodCompleted", ""
    if phase == "Failed":
        return False, "PodFailed", ""
    ready = {status["name"]: status["ready"] for status in statuses}
    unready = [record.name for record in state.of_kind(SIDECAR, REGULAR) if not ready[record.name]]
    if unready:
        return False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return True, "", ""


def _ready(state: PodState, containers: Verdict) -> Verdict:
    if not containers[0]:
        return containers
    gates = [gate["conditionType"] for gate in state.spec.get("readinessGates") or ()]
    if not gates:
        return containers
    present = {c["type"]: c["status"] for c in (state.pod.get("status") or {}).get("conditions") or ()}
    unmet = []
    for gate in gates:
        if gate not in present:
            unmet.append(f'corresponding condition of pod readiness gate "{gate}" does not exist.')
        elif present[gate] != "True":
            unmet.append(f'the status of pod readiness gate "{gate}" is not "True", but {present[gate]}')
    if not unmet:
        return containers
    text = unmet[0] if len(unmet) == 1 else f"[{', '.join(unmet)}]"
    return False, "ReadinessGatesNotReady", text


def build(state: PodState, init: list[Object], regular: list[Object], phase: str, now: str) -> list[Object]:
    """The owned conditions; a transition time moves only when the status of its condition does."""
    started = any("running" in status["state"] or "terminated" in status["state"] for status in regular)
    containers = _containers_ready(state, init + regular, phase)
    addressed = bool(state.sandbox_ips or state.spec.get("hostNetwork"))
    verdicts: dict[str, Verdict] = {
        "PodReadyToStartContainers": (state.ready_sandbox is not None and addressed, "", ""),
        "Initialized": _initialized(state, init, started, phase),
        "Ready": _ready(state, containers),
        "ContainersReady": containers,
        "PodScheduled": (True, "", ""),
    }
    before = {condition["type"]: condition for condition in state.conditions}
    generation = state.meta.get("generation")
    result = []
    for kind in OWNED:
        holds, reason, message = verdicts[kind]
        status = "True" if holds else "False"
        condition: Object = {
            "type": kind,
            "status": status,
            "lastProbeTime": None,
            "lastTransitionTime": transition_time(before.get(kind), status, now),
        }
        if generation:
            condition["observedGeneration"] = generation
        if reason:
            condition["reason"] = reason
        if message:
            condition["message"] = message
        result.append(condition)
    if state.ending is not None and state.ending.condition is not None:
        kind = state.ending.condition["type"]
        result.append(
            before.get(kind) or {"lastProbeTime": None, "lastTransitionTime": now, **state.ending.condition}
        )
    return result
