"""What the pod machine knows: what the runtime was seen to hold, and a record for each container.

Times are seconds since the epoch. `Sandbox` and `Container` are observations, made by the shell from CRI;
`Record` and `PodState` are the machine's own memory and are changed by the machine only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pybernetes.kubelet.machine.probing import ProbeState

Object = dict[str, Any]

CREATED, RUNNING, EXITED, UNKNOWN = "created", "running", "exited", "unknown"
LOST_EXIT, LOST_REASON = 137, "ContainerStatusUnknown"
LOST_MESSAGE = "The container could not be located when the pod was terminated"
INIT, SIDECAR, REGULAR, EPHEMERAL = "init", "sidecar", "regular", "ephemeral"


@dataclass(slots=True, frozen=True)
class Sandbox:
    """A pod sandbox as CRI shows it."""

    id: str
    attempt: int = 0
    ready: bool = True
    created: float = 0
    ips: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Container:
    """One attempt of a container as CRI shows it; `message` is what it left in its termination log."""

    id: str
    name: str
    sandbox: str
    attempt: int = 0
    state: str = RUNNING
    created: float = 0
    started: float = 0
    finished: float = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_id: str = ""
    spec_hash: str = ""


@dataclass(slots=True)
class CrashBackoff:
    """Upstream's CrashLoopBackOff: none, then 10 s doubling to 300 s, forgotten after 600 s without a restart."""

    delay: float = 0
    updated: float = 0

    def _expired(self, since: float) -> bool:
        return since - self.updated > 2 * CRASH_LIMIT

    def until(self, finished: float) -> float:
        """When a container that ended at `finished` may start again (0: at once)."""
        if not self.delay or self._expired(finished):
            return 0
        return finished + self.delay

    def restarted(self, finished: float, now: float) -> None:
        if not self.delay or self._expired(finished):
            self.delay = CRASH_INITIAL
        else:
            self.delay = min(self.delay * 2, CRASH_LIMIT)
        self.updated = now


CRASH_INITIAL, CRASH_LIMIT = 10.0, 300.0


@dataclass(slots=True)
class Record:
    """One container of the pod, through all its attempts."""

    spec: Object
    kind: str = REGULAR
    current: Container | None = None
    """The newest attempt that the runtime holds."""
    last: Container | None = None
    """The attempt before it, if that has ended."""
    restarts: int = 0
    operation: str = ""
    """What the shell is doing for it now: pulling, starting, hook, killing."""
    kill_grace: float = 0
    image_ready: str = ""
    """The image's id once it is there for the next start."""
    waiting: tuple[str, str] | None = None
    """Why the last try to start it failed: reason, message."""
    retry_at: float = 0
    pull_delay: float = 0
    pull_failed_at: float = 0
    crash: CrashBackoff = field(default_factory=CrashBackoff)
    backoff_shown: bool = False
    hooked: bool = True
    """False while a postStart hook has yet to end."""
    condemned: tuple[str, float | None] | None = None
    """Why the running container has to be replaced, and a grace other than the pod's."""
    probes: dict[str, ProbeState] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def running(self) -> bool:
        return self.current is not None and self.current.state == RUNNING

    @property
    def alive(self) -> bool:
        """The runtime holds something that has to be stopped before the pod is gone."""
        return self.current is not None and self.current.state in (RUNNING, CREATED, UNKNOWN)

    @property
    def exited(self) -> bool:
        return self.current is not None and self.current.state == EXITED

    @property
    def started(self) -> bool:
        """Running, postStart done, and past its startup probe."""
        startup = self.probes.get("startup")
        return self.running and self.hooked and (startup is None or startup.passed)

    @property
    def ready(self) -> bool:
        readiness = self.probes.get("readiness")
        return self.started and (readiness is None or readiness.passed)


@dataclass(slots=True, frozen=True)
class Ending:
    """Why the whole pod is to stop. `phase` is the phase it must end in, "" when its containers decide."""

    cause: str
    reason: str = ""
    message: str = ""
    phase: str = ""
    condition: Object | None = None
    grace: float | None = None


@dataclass(slots=True)
class PodState:
    """Everything about one pod."""

    pod: Object
    host_ips: tuple[str, ...] = ()
    records: dict[str, Record] = field(default_factory=dict)
    sandbox: Sandbox | None = None
    """The newest sandbox, ready or not."""
    sandbox_ips: tuple[str, ...] = ()
    known: bool = False
    """Whether the runtime has been looked at."""
    volumes: str = ""
    """"" (none asked for), preparing, ready, failed, gone."""
    volumes_retry_at: float = 0
    sandbox_operation: str = ""
    sandbox_retry_at: float = 0
    stopped_sandbox: str = ""
    """The id of the sandbox that has been stopped in an orderly way."""
    ending: Ending | None = None
    ending_since: float = 0
    removed: bool = False
    torn_down: str = ""
    """"", running, done."""
    teardown_retry_at: float = 0
    deletion: str = ""
    """"", running, done: the pod's removal from the API."""
    finished: bool = False
    started_at: float = 0
    conditions: list[Object] = field(default_factory=list)
    phase: str = "Pending"
    final: bool = False
    """The pod had ended before this machine was made: what the API shows of it stays as it is."""

    @property
    def meta(self) -> Object:
        metadata: Object = self.pod["metadata"]
        return metadata

    @property
    def spec(self) -> Object:
        spec: Object = self.pod["spec"]
        return spec

    @property
    def deleted(self) -> bool:
        return self.removed or bool(self.meta.get("deletionTimestamp"))

    @property
    def released(self) -> bool:
        """Everything of it has stopped for good: what it had of the node is there for other pods."""
        return self.torn_down != ""

    @property
    def policy(self) -> str:
        return str(self.spec.get("restartPolicy", "Always"))

    @property
    def ready_sandbox(self) -> Sandbox | None:
        return self.sandbox if self.sandbox is not None and self.sandbox.ready else None

    def of_kind(self, *kinds: str) -> list[Record]:
        return [record for record in self.records.values() if record.kind in kinds]

    def in_sandbox(self, record: Record) -> Container | None:
        """The record's current container if it belongs to the sandbox of now."""
        current = record.current
        if current is None or self.sandbox is None or current.sandbox != self.sandbox.id:
            return None
        return current


def container_specs(spec: Object) -> list[tuple[str, Object]]:
    """`(kind, container)` of a pod spec: init containers in order, then the others."""
    found: list[tuple[str, Object]] = []
    for container in spec.get("initContainers") or ():
        found.append((SIDECAR if container.get("restartPolicy") == "Always" else INIT, container))
    found += [(REGULAR, container) for container in spec.get("containers") or ()]
    found += [(EPHEMERAL, container) for container in spec.get("ephemeralContainers") or ()]
    return found


def full_name(pod: Object) -> str:
    """`name_namespace(uid)`, as upstream names a pod in messages."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta.get('namespace', 'default')}({meta.get('uid', '')})"


def spec_hash(container: Object) -> str:
    """What has to change for a running container to be replaced: its name and image."""
    import hashlib

    text = f"{container['name']}\0{container.get('image', '')}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]
