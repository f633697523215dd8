"""The pod machine itself: `handle(event, now)` changes the state and answers with instructions.

One machine a pod. What to start is decided in `starting.py`, how to stop in `ending.py`, what to show in
`status.py`; this file takes events in and keeps the records true. Nothing is asked for twice: an
instruction under way is noted in `operation` until its answer comes.
"""

from __future__ import annotations

from collections import deque

from pybernetes.api.times import parse_time
from pybernetes.kubelet.machine import ending, events, starting, status
from pybernetes.kubelet.machine.instructions import (
    Instruction,
    Output,
    PublishStatus,
    RemoveContainer,
    RunPostStart,
    RunProbe,
    SetTimer,
)
from pybernetes.kubelet.machine.model import (
    EXITED,
    LOST_EXIT,
    LOST_MESSAGE,
    LOST_REASON,
    RUNNING,
    Container,
    Ending,
    Object,
    PodState,
    Record,
    Sandbox,
    container_specs,
    spec_hash,
)
from pybernetes.kubelet.machine.probing import probe_states

START_RETRY = 10.0
VOLUME_RETRY_FIRST, VOLUME_RETRY_LIMIT = 0.5, 122.0
PULL_FIRST, PULL_LIMIT = 10.0, 300.0
SANDBOX_RETRY = 5.0
KILL_RETRY = 5.0

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed")


class UnknownEvent(Exception):
    """The machine was handed something that is no event; `story` is what it was handed before."""

    def __init__(self, event: object, story: list[str]) -> None:
        super().__init__(f"{event!r} is not an event of the pod machine; before it came {story}")


class PodMachine:
    """Feed it with `handle`; begin with an `Observed`, or nothing will be started or stopped."""

    def __init__(self, pod: Object, *, now: float, host_ips: tuple[str, ...] = ()) -> None:
        before = pod.get("status") or {}
        started = before.get("startTime")
        self.state = PodState(
            pod,
            host_ips,
            started_at=parse_time(started).timestamp() if started else now,
            conditions=list(before.get("conditions") or ()),
            phase=before.get("phase") or "Pending",
            sandbox_ips=tuple(entry["ip"] for entry in before.get("podIPs") or ()),
        )
        self._story: deque[str] = deque(maxlen=20)
        self._volume_delay = 0.0
        self._published: Object | None = None
        self._timer = 0.0
        self._sync_records(before)
        if self.state.phase in status.TERMINAL:
            why = before.get("reason", ""), before.get("message", "")
            self.state.ending = Ending("completed", *why, self.state.phase)
            self.state.ending_since = now
            self.state.final = True

    @property
    def status(self) -> Object | None:
        """The status that was last published."""
        return self._published

    def handle(self, event: events.Event, now: float) -> list[Instruction]:
        """Take one event in. The instructions are to be carried out concurrently, in this order."""
        out = Output()
        self._story.append(f"{type(event).__name__}@{now:.3f}")
        self._take(event, now, out)
        state = self.state
        if state.known and not state.finished:
            ending.decide(state, now, out)
            if state.ending is None:
                starting.sync(state, now, out)
            else:
                ending.terminate(state, now, out)
            self._probe(now, out)
        shown = self._publish(now)
        if shown is not None:
            out.instructions.insert(0, shown)
        if out.wake_at != self._timer:
            self._timer = out.wake_at
            out.do(SetTimer(out.wake_at))
        return out.instructions

    def _publish(self, now: float) -> PublishStatus | None:
        state = self.state
        if not state.known or state.removed or state.finished or state.final:
            return None
        shown = status.build(self.state, now)
        if shown == self._published:
            return None
        self._published = shown
        return PublishStatus(shown)

    # events in

    def _take(self, event: events.Event, now: float, out: Output) -> None:
        state = self.state
        match event:
            case events.Tick():
                self._timer = 0
            case events.PodChanged(pod):
                state.pod = pod
                self._sync_records({})
            case events.PodRemoved(pod):
                state.removed = True
                state.pod = pod or state.pod
            case events.PodEvicted(reason, message, condition, grace):
                if state.ending is None:
                    state.ending = Ending("evicted", reason, message, "Failed", condition, grace)
                    state.ending_since = now
            case events.Observed():
                self._observed(event, now, out)
            case events.ContainerChanged(container):
                self._container(container, now, out)
            case events.SandboxChanged(sandbox, answers):
                self._sandbox(sandbox, answers)
            case events.SandboxFailed(message):
                stopping = state.sandbox_operation == "stopping"
                state.sandbox_operation = ""
                state.sandbox_retry_at = now + SANDBOX_RETRY
                out.event("Warning", "FailedKillPod" if stopping else "FailedCreatePodSandBox", message)
            case events.VolumesPrepared():
                state.volumes = "ready"
                self._volume_delay = 0
            case events.VolumesFailed(message):
                delay = self._volume_delay * 2 or VOLUME_RETRY_FIRST
                self._volume_delay = min(delay, VOLUME_RETRY_LIMIT)
                state.volumes = "failed"
                state.volumes_retry_at = now + self._volume_delay
                out.event("Warning", "FailedMount", message)
            case events.ImageReady(name, image_id):
                self._image_ready(state.records.get(name), image_id)
            case events.ImageFailed(name, reason, message):
                self._image_failed(state.records.get(name), reason, message, now)
            case events.Started(container):
                self._started(container, now, out)
            case events.StartFailed():
                self._start_failed(event, now, out)
            case events.HookDone(container_id, error):
                self._hook_done(container_id, error, now, out)
            case events.Killed():
                self._killed(event, now)
            case events.ProbeDone():
                self._probed(event, now, out)
            case events.TornDown(error):
                state.torn_down = "" if error else "done"
                state.teardown_retry_at = now + ending.RETRY
                state.volumes = "gone" if not error else state.volumes
            case events.PodDeleted():
                state.deletion = "done"
            case _:
                raise UnknownEvent(event, list(self._story))

    def _sync_records(self, before: Object) -> None:
        """A record for each container of the spec; ephemeral ones may be added, images may change."""
        state = self.state
        known = {
            entry["name"]: entry
            for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
            for entry in before.get(field) or ()
        }
        for kind, spec in container_specs(state.spec):
            record = state.records.get(spec["name"])
            if record is None:
                record = state.records[spec["name"]] = Record(spec, kind)
                old = known.get(spec["name"])
                if old and old.get("containerID"):
                    record.restarts = int(old.get("restartCount") or 0) + 1
                continue
            record.spec = spec
            self._check_definition(record)

    def _check_definition(self, record: Record) -> None:
        current = record.current
        if current is None or not current.spec_hash or current.spec_hash == spec_hash(record.spec):
            return
        if record.condemned is None:
            record.condemned = (f"Container {record.name} definition changed, will be restarted", None)

    def _observed(self, event: events.Observed, now: float, out: Output) -> None:
        """The whole truth: what is not in it is gone."""
        state = self.state
        newest = event.sandboxes[0] if event.sandboxes else None
        if not state.sandbox_operation:
            if newest is None and state.sandbox is not None:
                state.stopped_sandbox = state.sandbox.id
                state.sandbox = None
            elif newest is not None:
                self._sandbox(newest, False)
        attempts: dict[str, list[Container]] = {}
        for container in event.containers:
            attempts.setdefault(container.name, []).append(container)
        first = not state.known
        state.known = True
        for record in state.records.values():
            found = sorted(attempts.get(record.name, ()), key=lambda c: (c.attempt, c.created))
            if record.operation == "starting":
                continue
            if not found:
                if record.current is not None and record.alive:
                    self._gone(record, now)
                continue
            if first or record.current is None or record.current.id == found[-1].id:
                if len(found) > 1 and found[-2].state == EXITED and first:
                    record.last = found[-2]
                    for old in found[:-2]:
                        out.do(RemoveContainer(old.id))
                self._container(found[-1], now, out, adopt=True)
        for name, found in attempts.items():
            if name not in state.records:
                for container in found:
                    out.do(RemoveContainer(container.id))
        if state.ending is not None and state.phase in status.TERMINAL and first and not state.deleted:
            alive = any(record.alive for record in state.records.values())
            if not alive and state.ready_sandbox is None:
                state.stopped_sandbox = state.sandbox.id if state.sandbox is not None else ""

    def _gone(self, record: Record, now: float) -> None:
        """A container vanished from the runtime while it was thought to run."""
        current = record.current
        assert current is not None
        record.current = Container(
            current.id,
            current.name,
            current.sandbox,
            current.attempt,
            EXITED,
            current.created,
            current.started,
            now,
            LOST_EXIT,
            LOST_REASON,
            LOST_MESSAGE,
            current.image,
            current.image_id,
            current.spec_hash,
        )
        self._ended(record)

    def _container(self, container: Container, now: float, out: Output, *, adopt: bool = False) -> None:
        state = self.state
        record = state.records.get(container.name)
        if record is None or record.operation == "starting":
            return
        current = record.current
        if current is not None and current.id != container.id and not adopt:
            return
        if current is not None and current.id == container.id and current.state == EXITED:
            return
        new = current is None or current.id != container.id
        record.current = container
        record.restarts = max(record.restarts, container.attempt) if not new else container.attempt
        if container.state == RUNNING and new:
            record.probes = probe_states(record.spec, container.started)
            self._check_definition(record)
        elif container.state == EXITED:
            self._ended(record)

    def _ended(self, record: Record) -> None:
        record.probes = {}
        record.condemned = None
        record.hooked = True
        record.image_ready = ""
        if record.operation in ("killing", "hook"):
            record.operation = ""

    def _sandbox(self, sandbox: Sandbox, answers: bool) -> None:
        state = self.state

        if answers:
            if state.sandbox_operation == "stopping" or not sandbox.ready:
                state.stopped_sandbox = sandbox.id
            state.sandbox_operation = ""
            state.sandbox_retry_at = 0
        else:
            known = state.sandbox
            older = known is not None and sandbox.id != known.id and sandbox.created < known.created
            if state.sandbox_operation or older:
                return
        state.sandbox = sandbox
        if sandbox.ips:
            state.sandbox_ips = sandbox.ips

    def _image_ready(self, record: Record | None, image_id: str) -> None:
        if record is None or record.operation != "pulling":
            return
        record.operation = ""
        record.image_ready = image_id
        record.pull_delay = 0
        record.retry_at = 0
        if record.waiting is not None and record.waiting[0] in PULL_REASONS:
            record.waiting = None

    def _image_failed(self, record: Record | None, reason: str, message: str, now: float) -> None:
        if record is None or record.operation != "pulling":
            return
        record.operation = ""
        record.waiting = (reason, message)
        record.pull_delay = min(record.pull_delay * 2 or PULL_FIRST, PULL_LIMIT)
        if reason not in PULL_REASONS:
            record.pull_delay = PULL_FIRST
        record.pull_failed_at = now
        record.retry_at = now + record.pull_delay

    def _started(self, container: Container, now: float, out: Output) -> None:
        record = self.state.records.get(container.name)
        if record is None:
            return
        if record.exited and record.current is not None and record.current.id != container.id:
            record.last = record.current
        record.operation = ""
        record.waiting = None
        record.retry_at = 0
        record.image_ready = ""
        record.condemned = None
        record.current = container
        record.restarts = container.attempt
        if container.state == EXITED:
            self._ended(record)
            return
        record.probes = probe_states(record.spec, container.started)
        if (record.spec.get("lifecycle") or {}).get("postStart"):
            record.hooked = False
            record.operation = "hook"
            out.do(RunPostStart(record.name, container.id))

    def _start_failed(self, event: events.StartFailed, now: float, out: Output) -> None:
        record = self.state.records.get(event.name)
        if record is None:
            return
        record.operation = ""
        record.image_ready = ""
        record.waiting = (event.reason, event.message)
        record.retry_at = now + START_RETRY
        if event.container is not None:
            if record.exited and record.current is not None and record.current.id != event.container.id:
                record.last = record.current
            record.current = event.container
            record.restarts = event.container.attempt
            if event.container.state == EXITED:
                record.retry_at = 0
                self._ended(record)
        elif record.current is not None:
            record.restarts -= 1
        out.event("Warning", "Failed", f"Error: {event.message}", record.name)

    def _hook_done(self, container_id: str, error: str, now: float, out: Output) -> None:
        for record in self.state.records.values():
            if record.current is None or record.current.id != container_id or record.operation != "hook":
                continue
            record.operation = ""
            if not error:
                record.hooked = True
                for probe in record.probes.values():
                    probe.due += max(0.0, now - record.current.started)
                return
            out.event("Warning", "FailedPostStartHook", "PostStartHook failed", record.name)
            record.waiting = ("PostStartHookError", error)
            record.condemned = ("FailedPostStartHook", None)

    def _killed(self, event: events.Killed, now: float) -> None:
        record = self.state.records.get(event.name)
        if record is None or record.current is None or record.current.id != event.container_id:
            return
        if record.operation == "killing":
            record.operation = ""
        record.retry_at = now + KILL_RETRY if record.alive else 0

    # probes

    def _probed(self, event: events.ProbeDone, now: float, out: Output) -> None:
        for record in self.state.records.values():
            probe = record.probes.get(event.kind)
            if record.current is None or record.current.id != event.container_id or probe is None:
                continue
            gave_up = probe.result(event.outcome, now)
            word = event.kind.capitalize()
            if event.outcome == "failure" and not probe.quiet:
                out.event("Warning", "Unhealthy", f"{word} probe failed: {event.message}", record.name)
            elif event.outcome == "error":
                text = f"{word} probe errored and resulted in unknown state: {event.message}"
                out.event("Warning", "Unhealthy", text, record.name)
            if gave_up and event.kind != "readiness" and record.running:
                message = f"Container {record.name} failed {event.kind} probe, will be restarted"
                record.condemned = (message, probe.grace)

    def _probe(self, now: float, out: Output) -> None:
        """Ask for the probes that are due."""
        ending_pod = self.state.ending is not None
        for record in self.state.records.values():
            current = record.current
            if not record.probes or not record.running or not record.hooked or current is None:
                continue
            startup = record.probes.get("startup")
            for kind, probe in record.probes.items():
                if probe.held or probe.in_flight or (ending_pod and kind != "readiness"):
                    continue
                if kind != "startup" and startup is not None and not startup.passed:
                    continue
                if now < probe.due:
                    out.wake(probe.due)
                    continue
                probe.in_flight = True
                out.do(RunProbe(record.name, current.id, kind, current.attempt))
