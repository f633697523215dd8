"""CRI's answers as the machine's observations, and the whole of a node or a pod in few calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pybernetes.kubelet.cri import labels
from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.cri.errors import RuntimeNotFound
from pybernetes.kubelet.cri.messages import api_pb2
from pybernetes.kubelet.machine import model
from pybernetes.kubelet.machine.events import Observed
from pybernetes.kubelet.machine.model import Container, Sandbox

_STATES = {0: model.CREATED, 1: model.RUNNING, 2: model.EXITED, 3: model.UNKNOWN}
NANO = 1_000_000_000

Message = Callable[[str, "api_pb2.ContainerStatus"], str]
"""(pod uid, status of an ended container) -> its termination message"""


def container_state(number: int) -> str:
    return _STATES.get(number, model.UNKNOWN)


def container(status: api_pb2.ContainerStatus, sandbox: str, message: Message | None = None) -> Container:
    state = container_state(status.state)
    uid = status.labels.get(labels.POD_UID, "")
    left = ""
    if state == model.EXITED:
        left = message(uid, status) if message is not None else ""
        left = left or (status.message if status.reason not in ("Completed", "Error") else "")
    reason = status.reason
    if state == model.EXITED and not reason:
        reason = "Completed" if status.exit_code == 0 else "Error"
    return Container(
        id=status.id,
        name=status.labels.get(labels.CONTAINER_NAME) or status.metadata.name,
        sandbox=sandbox,
        attempt=status.metadata.attempt,
        state=state,
        created=status.created_at / NANO,
        started=status.started_at / NANO,
        finished=status.finished_at / NANO,
        exit_code=status.exit_code,
        reason=reason if state == model.EXITED else "",
        message=left,
        image=status.image.image,
        image_id=status.image_ref,
        spec_hash=status.annotations.get(labels.HASH, ""),
    )


def sandbox(status: api_pb2.PodSandboxStatus) -> Sandbox:
    ips = []
    if status.network.ip:
        ips = [status.network.ip, *(extra.ip for extra in status.network.additional_ips)]
    return Sandbox(
        id=status.id,
        attempt=status.metadata.attempt,
        ready=status.state == api_pb2.PodSandboxState.Value("SANDBOX_READY"),
        created=status.created_at / NANO,
        ips=tuple(ips),
    )


async def observe(
    cri: CRIClient,
    sandboxes: list[api_pb2.PodSandbox],
    containers: list[api_pb2.Container],
    message: Message | None = None,
) -> Observed:
    """The details of what two list calls named. What vanishes in between is left out."""

    async def one_sandbox(item: api_pb2.PodSandbox) -> Sandbox | None:
        try:
            return sandbox(await cri.sandbox_status(item.id))
        except RuntimeNotFound:
            return None

    async def one_container(item: api_pb2.Container) -> Container | None:
        try:
            return container(await cri.container_status(item.id), item.pod_sandbox_id, message)
        except RuntimeNotFound:
            return None

    found_sandboxes = await asyncio.gather(*(one_sandbox(item) for item in sandboxes))
    found_containers = await asyncio.gather(*(one_container(item) for item in containers))
    newest_first = sorted((s for s in found_sandboxes if s is not None), key=lambda s: -s.created)
    return Observed(tuple(newest_first), tuple(c for c in found_containers if c is not None))


async def observe_pod(cri: CRIClient, uid: str, message: Message | None = None) -> Observed:
    wanted = {labels.POD_UID: uid}
    sandboxes, containers = await asyncio.gather(cri.list_sandboxes(wanted), cri.list_containers(wanted))
    return await observe(cri, sandboxes, containers, message)
