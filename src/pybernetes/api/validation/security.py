"""Security contexts of pods and containers, and what a pod shares with its node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    Inside,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from pybernetes.api.validation.paths import descending
from pybernetes.api.validation.values import MAX_INT32

Object = dict[str, Any]

_SYSCTL_NAME = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
_SYSCTL_LENGTH = 253
_PROFILE_LENGTH = 4095
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_CHOICES = (
    ("supplementalGroupsPolicy", ("Merge", "Strict")),
    ("seLinuxChangePolicy", ("Recursive",)),
)
_PROC_MOUNTS = ("Default", "Unmasked")
_NO_WINDOWS_POD = "cannot be set for a windows pod"
_NO_LINUX_POD = "windows options cannot be set for a linux pod"
_LINUX_ONLY = (
    ("appArmorProfile", "securityContext"),
    ("seLinuxOptions", "securityContext"),
    ("hostUsers", ""),
    ("hostPID", ""),
    ("hostIPC", ""),
    ("seccompProfile", "securityContext"),
    ("fsGroup", "securityContext"),
    ("fsGroupChangePolicy", "securityContext"),
    ("sysctls", "securityContext"),
    ("shareProcessNamespace", ""),
    ("runAsUser", "securityContext"),
    ("runAsGroup", "securityContext"),
    ("supplementalGroups", "securityContext"),
    ("supplementalGroupsPolicy", "securityContext"),
    ("seLinuxChangePolicy", "securityContext"),
)
_LINUX_ONLY_OF_CONTAINERS = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


def containers_of(spec: Object, path: FieldPath) -> Iterator[tuple[Object, FieldPath]]:
    """All containers of a pod spec with their paths."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for position, container in enumerate(spec.get(field) or ()):
            yield container, path.child(field).at(position)


def _identity(number: int | None, path: FieldPath) -> list[FieldError]:
    if number is None or 0 <= number <= MAX_INT32:
        return []
    return [invalid(path, number, f"must be between 0 and {MAX_INT32}, inclusive")]


def validate_pod_context(spec: Object, path: FieldPath) -> list[FieldError]:
    """`spec.securityContext` at `path`."""
    context = spec.get("securityContext")
    if not context and not spec.get("hostPID"):
        return []
    context = context or {}
    errors: list[FieldError] = []
    for field in ("fsGroup", "runAsUser", "runAsGroup"):
        errors += _identity(context.get(field), path.child(field))
    for position, group in enumerate(context.get("supplementalGroups") or ()):
        errors += _identity(group, path.child("supplementalGroups").at(position))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(path.child("shareProcessNamespace"), True, why))
    errors += _sysctls(spec, context.get("sysctls") or [], path.child("sysctls"))
    policy = context.get("fsGroupChangePolicy")
    if policy is not None and policy not in ("Always", "OnRootMismatch"):
        errors.append(not_supported(path.child("fsGroupChangePolicy"), policy, ("Always", "OnRootMismatch")))
    errors += _seccomp(context.get("seccompProfile"), path.child("seccompProfile"))
    errors += _apparmor(context.get("appArmorProfile"), path.child("appArmorProfile"))
    for field, choices in _CHOICES:
        value = context.get(field)
        if value is not None and value not in choices:
            errors.append(not_supported(path.child(field), value, choices))
    return errors


def validate_container_context(context: Object, spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("runAsUser", "runAsGroup"):
        errors += _identity(context.get(field), path.child(field))
    mount = context.get("procMount")
    if mount is not None:
        if mount not in _PROC_MOUNTS:
            errors.append(not_supported(path.child("procMount"), mount, _PROC_MOUNTS))
        if mount == "Unmasked" and spec.get("hostUsers") is not False:
            why = "`hostUsers` must be false to use `Unmasked`"
            errors.append(invalid(path.child("procMount"), mount, why))
    errors += _seccomp(context.get("seccompProfile"), path.child("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        shown = _shown(context)
        if context.get("privileged"):
            why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(invalid(path, shown, why))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(path, shown, why))
    return errors + _apparmor(context.get("appArmorProfile"), path.child("appArmorProfile"))


def _shown(context: Object) -> Inside:
    """A container's context as upstream has it in itself."""

    def part(field: str, *names: tuple[str, str]) -> Inside | None:
        value = context.get(field)
        return None if value is None else Inside({shown: value.get(name) for name, shown in names})

    capabilities = part("capabilities", ("add", "Add"), ("drop", "Drop"))
    selinux = context.get("seLinuxOptions")
    profile = ("type", "Type"), ("localhostProfile", "LocalhostProfile")
    windows = (
        ("gmsaCredentialSpecName", "GMSACredentialSpecName"),
        ("gmsaCredentialSpec", "GMSACredentialSpec"),
        ("runAsUserName", "RunAsUserName"),
        ("hostProcess", "HostProcess"),
    )
    return Inside(
        Capabilities=capabilities,
        Privileged=context.get("privileged"),
        SELinuxOptions=None
        if selinux is None
        else Inside(
            {name.capitalize(): selinux.get(name) or "" for name in ("user", "role", "type", "level")}
        ),
        WindowsOptions=part("windowsOptions", *windows),
        RunAsUser=context.get("runAsUser"),
        RunAsGroup=context.get("runAsGroup"),
        RunAsNonRoot=context.get("runAsNonRoot"),
        ReadOnlyRootFilesystem=context.get("readOnlyRootFilesystem"),
        AllowPrivilegeEscalation=context.get("allowPrivilegeEscalation"),
        ProcMount=context.get("procMount"),
        SeccompProfile=part("seccompProfile", *profile),
        AppArmorProfile=part("appArmorProfile", *profile),
    )


def _seccomp(profile: Object | None, path: FieldPath) -> list[FieldError]:
    if profile is None:
        return []
    errors: list[FieldError] = []
    kind, where = profile.get("type") or "", path.child("type")
    if not kind:
        errors.append(required(where, "type is required when seccompProfile is set"))
    elif kind not in _PROFILES:
        errors.append(not_supported(where, kind, _PROFILES))
    local, where = profile.get("localhostProfile"), path.child("localhostProfile")
    if kind == "Localhost":
        if local is None:
            errors.append(required(where, "must be set when seccomp type is Localhost"))
        else:
            errors += descending(local, where)
    elif local is not None:
        shown = Inside(Type=kind, LocalhostProfile=local)
        errors.append(invalid(where, shown, "can only be set when seccomp type is Localhost"))
    return errors


def _apparmor(profile: Object | None, path: FieldPath) -> list[FieldError]:
    if profile is None:
        return []
    kind, local, where = (
        profile.get("type") or "",
        profile.get("localhostProfile"),
        path.child("localhostProfile"),
    )
    if not kind:
        return [required(path.child("type"), "type is required when appArmorProfile is set")]
    if kind not in _PROFILES:
        return [not_supported(path.child("type"), kind, _PROFILES)]
    if kind != "Localhost":
        why = "can only be set when AppArmor type is Localhost"
        return [] if local is None else [invalid(where, local, why)]
    if not local:
        return [required(where, "must be set when AppArmor type is Localhost")]
    errors = []
    if local != local.strip():
        errors.append(invalid(where, local, "must not be padded with whitespace"))
    if len(local) > _PROFILE_LENGTH:
        errors.append(too_long(where, _PROFILE_LENGTH))
    return errors


def _sysctls(spec: Object, sysctls: list[Object], path: FieldPath) -> list[FieldError]:
    """Kernel parameters: well-formed names, each once, none of a namespace that the pod shares with its node."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, setting in enumerate(sysctls):
        name = setting.get("name") or ""
        where = path.at(position).child("name")
        if not name:
            errors.append(required(where))
        elif len(name) > _SYSCTL_LENGTH or not _SYSCTL_NAME.fullmatch(name):
            why = f"must have at most {_SYSCTL_LENGTH} characters and match regex ^{_SYSCTL_NAME.pattern}$"
            errors.append(invalid(where, name, why))
        elif name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
        for field, belongs in (("hostNetwork", _of_network), ("hostIPC", _of_ipc)):
            if spec.get(field) and belongs(name.replace("/", ".")):
                errors.append(invalid(where, name, f"may not be specified when '{field}' is true"))
    return errors


def _of_network(sysctl: str) -> bool:
    return sysctl.startswith("net.")


def _of_ipc(sysctl: str) -> bool:
    return sysctl == "kernel.sem" or sysctl.startswith(("kernel.shm", "kernel.msg", "fs.mqueue."))


def validate_host_users(spec: Object, path: FieldPath) -> list[FieldError]:
    """A pod with users of its own shares nothing else with its node."""
    if spec.get("hostUsers") is not False:
        return []
    why = "when `hostUsers` is false"
    shared = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    errors = [forbidden(path.child(shown), why) for field, shown in shared if spec.get(field)]
    return errors + [
        forbidden(where.child("volumeDevices"), why)
        for container, where in containers_of(spec, path)
        if container.get("volumeDevices")
    ]


def validate_host_processes(spec: Object, path: FieldPath) -> list[FieldError]:
    """Windows host processes: all containers or none, on the node's network."""
    of_pod = ((spec.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
    errors: list[FieldError] = []
    count = having = 0
    for container, where in containers_of(spec, path):
        count += 1
        own = ((container.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
        if of_pod is not None and own is not None and own != of_pod:
            shown = "true" if of_pod else "false"
            why = f"pod hostProcess value must be identical if both are specified, was {shown}"
            errors.append(invalid(where.child("securityContext", "windowsOptions", "hostProcess"), own, why))
        having += bool(of_pod if own is None else own)
    if not having:
        return errors
    if having != count:
        why = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.append(invalid(path, "", why))
    if not spec.get("hostNetwork"):
        why = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(invalid(path.child("hostNetwork"), False, why))
    return errors


def validate_system(spec: Object, path: FieldPath) -> list[FieldError]:
    """`spec.os`: what belongs to the other system may not be set."""
    system, where = (spec.get("os") or {}).get("name") or "", path.child("os")
    if not system:
        return [required(where.child("name"))]
    if system not in ("linux", "windows"):
        return [not_supported(where, system, ("linux", "windows"))]
    context = spec.get("securityContext") or {}
    errors: list[FieldError] = []
    if system == "linux":
        if context.get("windowsOptions") is not None:
            errors.append(forbidden(path.child("securityContext", "windowsOptions"), _NO_LINUX_POD))
        return errors + [
            forbidden(place.child("securityContext", "windowsOptions"), _NO_LINUX_POD)
            for container, place in containers_of(spec, path)
            if (container.get("securityContext") or {}).get("windowsOptions") is not None
        ]
    for field, holder in _LINUX_ONLY:
        value = (context if holder else spec).get(field)
        if value is not None and value != []:
            place = path.child(holder, field) if holder else path.child(field)
            errors.append(forbidden(place, _NO_WINDOWS_POD))
    for container, place in containers_of(spec, path):
        own = container.get("securityContext") or {}
        errors += [
            forbidden(place.child("securityContext", field), _NO_WINDOWS_POD)
            for field in _LINUX_ONLY_OF_CONTAINERS
            if own.get(field) is not None
        ]
    return errors
