"""A pod machine with a runtime that does what it is told, for tests of what it says and shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pybernetes.kubelet.machine import events as ev
from pybernetes.kubelet.machine import instructions as do
from pybernetes.kubelet.machine.machine import PodMachine
from pybernetes.kubelet.machine.model import EXITED, RUNNING, Container, Sandbox

START = 1_800_000_000.0


def make_pod(
    *containers: dict[str, Any], init: list[dict[str, Any]] | None = None, **spec: Any
) -> dict[str, Any]:
    meta = {"name": "web", "namespace": "default", "uid": "u1"}
    listed = list(containers) or [{"name": "main", "image": "nginx"}]
    return {"metadata": meta, "spec": {"containers": listed, "initContainers": init or [], **spec}}


class Driver:
    """A runtime that always succeeds, on a clock that is moved by hand."""

    def __init__(self, pod: dict[str, Any]) -> None:
        self.now = START
        self.machine = PodMachine(pod, now=self.now, host_ips=("10.0.0.1",))
        self.pod = pod
        self.pending: list[do.Instruction] = []
        self.log: list[do.Instruction] = []
        self.status: dict[str, Any] = {}
        self.timer = 0.0
        self.ids = 0
        self.running: dict[str, Container] = {}
        self.hold: set[type] = set()

    def feed(self, event: ev.Event) -> None:
        for instruction in self.machine.handle(event, self.now):
            self.log.append(instruction)
            match instruction:
                case do.PublishStatus(status):
                    self.status = status
                case do.SetTimer(at):
                    self.timer = at
                case do.RecordEvent():
                    pass
                case _:
                    self.pending.append(instruction)

    def start(self) -> Driver:
        self.feed(ev.Observed((), ()))
        return self.settle()

    def settle(self) -> Driver:
        """Carry out whatever may be, until nothing is left to do now."""
        while True:
            ready = [one for one in self.pending if type(one) not in self.hold]
            if not ready:
                return self
            self.pending.remove(ready[0])
            self.carry_out(ready[0])

    def carry_out(self, one: do.Instruction) -> None:
        match one:
            case do.PrepareVolumes():
                self.feed(ev.VolumesPrepared())
            case do.CreateSandbox(attempt):
                self.feed(
                    ev.SandboxChanged(Sandbox(f"s{attempt}", attempt, True, self.now, ("10.1.0.5",)), True)
                )
            case do.StopSandbox(id):
                self.feed(ev.SandboxChanged(Sandbox(id, 0, False), True))
            case do.PullImage(name):
                self.feed(ev.ImageReady(name, "sha256:1"))
            case do.StartContainer(name, attempt, sandbox):
                self.ids += 1
                made = Container(f"c{self.ids}", name, sandbox, attempt, RUNNING, self.now, self.now)
                self.running[name] = made
                self.feed(ev.Started(made))
            case do.RunPostStart(_, id):
                self.feed(ev.HookDone(id))
            case do.KillContainer(name, id):
                self.exit(name, 137)
                self.feed(ev.Killed(name, id))
            case do.TearDown():
                self.feed(ev.TornDown())
            case do.DeletePod():
                self.feed(ev.PodDeleted())
            case do.RunProbe() | do.RemoveContainer() | do.Finish():
                pass

    def exit(self, name: str, code: int, **more: Any) -> None:
        ended = replace(self.running[name], state=EXITED, exit_code=code, finished=self.now, **more)
        self.feed(ev.ContainerChanged(ended))

    def advance(self, seconds: float) -> Driver:
        target = self.now + seconds
        while self.timer and self.timer <= target:
            self.now, self.timer = max(self.now, self.timer), 0
            self.feed(ev.Tick())
            self.settle()
        self.now = target
        return self

    def delete(self, grace: int = 30) -> None:
        meta = {**self.pod["metadata"], "deletionTimestamp": "x", "deletionGracePeriodSeconds": grace}
        self.feed(ev.PodChanged({**self.pod, "metadata": meta}))

    def events(self) -> list[str]:
        return [one.reason for one in self.log if isinstance(one, do.RecordEvent)]

    def asked(self, kind: type) -> list[Any]:
        return [one for one in self.log if isinstance(one, kind)]

    def container(self, name: str = "main") -> dict[str, Any]:
        statuses = self.status["containerStatuses"] + self.status.get("initContainerStatuses", [])
        return next(one for one in statuses if one["name"] == name)

    def condition(self, kind: str) -> dict[str, Any]:
        return next(one for one in self.status["conditions"] if one["type"] == kind)
