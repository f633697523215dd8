"""Containers of a pod: ordinary ones, init containers and ephemeral ones."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_many,
)
from pybernetes.api.names import is_dns1123_label, is_port_name
from pybernetes.api.validation.environment import validate_env, validate_env_from
from pybernetes.api.validation.probes import validate_lifecycle, validate_probes
from pybernetes.api.validation.resources import validate_claims, validate_requirements
from pybernetes.api.validation.security import validate_container_context
from pybernetes.api.validation.values import PROTOCOLS, one_of_required, port_number
from pybernetes.api.validation.volumes import Volumes, validate_devices, validate_mounts

Object = dict[str, Any]

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RULE_ACTIONS = ("Restart", "RestartAllContainers")
_RULE_OPERATORS = ("In", "NotIn")
_MOST_RULES, _MOST_CODES = 20, 255
_RESIZED = ("cpu", "memory")
_RESIZES = ("NotRequired", "RestartContainer")
_NOT_IN_INIT = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_NOT_IN_EPHEMERAL = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)


def validate_containers(spec: Object, volumes: Volumes, path: FieldPath) -> list[FieldError]:
    """All containers of a pod spec at `path`."""
    errors: list[FieldError] = []
    containers = spec.get("containers") or []
    where = path.child("containers")
    if not containers:
        errors.append(required(where))
    names: set[str] = set()
    for position, container in enumerate(containers):
        place = where.at(position)
        errors.extend(_validate(container, spec, volumes, place))
        errors.extend(_name_once(container, names, place))
        errors.extend(_hooks(container, spec, place))
        errors.extend(_restart_policy(container, place))
    errors.extend(_host_ports(containers, where))
    where = path.child("initContainers")
    names = set(names)
    for position, container in enumerate(spec.get("initContainers") or ()):
        errors.extend(_validate_init(container, spec, volumes, names, where, position))
    errors.extend(_validate_ephemeral(spec, names, volumes, path.child("ephemeralContainers")))
    return errors


def _name_once(container: Object, names: set[str], path: FieldPath) -> list[FieldError]:
    name = container.get("name") or ""
    if name in names:
        return [duplicate(path.child("name"), name)]
    names.add(name)
    return []


def _hooks(container: Object, spec: Object, path: FieldPath) -> list[FieldError]:
    grace = spec.get("terminationGracePeriodSeconds")
    errors: list[FieldError] = []
    if container.get("lifecycle") is not None:
        errors.extend(validate_lifecycle(container["lifecycle"], path.child("lifecycle"), grace))
    errors.extend(validate_probes(container, path))
    return errors


def _validate_init(
    container: Object, spec: Object, volumes: Volumes, names: set[str], path: FieldPath, position: int
) -> list[FieldError]:
    place = path.at(position)
    errors = _validate(container, spec, volumes, place)
    errors.extend(_restart_policy(container, place, in_init=True))
    if container.get("name") or "" in names:
        errors.extend(_name_once(container, names, place))
    errors.extend(_host_ports([container], path))
    if container.get("restartPolicy") == "Always":
        return errors + _hooks(container, spec, place)
    why = "may not be set for init containers without restartPolicy=Always"
    errors.extend(forbidden(place.child(one), why) for one in _NOT_IN_INIT if container.get(one) is not None)
    for number, policy in enumerate(container.get("resizePolicy") or ()):
        if policy.get("restartPolicy") == "RestartContainer":
            where = place.child("resizePolicy").at(number).child("restartPolicy")
            why = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            errors.append(invalid(where, policy["restartPolicy"], why))
    return errors


def _validate_ephemeral(
    spec: Object, others: set[str], volumes: Volumes, path: FieldPath
) -> list[FieldError]:
    errors: list[FieldError] = []
    names = set(others)
    for position, container in enumerate(spec.get("ephemeralContainers") or ()):
        place = path.at(position)
        errors.extend(_validate(container, spec, volumes, place))
        errors.extend(validate_image(container, place))
        errors.extend(_name_once(container, names, place))
        target = container.get("targetContainerName")
        if target and target not in others:
            errors.append(not_found(place.child("targetContainerName"), target))
        errors.extend(
            forbidden(place.child(field), "cannot be set for an Ephemeral Container")
            for field in _NOT_IN_EPHEMERAL
            if container.get(field)
        )
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            where = place.child("volumeMounts").at(number)
            errors.extend(
                forbidden(where.child(field), "cannot be set for an Ephemeral Container")
                for field in ("subPath", "subPathExpr")
                if mount.get(field)
            )
    return errors


def validate_image(container: Object, path: FieldPath) -> list[FieldError]:
    """Of a pod's container; what a template has may yet be completed."""
    image = container.get("image") or ""
    if image == image.strip():
        return []
    return [invalid(path.child("image"), image, "must not have leading or trailing whitespace")]


def _validate(container: Object, spec: Object, volumes: Volumes, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    name = container.get("name") or ""
    if not name:
        errors.append(required(path.child("name")))
    else:
        errors.extend(invalid(path.child("name"), name, why) for why in is_dns1123_label(name))
    if not container.get("image"):
        errors.append(required(path.child("image")))
    policy = container.get("terminationMessagePolicy")
    errors.extend(one_of_required(policy, _MESSAGE_POLICIES, path.child("terminationMessagePolicy")))
    errors.extend(validate_ports(container.get("ports") or [], path.child("ports")))
    errors.extend(validate_env(container.get("env") or [], path.child("env")))
    errors.extend(validate_env_from(container.get("envFrom") or [], path.child("envFrom")))
    errors.extend(validate_mounts(container, volumes, path))
    if container.get("volumeDevices"):
        errors.extend(validate_devices(container, volumes, path))
    errors.extend(
        one_of_required(container.get("imagePullPolicy"), _PULL_POLICIES, path.child("imagePullPolicy"))
    )
    resources = container.get("resources")
    if resources:
        errors.extend(validate_requirements(resources, path.child("resources")))
        errors.extend(validate_claims(resources, spec, path.child("resources", "claims")))
    if container.get("resizePolicy"):
        errors.extend(_resize_policy(container["resizePolicy"], spec, path.child("resizePolicy")))
    if container.get("securityContext") is not None:
        where = path.child("securityContext")
        errors.extend(validate_container_context(container["securityContext"], spec, where))
    return errors


def _resize_policy(policies: list[Object], spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, policy in enumerate(policies):
        resource, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if resource in seen:
            errors.append(duplicate(path.at(position), resource))
        seen.add(resource)
        errors.extend(one_of_required(resource, _RESIZED, path))
        errors.extend(one_of_required(restart, _RESIZES, path))
        if spec.get("restartPolicy") == "Never" and restart != "NotRequired":
            why = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(path, restart, why))
    return errors


def _restart_policy(container: Object, path: FieldPath, in_init: bool = False) -> list[FieldError]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None and not rules:
        return []
    errors: list[FieldError] = []
    where = path.child("restartPolicy")
    if policy is None:
        errors.append(required(where, "must specify restartPolicy when restart rules are used"))
        if in_init:
            return errors
    elif policy not in _RESTART_POLICIES:
        errors.append(not_supported(where, policy, _RESTART_POLICIES))
    if len(rules) > _MOST_RULES:
        errors.append(too_many(path.child("restartPolicyRules"), len(rules), _MOST_RULES))
    for position, rule in enumerate(rules):
        where = path.child("restartPolicyRules").at(position)
        action, codes = rule.get("action") or "", rule.get("exitCodes")
        if action not in _RULE_ACTIONS:
            errors.append(not_supported(where.child("action"), action, _RULE_ACTIONS))
        if codes is None:
            errors.append(required(where.child("exitCodes"), "must be specified"))
            continue
        operator, place = codes.get("operator") or "", where.child("exitCodes", "operator")
        if operator not in _RULE_OPERATORS:
            errors.append(not_supported(place, operator, _RULE_OPERATORS))
        values = codes.get("values") or []
        if len(values) > _MOST_CODES:
            errors.append(too_many(where.child("exitCodes", "values"), len(values), _MOST_CODES))
    return errors


def validate_ports(ports: list[Object], path: FieldPath) -> list[FieldError]:
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
        errors.extend(one_of_required(port.get("protocol"), PROTOCOLS, where.child("protocol")))
    return errors


def _host_ports(containers: list[Object], path: FieldPath) -> list[FieldError]:
    """No two of these containers on the same port of the node."""
    errors: list[FieldError] = []
    taken: set[str] = set()
    for position, container in enumerate(containers):
        for number, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort")
            if host:
                key = f"{port.get('protocol', 'TCP')}/{port.get('hostIP') or ''}/{host}"
                if key in taken:
                    where = path.at(position).child("ports").at(number)
                    errors.append(duplicate(where.child("hostPort"), key))
                taken.add(key)
    return errors
