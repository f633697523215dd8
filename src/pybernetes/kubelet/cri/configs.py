"""Pod and container specs as CRI's PodSandboxConfig and ContainerConfig. Pure: everything comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pybernetes.kubelet.cri import labels
from pybernetes.kubelet.cri.messages import api_pb2
from pybernetes.kubelet.environment.expansion import expand
from pybernetes.kubelet.environment.names import Resolver
from pybernetes.kubelet.machine.model import Object, spec_hash
from pybernetes.kubelet.resources import security
from pybernetes.kubelet.resources.cgroups import PERIOD, quota, shares
from pybernetes.kubelet.volumes.manager import Mounted
from pybernetes.semantics.resources import amounts

TERMINATION_PATH = "/dev/termination-log"
_PROPAGATION = {
    "None": "PROPAGATION_PRIVATE",
    "HostToContainer": "PROPAGATION_HOST_TO_CONTAINER",
    "Bidirectional": "PROPAGATION_BIDIRECTIONAL",
}


def sandbox_config(
    pod: Object,
    attempt: int,
    *,
    hostname: str,
    resolver: Resolver,
    log_directory: str,
    cgroup_parent: str,
    seen: str = "",
) -> api_pb2.PodSandboxConfig:
    meta, spec = pod["metadata"], pod["spec"]
    protocols = api_pb2.Protocol
    ports = [
        api_pb2.PortMapping(
            protocol=protocols.Value(port.get("protocol", "TCP")),
            container_port=port["containerPort"],
            host_port=port["hostPort"],
            host_ip=port.get("hostIP", ""),
        )
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort") and not spec.get("hostNetwork")
    ]
    annotations = {labels.CONFIG_SOURCE: "api", **(meta.get("annotations") or {})}
    if seen:
        annotations[labels.CONFIG_SEEN] = seen
    sysctls = (spec.get("securityContext") or {}).get("sysctls") or ()
    return api_pb2.PodSandboxConfig(
        metadata=api_pb2.PodSandboxMetadata(
            name=meta["name"], namespace=meta.get("namespace", "default"), uid=meta["uid"], attempt=attempt
        ),
        hostname="" if spec.get("hostNetwork") else hostname,
        log_directory=log_directory,
        dns_config=api_pb2.DNSConfig(
            servers=resolver.servers, searches=resolver.searches, options=resolver.options
        ),
        port_mappings=ports,
        labels={**(meta.get("labels") or {}), **labels.pod_labels(pod)},
        annotations=annotations,
        linux=api_pb2.LinuxPodSandboxConfig(
            cgroup_parent=cgroup_parent,
            security_context=security.sandbox_context(pod),
            sysctls={one["name"]: one["value"] for one in sysctls},
        ),
    )


def container_resources(container: Object, oom_score: int, hold: Callable[[int], int] = int) -> Any:
    """cpu shares, quota and the memory limit; a limit without a request counts as the request.

    `hold` cuts a quota to what the kernel takes (`Cgroups.hold`)."""
    resources = container.get("resources") or {}
    requests, limits = amounts(resources.get("requests")), amounts(resources.get("limits"))
    return api_pb2.LinuxContainerResources(
        cpu_shares=shares(requests.get("cpu", limits.get("cpu", 0))),
        cpu_quota=hold(quota(limits.get("cpu", 0))),
        cpu_period=PERIOD,
        memory_limit_in_bytes=limits.get("memory", 0),
        oom_score_adj=oom_score,
    )


def container_config(
    pod: Object,
    container: Object,
    attempt: int,
    *,
    image_id: str,
    variables: Mapping[str, str],
    mounts: list[Mounted],
    log_path: str,
    oom_score: int,
    target: str = "",
    hold: Callable[[int], int] = int,
) -> api_pb2.ContainerConfig:
    propagations = api_pb2.MountPropagation
    grace = pod["spec"].get("terminationGracePeriodSeconds")
    annotations = {
        labels.HASH: spec_hash(container),
        labels.RESTART_COUNT: str(attempt),
        labels.TERMINATION_PATH: container.get("terminationMessagePath") or TERMINATION_PATH,
        labels.TERMINATION_POLICY: container.get("terminationMessagePolicy") or "File",
    }
    if grace is not None:
        annotations[labels.POD_GRACE] = str(grace)
    return api_pb2.ContainerConfig(
        metadata=api_pb2.ContainerMetadata(name=container["name"], attempt=attempt),
        image=api_pb2.ImageSpec(image=image_id, user_specified_image=container.get("image", "")),
        command=[expand(word, variables) for word in container.get("command") or ()],
        args=[expand(word, variables) for word in container.get("args") or ()],
        working_dir=container.get("workingDir") or "",
        envs=[api_pb2.KeyValue(key=name, value=_text(value)) for name, value in variables.items()],
        mounts=[
            api_pb2.Mount(
                container_path=mount.container_path,
                host_path=mount.host_path,
                readonly=mount.read_only,
                propagation=propagations.Value(_PROPAGATION[mount.propagation]),
            )
            for mount in mounts
        ],
        labels=labels.container_labels(pod, container),
        annotations=annotations,
        log_path=log_path,
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        linux=api_pb2.LinuxContainerConfig(
            resources=container_resources(container, oom_score, hold),
            security_context=security.container_context(pod, container, target),
        ),
    )


def _text(value: str) -> str:
    """Protobuf strings are UTF-8; bytes that are not are replaced."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
