"""Taking a pod down: because it was deleted, its time is up, the node evicts it, or its work is done.

Order: regular containers (all at once), then sidecars in reverse order, then the sandbox, then what the
pod has on the node, then (if it was deleted) the object in the API. Source:
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

from pybernetes.kubelet.machine.instructions import (
    DeletePod,
    Finish,
    KillContainer,
    Output,
    StopSandbox,
    TearDown,
)
from pybernetes.kubelet.machine.model import SIDECAR, Ending, PodState, Record
from pybernetes.kubelet.machine.restarts import completed

DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"
MINIMUM_GRACE = 2.0
LEAST_GRACE = 1.0
RETRY = 5.0


def decide(state: PodState, now: float, out: Output) -> None:
    """Set `state.ending` when the pod is to stop."""
    if state.ending is not None:
        return
    if state.deleted:
        state.ending = Ending("deleted")
    elif state.known and completed(state):
        state.ending = Ending("completed")
    else:
        limit = state.spec.get("activeDeadlineSeconds")
        if limit is None:
            return
        at = state.started_at + float(limit)
        if now < at:
            out.wake(at)
            return
        state.ending = Ending("deadline", "DeadlineExceeded", DEADLINE_MESSAGE, "Failed")
        out.event("Normal", "DeadlineExceeded", DEADLINE_MESSAGE)
    state.ending_since = now


def total_grace(state: PodState) -> float:
    """Seconds that the whole pod has to stop."""
    if state.ending is not None and state.ending.grace is not None:
        return state.ending.grace
    grace = state.meta.get("deletionGracePeriodSeconds")
    if grace is None:
        grace = state.spec.get("terminationGracePeriodSeconds")
    return 30.0 if grace is None else max(float(grace), LEAST_GRACE)


def terminate(state: PodState, now: float, out: Output) -> None:
    """The next steps of taking the pod down; called for each event until `Finish`."""
    if not state.known or state.finished:
        return
    if not _stop_containers(state, now, out):
        return
    if state.sandbox_operation or state.volumes == "preparing":
        return
    if not _stop_sandbox(state, now, out):
        return
    if state.torn_down == "":
        if now < state.teardown_retry_at:
            out.wake(state.teardown_retry_at)
            return
        state.torn_down = "running"
        out.do(TearDown())
    if state.torn_down != "done" or not state.deleted:
        return
    if not state.removed and state.deletion == "":
        state.deletion = "running"
        out.do(DeletePod())
    if state.removed or state.deletion == "done":
        state.finished = True
        out.do(Finish())


def _stop_containers(state: PodState, now: float, out: Output) -> bool:
    """True once nothing runs and nothing is being started."""
    grace = total_grace(state)
    others = [record for record in state.records.values() if record.kind != SIDECAR]
    sidecars = [record for record in state.records.values() if record.kind == SIDECAR]
    if not _kill_all(others, grace, now, out):
        return False
    left = grace - (now - state.ending_since)
    least = min(MINIMUM_GRACE, grace)
    return all(_kill_all([record], max(left, least), now, out) for record in reversed(sidecars))


def _kill_all(records: list[Record], grace: float, now: float, out: Output) -> bool:
    stopped = True
    for record in records:
        if record.operation == "starting":
            stopped = False
        if not record.alive or record.operation == "starting":
            continue
        stopped = False
        current = record.current
        assert current is not None
        if record.operation == "killing" and record.kill_grace <= grace:
            continue
        if now < record.retry_at and record.operation != "killing":
            out.wake(record.retry_at)
            continue
        again = record.operation == "killing"
        record.operation, record.kill_grace = "killing", grace
        message = "" if again else f"Stopping container {record.name}"
        out.do(KillContainer(record.name, current.id, grace, message, pre_stop=not again))
    return stopped


def _stop_sandbox(state: PodState, now: float, out: Output) -> bool:
    sandbox = state.sandbox
    if sandbox is None or state.stopped_sandbox == sandbox.id:
        return True
    if now < state.sandbox_retry_at:
        out.wake(state.sandbox_retry_at)
        return False
    state.sandbox_operation = "stopping"
    out.do(StopSandbox(sandbox.id))
    return False
