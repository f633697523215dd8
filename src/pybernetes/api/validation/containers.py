"""Containers of a pod: ordinary ones, init containers and ephemeral ones."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label, is_port_name
from pybernetes.api.validation.environment import validate_env, validate_env_from
from pybernetes.api.validation.probes import validate_lifecycle, validate_probes
from pybernetes.api.validation.resources import validate_requirements
from pybernetes.api.validation.values import PROTOCOLS, one_of_required, port_number
from pybernetes.api.validation.volumes import Volumes, validate_devices, validate_mounts

Object = dict[str, Any]

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_NOT_IN_INIT = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_NOT_IN_EPHEMERAL = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")
_MAX_ID = 2**31 - 1


def validate_containers(spec: Object, volumes: Volumes, path: FieldPath) -> list[FieldError]:
    """All containers of a pod spec at `path`."""
    errors: list[FieldError] = []
    names: set[str] = set()
    host_network = bool(spec.get("hostNetwork"))
    containers = spec.get("containers") or []
    where = path.child("containers")
    if not containers:
        errors.append(required(where))
    taken: set[str] = set()
    for position, container in enumerate(containers):
        place = where.at(position)
        errors.extend(_validate(container, volumes, place, names, host_network))
        errors.extend(_host_ports(container, place, taken))
        if container.get("lifecycle") is not None:
            errors.extend(validate_lifecycle(container["lifecycle"], place.child("lifecycle")))
        errors.extend(validate_probes(container, place))
    where = path.child("initContainers")
    for position, container in enumerate(spec.get("initContainers") or ()):
        place = where.at(position)
        errors.extend(_validate(container, volumes, place, names, host_network))
        if container.get("restartPolicy") == "Always":
            errors.extend(_host_ports(container, place, taken))
            if container.get("lifecycle") is not None:
                errors.extend(validate_lifecycle(container["lifecycle"], place.child("lifecycle")))
            errors.extend(validate_probes(container, place))
        else:
            why = "may not be set for init containers without restartPolicy=Always"
            errors.extend(
                forbidden(place.child(one), why) for one in _NOT_IN_INIT if container.get(one) is not None
            )
    errors.extend(_validate_ephemeral(spec, names, volumes, path.child("ephemeralContainers")))
    return errors


def _validate_ephemeral(spec: Object, names: set[str], volumes: Volumes, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    others = {one.get("name") for field in ("containers", "initContainers") for one in spec.get(field) or ()}
    for position, container in enumerate(spec.get("ephemeralContainers") or ()):
        place = path.at(position)
        errors.extend(_validate(container, volumes, place, names, False))
        target = container.get("targetContainerName")
        if target and target not in others:
            errors.append(FieldError("FieldValueNotFound", place.child("targetContainerName"), target))
        errors.extend(
            forbidden(place.child(field), "cannot be set for an Ephemeral Container")
            for field in _NOT_IN_EPHEMERAL
            if container.get(field)
        )
        if any((container.get("resources") or {}).values()):
            errors.append(forbidden(place.child("resources"), "cannot be set for an Ephemeral Container"))
    return errors


def _validate(
    container: Object, volumes: Volumes, path: FieldPath, names: set[str], host_network: bool
) -> list[FieldError]:
    errors: list[FieldError] = []
    name, image = container.get("name") or "", container.get("image") or ""
    if not name:
        errors.append(required(path.child("name")))
    else:
        errors.extend(invalid(path.child("name"), name, why) for why in is_dns1123_label(name))
        if name in names:
            errors.append(duplicate(path.child("name"), name))
        names.add(name)
    if not image:
        errors.append(required(path.child("image")))
    elif image != image.strip():
        errors.append(invalid(path.child("image"), image, "must not have leading or trailing whitespace"))
    policy = container.get("terminationMessagePolicy")
    errors.extend(one_of_required(policy, _MESSAGE_POLICIES, path.child("terminationMessagePolicy")))
    errors.extend(validate_ports(container.get("ports") or [], path.child("ports"), host_network))
    errors.extend(validate_env(container.get("env") or [], path.child("env")))
    errors.extend(validate_env_from(container.get("envFrom") or [], path.child("envFrom")))
    errors.extend(validate_mounts(container, volumes, path))
    if container.get("volumeDevices"):
        errors.extend(validate_devices(container, volumes, path))
    errors.extend(
        one_of_required(container.get("imagePullPolicy"), _PULL_POLICIES, path.child("imagePullPolicy"))
    )
    errors.extend(validate_requirements(container.get("resources") or {}, path.child("resources")))
    policy = container.get("restartPolicy")
    if policy is not None and policy not in _RESTART_POLICIES:
        errors.append(not_supported(path.child("restartPolicy"), policy, _RESTART_POLICIES))
    if container.get("securityContext") is not None:
        errors.extend(_security(container["securityContext"], path.child("securityContext")))
    return errors


def validate_ports(ports: list[Object], path: FieldPath, host_network: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, port in enumerate(ports):
        where = path.at(position)
        name = port.get("name")
        if name:
            wrong = is_port_name(name)
            errors.extend(invalid(where.child("name"), name, why) for why in wrong)
            if not wrong and name in names:
                errors.append(duplicate(where.child("name"), name))
            names.add(name)
        number = port.get("containerPort") or 0
        if number == 0:
            errors.append(required(where.child("containerPort")))
        else:
            errors.extend(port_number(number, where.child("containerPort")))
        host = port.get("hostPort") or 0
        if host:
            errors.extend(port_number(host, where.child("hostPort")))
            if host_network and host != number:
                why = "must match `hostPort` when `hostNetwork` is true"
                errors.append(invalid(where.child("containerPort"), number, why))
        errors.extend(one_of_required(port.get("protocol"), PROTOCOLS, where.child("protocol")))
    return errors


def _host_ports(container: Object, path: FieldPath, taken: set[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, port in enumerate(container.get("ports") or ()):
        host = port.get("hostPort")
        if host:
            key = f"{port.get('protocol', 'TCP')}/{port.get('hostIP') or ''}/{host}"
            if key in taken:
                errors.append(duplicate(path.child("ports").at(position).child("hostPort"), key))
            taken.add(key)
    return errors


def _security(context: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("runAsUser", "runAsGroup"):
        number = context.get(field)
        if number is not None and not 0 <= number <= _MAX_ID:
            why = f"must be between 0 and {_MAX_ID}, inclusive"
            errors.append(invalid(path.child(field), number, why))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(invalid(path, context, why))
        elif "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(path, context, why))
    return errors
