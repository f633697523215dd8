"""What the machine tells the shell to do. Those with an answer say which event it is."""

from __future__ import annotations

from dataclasses import dataclass

from pybernetes.kubelet.machine.model import Object


@dataclass(slots=True, frozen=True)
class PrepareVolumes:
    """Answer: VolumesPrepared or VolumesFailed."""


@dataclass(slots=True, frozen=True)
class CreateSandbox:
    """Answer: SandboxChanged(answers=True) or SandboxFailed."""

    attempt: int


@dataclass(slots=True, frozen=True)
class StopSandbox:
    """Answer: SandboxChanged(answers=True) with ready=False."""

    id: str


@dataclass(slots=True, frozen=True)
class PullImage:
    """See that the container's image is there, by its pull policy. Answer: ImageReady or ImageFailed."""

    container: str


@dataclass(slots=True, frozen=True)
class StartContainer:
    """Create and start. Answer: Started or StartFailed."""

    container: str
    attempt: int
    sandbox: str
    image_id: str
    replaces: str = ""


@dataclass(slots=True, frozen=True)
class RunPostStart:
    """Answer: HookDone."""

    container: str
    id: str


@dataclass(slots=True, frozen=True)
class KillContainer:
    """preStop, then the stop signal, then SIGKILL, all within `grace` seconds. Answer: Killed."""

    container: str
    id: str
    grace: float
    message: str = ""
    pre_stop: bool = True


@dataclass(slots=True, frozen=True)
class RemoveContainer:
    """A dead attempt that nobody needs any more."""

    id: str


@dataclass(slots=True, frozen=True)
class RunProbe:
    """Answer: ProbeDone."""

    container: str
    id: str
    kind: str
    attempt: int


@dataclass(slots=True, frozen=True)
class PublishStatus:
    status: Object


@dataclass(slots=True, frozen=True)
class RecordEvent:
    """`container` puts the event on a container of the pod."""

    type: str
    reason: str
    message: str
    container: str = ""


@dataclass(slots=True, frozen=True)
class SetTimer:
    """Send a Tick at this time (seconds since the epoch); replaces the timer before. 0: none."""

    at: float


@dataclass(slots=True, frozen=True)
class TearDown:
    """Volumes, cgroup and whatever else the pod has on the node, but not its logs. Answer: TornDown."""


@dataclass(slots=True, frozen=True)
class DeletePod:
    """Remove the object from the API, with grace 0 and its uid. Answer: PodDeleted."""


@dataclass(slots=True, frozen=True)
class Finish:
    """Nothing is left to do: remove sandboxes, dead containers and directories, and end the worker."""


Instruction = (
    PrepareVolumes
    | CreateSandbox
    | StopSandbox
    | PullImage
    | StartContainer
    | RunPostStart
    | KillContainer
    | RemoveContainer
    | RunProbe
    | PublishStatus
    | RecordEvent
    | SetTimer
    | TearDown
    | DeletePod
    | Finish
)


class Output:
    """What one event led to: the instructions in order, and the next moment worth a Tick."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.wake_at = 0.0

    def do(self, instruction: Instruction) -> None:
        self.instructions.append(instruction)

    def event(self, type: str, reason: str, message: str, container: str = "") -> None:
        self.instructions.append(RecordEvent(type, reason, message, container))

    def wake(self, at: float) -> None:
        if not self.wake_at or at < self.wake_at:
            self.wake_at = at
