"""Security contexts: what a pod spec says, as CRI takes it.

Source: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

from __future__ import annotations

from typing import Any

from pybernetes.kubelet.cri.messages import api_pb2
from pybernetes.kubelet.machine.model import Object, full_name
from pybernetes.semantics.pods import containers_of

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class RunAsRootRefused(Exception):
    """runAsNonRoot is set and the container would run as root (or nobody can tell)."""


def effective(pod: Object, container: Object) -> Object:
    """The container's own settings over the pod's."""
    of_pod = pod["spec"].get("securityContext") or {}
    merged: Object = {
        name: of_pod[name]
        for name in (
            "runAsUser",
            "runAsGroup",
            "runAsNonRoot",
            "seccompProfile",
            "appArmorProfile",
            "seLinuxOptions",
        )
        if of_pod.get(name) is not None
    }
    merged.update(
        {name: value for name, value in (container.get("securityContext") or {}).items() if value is not None}
    )
    return merged


def namespaces(pod: Object, container: Object | None = None, target: str = "") -> Any:
    """NamespaceOption of a sandbox (no container) or of a container in it."""
    spec = pod["spec"]
    mode = api_pb2.NamespaceMode
    pid = mode.Value("CONTAINER")
    if spec.get("hostPID"):
        pid = mode.Value("NODE")
    elif spec.get("shareProcessNamespace"):
        pid = mode.Value("POD")
    if target:
        pid = mode.Value("TARGET")
    return api_pb2.NamespaceOption(
        network=mode.Value("NODE") if spec.get("hostNetwork") else mode.Value("POD"),
        pid=pid,
        ipc=mode.Value("NODE") if spec.get("hostIPC") else mode.Value("POD"),
        target_id=target,
    )


def profile(stated: Object | None, *, unset: str = "Unconfined") -> Any:
    """A seccomp or AppArmor profile; Localhost names a file or a loaded profile."""
    kind = (stated or {}).get("type") or unset
    values = api_pb2.SecurityProfile.ProfileType
    if kind == "Localhost":
        reference = (stated or {}).get("localhostProfile", "")
        return api_pb2.SecurityProfile(profile_type=values.Value("Localhost"), localhost_ref=reference)
    return api_pb2.SecurityProfile(profile_type=values.Value(kind))


def supplemental_groups(pod: Object) -> list[int]:
    context = pod["spec"].get("securityContext") or {}
    groups = list(context.get("supplementalGroups") or ())
    if context.get("fsGroup") is not None:
        groups.append(context["fsGroup"])
    return groups


def _id(value: int | None) -> Any:
    return None if value is None else api_pb2.Int64Value(value=value)


def sandbox_context(pod: Object) -> Any:
    context = pod["spec"].get("securityContext") or {}
    privileged = any(
        (container.get("securityContext") or {}).get("privileged") for container in containers_of(pod["spec"])
    )
    return api_pb2.LinuxSandboxSecurityContext(
        namespace_options=namespaces(pod),
        run_as_user=_id(context.get("runAsUser")),
        run_as_group=_id(context.get("runAsGroup")) if context.get("runAsUser") is not None else None,
        supplemental_groups=supplemental_groups(pod),
        privileged=privileged,
        seccomp=profile(None, unset="RuntimeDefault"),
    )


def container_context(pod: Object, container: Object, target: str = "") -> Any:
    """LinuxContainerSecurityContext; `target` is the container whose processes an ephemeral one sees."""
    context = effective(pod, container)
    privileged = bool(context.get("privileged"))
    capabilities = context.get("capabilities") or {}
    unmasked = context.get("procMount") == "Unmasked" or privileged
    return api_pb2.LinuxContainerSecurityContext(
        capabilities=api_pb2.Capability(
            add_capabilities=capabilities.get("add") or [], drop_capabilities=capabilities.get("drop") or []
        ),
        privileged=privileged,
        namespace_options=namespaces(pod, container, target),
        run_as_user=_id(context.get("runAsUser")),
        run_as_group=_id(context.get("runAsGroup")),
        readonly_rootfs=bool(context.get("readOnlyRootFilesystem")),
        supplemental_groups=supplemental_groups(pod),
        no_new_privs=context.get("allowPrivilegeEscalation") is False,
        masked_paths=[] if unmasked else MASKED_PATHS,
        readonly_paths=[] if unmasked else READONLY_PATHS,
        seccomp=profile(context.get("seccompProfile")),
        apparmor=profile(context["appArmorProfile"]) if context.get("appArmorProfile") else None,
    )


def check_user(pod: Object, container: Object, image: Any) -> None:
    """Raise RunAsRootRefused when runAsNonRoot forbids the user that the container would have."""
    context = effective(pod, container)
    if not context.get("runAsNonRoot"):
        return
    where = f'(pod: "{full_name(pod)}", container: {container["name"]})'
    user = context.get("runAsUser")
    if user is not None:
        if user == 0:
            raise RunAsRootRefused(f"container's runAsUser breaks non-root policy {where}")
        return
    if image is None:
        return
    if image.HasField("uid"):
        if image.uid.value == 0:
            raise RunAsRootRefused(f"container has runAsNonRoot and image will run as root {where}")
        return
    if image.username and image.username != "root":
        raise RunAsRootRefused(
            f"container has runAsNonRoot and image has non-numeric user ({image.username}), "
            f"cannot verify user is non-root {where}"
        )
    raise RunAsRootRefused(f"container has runAsNonRoot and image will run as root {where}")
