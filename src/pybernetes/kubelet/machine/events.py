"""What the shell tells the machine. Each names the attempt it is about, so that a late one is ignored."""

from __future__ import annotations

from dataclasses import dataclass

from pybernetes.kubelet.machine.model import Container, Object, Sandbox


@dataclass(slots=True, frozen=True)
class PodChanged:
    """The object in the API changed (its first appearance is the machine's constructor)."""

    pod: Object


@dataclass(slots=True, frozen=True)
class PodRemoved:
    """The object is gone from the API: stop everything, there is nothing left to report to.

    `pod` is its last state, with the grace of its deletion.
    """

    pod: Object | None = None


@dataclass(slots=True, frozen=True)
class PodEvicted:
    """The node wants the pod to end: eviction, preemption by a critical pod, a rejected admission."""

    reason: str
    message: str
    condition: Object | None = None
    grace: float | None = None


@dataclass(slots=True, frozen=True)
class Observed:
    """All that the runtime holds for the pod: sandboxes newest first, containers in any order."""

    sandboxes: tuple[Sandbox, ...]
    containers: tuple[Container, ...]


@dataclass(slots=True, frozen=True)
class ContainerChanged:
    container: Container


@dataclass(slots=True, frozen=True)
class SandboxChanged:
    """The sandbox was seen in a new state; also the answer to CreateSandbox and StopSandbox."""

    sandbox: Sandbox
    answers: bool = False


@dataclass(slots=True, frozen=True)
class SandboxFailed:
    message: str


@dataclass(slots=True, frozen=True)
class VolumesPrepared:
    pass


@dataclass(slots=True, frozen=True)
class VolumesFailed:
    message: str


@dataclass(slots=True, frozen=True)
class ImageReady:
    container: str
    image_id: str


@dataclass(slots=True, frozen=True)
class ImageFailed:
    container: str
    reason: str
    message: str


@dataclass(slots=True, frozen=True)
class StartFailed:
    """`container` is what the runtime was left with, if anything."""

    name: str
    reason: str
    message: str
    container: Container | None = None


@dataclass(slots=True, frozen=True)
class Started:
    container: Container


@dataclass(slots=True, frozen=True)
class HookDone:
    container_id: str
    error: str = ""


@dataclass(slots=True, frozen=True)
class Killed:
    """A KillContainer instruction came to its end (the exit itself arrives as ContainerChanged)."""

    name: str
    container_id: str
    error: str = ""


@dataclass(slots=True, frozen=True)
class ProbeDone:
    """`outcome` is success, failure or error (the probe itself could not be made)."""

    container_id: str
    kind: str
    outcome: str
    message: str = ""


@dataclass(slots=True, frozen=True)
class TornDown:
    error: str = ""


@dataclass(slots=True, frozen=True)
class PodDeleted:
    """The removal from the API was carried out (or found done)."""


@dataclass(slots=True, frozen=True)
class Tick:
    """A timer that the machine asked for."""


Event = (
    PodChanged
    | PodRemoved
    | PodEvicted
    | Observed
    | ContainerChanged
    | SandboxChanged
    | SandboxFailed
    | VolumesPrepared
    | VolumesFailed
    | ImageReady
    | ImageFailed
    | StartFailed
    | Started
    | HookDone
    | Killed
    | ProbeDone
    | TornDown
    | PodDeleted
    | Tick
)
