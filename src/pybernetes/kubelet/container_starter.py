"""Creates and starts one container: environment, mounts, termination log, CRI create, CRI start.

Raises `StartProblem` with the waiting reason that the API shows. Events as upstream words them.
"""

from __future__ import annotations

import os

from pybernetes.api.errors import APIError
from pybernetes.kubelet.context import NodeContext
from pybernetes.kubelet.cri import configs
from pybernetes.kubelet.cri.errors import RuntimeFailure
from pybernetes.kubelet.cri.messages import api_pb2
from pybernetes.kubelet.environment import names, variables
from pybernetes.kubelet.machine.instructions import StartContainer
from pybernetes.kubelet.machine.model import EPHEMERAL, Object, PodState
from pybernetes.kubelet.resources import security
from pybernetes.kubelet.resources.oom import oom_score_adj
from pybernetes.kubelet.volumes.manager import Mounted, VolumeFailed


class StartProblem(Exception):
    """Why a container did not start; `container_id` is set when it was created."""

    def __init__(self, reason: str, message: str, container_id: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.container_id = container_id


def pod_ips(node: NodeContext, state: PodState) -> tuple[str, ...]:
    return node.host_ips if state.spec.get("hostNetwork") else state.sandbox_ips


async def environment(node: NodeContext, state: PodState, container: Object) -> dict[str, str]:
    """The container's variables. Raises StartProblem."""
    pod = state.pod
    namespace = pod["metadata"].get("namespace", "default")
    wanted = variables.references(container)
    try:
        if wanted:
            await node.references.need(pod["metadata"]["uid"], namespace, wanted)
        return variables.build(
            pod,
            container,
            node.references.lookup(namespace),
            node.services(),
            ips=pod_ips(node, state),
            host_ips=node.host_ips,
            allocatable=node.allocatable,
        )
    except (variables.ConfigurationMissing, APIError) as error:
        raise StartProblem("CreateContainerConfigError", str(error)) from error


async def create(
    node: NodeContext,
    state: PodState,
    order: StartContainer,
    sandbox_config: api_pb2.PodSandboxConfig,
    image: object,
) -> str:
    """CRI's id of the created container."""
    pod = state.pod
    record = state.records[order.container]
    container = record.spec
    values = await environment(node, state, container)
    try:
        security.check_user(pod, container, image)
        mounted = node.volumes.mounts_of(pod, container, values)
        mounted += _own_mounts(node, state, container, order.attempt, mounted)
    except (security.RunAsRootRefused, VolumeFailed, OSError) as error:
        raise StartProblem("CreateContainerConfigError", str(error)) from error
    config = configs.container_config(
        pod,
        container,
        order.attempt,
        image_id=order.image_id,
        variables=values,
        mounts=mounted,
        log_path=f"{order.container}/{order.attempt}.log",
        oom_score=oom_score_adj(pod, container, node.memory),
        target=_target(state, container) if record.kind == EPHEMERAL else "",
        hold=node.cgroups.hold,
    )
    os.makedirs(node.layout.pod_logs(state.meta) / order.container, exist_ok=True)
    try:
        return await node.cri.create_container(order.sandbox, config, sandbox_config)
    except RuntimeFailure as error:
        raise StartProblem("CreateContainerError", error.description) from error


def _target(state: PodState, container: Object) -> str:
    target = state.records.get(container.get("targetContainerName") or "")
    return target.current.id if target is not None and target.current is not None else ""


def _own_mounts(
    node: NodeContext, state: PodState, container: Object, attempt: int, mounted: list[Mounted]
) -> list[Mounted]:
    """/etc/hosts and the termination log, unless the container mounts something there itself."""
    taken = {mount.container_path for mount in mounted}
    uid = state.meta["uid"]
    result = []
    if "/etc/hosts" not in taken:
        result.append(Mounted("/etc/hosts", str(write_hosts(node, state))))
    path = container.get("terminationMessagePath") or configs.TERMINATION_PATH
    if path not in taken:
        log = node.layout.termination_log(uid, container["name"], attempt)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        log.chmod(0o666)
        result.append(Mounted(path, str(log)))
    return result


def write_hosts(node: NodeContext, state: PodState) -> str:
    """The pod's managed hosts file, written once a sandbox."""
    path = node.layout.hosts(state.meta["uid"])
    own = ""
    if state.spec.get("hostNetwork"):
        try:
            with open("/etc/hosts") as file:
                own = file.read()
        except OSError:
            own = "127.0.0.1\tlocalhost\n"
    text = names.hosts_file(state.pod, pod_ips(node, state), node.options.cluster_domain, own)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        path.chmod(0o644)
    return str(path)
