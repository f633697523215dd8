"""Bringing a pod up and keeping it up: sandbox, init containers in order, then all others at once.

`sync` looks at the state, notes what it asks for in the records (`operation`), and asks for it once.
"""

from __future__ import annotations

from pybernetes.api.times import format_duration
from pybernetes.kubelet.machine.instructions import (
    CreateSandbox,
    KillContainer,
    Output,
    PrepareVolumes,
    PullImage,
    RemoveContainer,
    StartContainer,
    StopSandbox,
)
from pybernetes.kubelet.machine.model import (
    CREATED,
    EPHEMERAL,
    INIT,
    REGULAR,
    RUNNING,
    SIDECAR,
    UNKNOWN,
    PodState,
    Record,
    full_name,
)
from pybernetes.kubelet.machine.restarts import has_initialized, restarts

SHOW_EXIT = 1.0
"""Seconds that an ended container is shown as terminated before it is shown as waiting in back-off."""

IN_FLIGHT = ("pulling", "starting", "hook")


def sync(state: PodState, now: float, out: Output) -> None:
    if not state.known:
        return
    _volumes(state, now, out)
    wanted = _wanted(state)
    sandbox = state.sandbox
    if sandbox is not None and not sandbox.ready:
        if wanted and not state.sandbox_operation:
            _replace_sandbox(state, now, out)
    elif sandbox is None and wanted and not state.sandbox_operation:
        _create_sandbox(state, now, out, 0)
    _condemned(state, now, out)
    held_by_hook = False
    for record in wanted:
        if not record.operation and not record.running:
            _advance(state, record, now, out, may_start=not held_by_hook)
        hook = (record.spec.get("lifecycle") or {}).get("postStart")
        if hook and record.operation in IN_FLIGHT:
            held_by_hook = True


def _volumes(state: PodState, now: float, out: Output) -> None:
    if state.volumes == "" or (state.volumes == "failed" and now >= state.volumes_retry_at):
        state.volumes = "preparing"
        out.do(PrepareVolumes())
    elif state.volumes == "failed":
        out.wake(state.volumes_retry_at)


def _wanted(state: PodState) -> list[Record]:
    """The containers that are to run now (some may be running), in the order of their start."""
    result: list[Record] = []
    initialized = has_initialized(state)
    for record in state.of_kind(INIT, SIDECAR):
        if record.kind == SIDECAR:
            result.append(record)
            if not initialized and not (record.started and state.in_sandbox(record)):
                return result
            continue
        if initialized:
            continue
        current = state.in_sandbox(record)
        if current is None or current.state != "exited":
            return [*result, record]
        if current.exit_code != 0:
            return [*result, record] if restarts(state, record, current) else result
    for record in state.of_kind(REGULAR):
        ended = record.current if record.exited else None
        if ended is None or restarts(state, record, ended):
            result.append(record)
    result += [record for record in state.of_kind(EPHEMERAL) if not record.exited]
    return result


def _create_sandbox(state: PodState, now: float, out: Output, attempt: int) -> None:
    if now < state.sandbox_retry_at:
        out.wake(state.sandbox_retry_at)
        return
    state.sandbox_operation = "creating"
    out.do(CreateSandbox(attempt))


def _replace_sandbox(state: PodState, now: float, out: Output) -> None:
    """The sandbox died: end what still runs in it, stop it, make the next."""
    sandbox = state.sandbox
    assert sandbox is not None
    alive = [record for record in state.records.values() if record.alive]
    for record in alive:
        current = record.current
        if current is not None and not record.operation and now >= record.retry_at:
            record.operation, record.kill_grace = "killing", _grace(state)
            out.do(
                KillContainer(record.name, current.id, record.kill_grace, f"Stopping container {record.name}")
            )
    if alive or any(record.operation == "starting" for record in state.records.values()):
        return
    if state.stopped_sandbox != sandbox.id:
        if now < state.sandbox_retry_at:
            out.wake(state.sandbox_retry_at)
            return
        out.event("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
        state.sandbox_operation = "stopping"
        out.do(StopSandbox(sandbox.id))
        return
    _create_sandbox(state, now, out, sandbox.attempt + 1)


def _grace(state: PodState) -> float:
    grace = state.spec.get("terminationGracePeriodSeconds")
    return 30.0 if grace is None else float(grace)


def _condemned(state: PodState, now: float, out: Output) -> None:
    """End running containers that have to be replaced."""
    for record in state.records.values():
        current = record.current
        if record.condemned is None or current is None or record.operation or current.state != RUNNING:
            continue
        if now < record.retry_at:
            out.wake(record.retry_at)
            continue
        message, grace = record.condemned
        record.operation = "killing"
        record.kill_grace = _grace(state) if grace is None else grace
        out.do(KillContainer(record.name, current.id, record.kill_grace, message))


def _advance(state: PodState, record: Record, now: float, out: Output, *, may_start: bool) -> None:
    """Take a container that should run and does not one step further."""
    current = record.current
    if current is not None and current.state == UNKNOWN:
        record.operation, record.kill_grace = "killing", 0
        out.do(KillContainer(record.name, current.id, 0, pre_stop=False))
        return
    if current is not None and current.state == CREATED:
        out.do(RemoveContainer(current.id))
        record.restarts = current.attempt + 1
        record.current = current = None
    if current is not None and _in_crash_backoff(state, record, now, out):
        return
    if now < record.retry_at:
        _show_pull_backoff(record, now, out)
        out.wake(record.retry_at)
        return
    if not record.image_ready:
        record.operation = "pulling"
        out.do(PullImage(record.name))
        return
    sandbox = state.ready_sandbox
    if sandbox is None or state.sandbox_operation or state.volumes != "ready" or not may_start:
        return
    if current is not None:
        record.crash.restarted(current.finished, now)
        record.restarts = max(record.restarts, current.attempt) + 1
    record.operation = "starting"
    record.backoff_shown = False
    replaces = record.last.id if record.last is not None and current is not None else ""
    out.do(StartContainer(record.name, record.restarts, sandbox.id, record.image_ready, replaces))


def _in_crash_backoff(state: PodState, record: Record, now: float, out: Output) -> bool:
    current = record.current
    assert current is not None
    until = record.crash.until(current.finished)
    if now >= until:
        return False
    out.wake(until)
    show_at = current.finished + SHOW_EXIT
    if now < show_at:
        out.wake(min(show_at, until))
    elif not record.backoff_shown:
        record.backoff_shown = True
        where = full_name(state.pod)
        delay = format_duration(record.crash.delay)
        record.waiting = (
            "CrashLoopBackOff",
            f"back-off {delay} restarting failed container={record.name} pod={where}",
        )
        message = f"Back-off restarting failed container {record.name} in pod {where}"
        out.event("Warning", "BackOff", message, record.name)
    return True


def _show_pull_backoff(record: Record, now: float, out: Output) -> None:
    """ErrImagePull becomes ImagePullBackOff some seconds after the failure."""
    if record.waiting is None or record.waiting[0] != "ErrImagePull":
        return
    show_at = record.pull_failed_at + min(record.pull_delay / 2, 10)
    if now < show_at:
        out.wake(show_at)
        return
    image = str(record.spec.get("image", ""))
    text = f'Back-off pulling image "{image}"'
    record.waiting = ("ImagePullBackOff", f"{text}: ErrImagePull: {record.waiting[1]}")
    out.event("Normal", "BackOff", text, record.name)
    out.event("Warning", "Failed", "Error: ImagePullBackOff", record.name)
