"""What all pod workers of a node share. Built once, in `kubelet.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pybernetes.client.interface import Client, Object, Recorder
from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.environment.names import Resolver
from pybernetes.kubelet.images.puller import Puller
from pybernetes.kubelet.objects import References
from pybernetes.kubelet.options import KubeletOptions, Layout
from pybernetes.kubelet.probes.runner import Prober
from pybernetes.kubelet.resources.cgroups import Cgroups
from pybernetes.kubelet.status_writer import StatusWriter
from pybernetes.kubelet.volumes.manager import Volumes
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks


def no_services() -> list[Object]:
    return []


Protect = Callable[[Object, tuple[str, ...]], Awaitable[None]]


async def no_protection(pod: Object, addresses: tuple[str, ...]) -> None:
    return


@dataclass(slots=True)
class NodeContext:
    """The node's parts, for a pod worker."""

    options: KubeletOptions
    layout: Layout
    clock: Clock
    tasks: Tasks
    client: Client
    recorder: Recorder
    cri: CRIClient
    references: References
    volumes: Volumes
    puller: Puller
    prober: Prober
    cgroups: Cgroups
    status: StatusWriter
    host_ips: tuple[str, ...] = ()
    resolver: Resolver = field(default_factory=Resolver)
    allocatable: dict[str, int] = field(default_factory=dict)
    """cpu in thousandths, memory and ephemeral-storage in bytes"""
    memory: int = 0
    """The node's capacity in bytes."""
    services: Callable[[], list[Object]] = no_services
    own: Callable[[str, object], None] = lambda runtime_id, worker: None
    """Tells the kubelet that a sandbox or container id belongs to a worker, so that hints find it."""
    finished: Callable[[object], None] = lambda worker: None
    protect: Protect = no_protection
    """Awaited between a pod's sandbox and its first container, with the pod's addresses."""
