"""Pod specs: of pods and of the templates that other kinds carry."""

from __future__ import annotations

import re
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
from pybernetes.api.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_ip,
    is_qualified_name,
)
from pybernetes.api.validation.containers import validate_containers
from pybernetes.api.validation.labels import validate_labels
from pybernetes.api.validation.metadata import validate_annotations
from pybernetes.api.validation.placement import validate_affinity, validate_spreading, validate_tolerations
from pybernetes.api.validation.values import MAX_INT32, NOT_NEGATIVE
from pybernetes.api.validation.volumes import validate_volumes

Object = dict[str, Any]

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION = ("Never", "PreemptLowerPriority")
_SYSCTL_NAME = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
_SYSCTL_LENGTH = 253
_SUBDOMAIN_NAMES = ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName")


def validate_template(template: Object | None, path: FieldPath) -> list[FieldError]:
    """A pod template at `path`."""
    if template is None:
        return [required(path)]
    metadata = template.get("metadata") or {}
    errors = validate_labels(metadata.get("labels") or {}, path.child("labels"))
    errors.extend(validate_annotations(metadata.get("annotations") or {}, path.child("annotations")))
    errors.extend(validate_pod_spec(template.get("spec") or {}, path.child("spec")))
    if (template.get("spec") or {}).get("ephemeralContainers"):
        why = "ephemeral containers not allowed in pod template"
        errors.append(forbidden(path.child("spec", "ephemeralContainers"), why))
    return errors


def validate_pod_spec(spec: Object, path: FieldPath, pod_name: str | None = None) -> list[FieldError]:
    """`pod_name` is None in a template."""
    volumes, errors = validate_volumes(spec.get("volumes") or [], path.child("volumes"), pod_name)
    errors.extend(validate_containers(spec, volumes, path))
    errors.extend(_policies(spec, path))
    errors.extend(_names(spec, path))
    errors.extend(validate_labels(spec.get("nodeSelector") or {}, path.child("nodeSelector")))
    if spec.get("affinity"):
        errors.extend(validate_affinity(spec["affinity"], path.child("affinity")))
    if spec.get("tolerations"):
        errors.extend(validate_tolerations(spec["tolerations"], path.child("tolerations")))
    if spec.get("topologySpreadConstraints"):
        where = path.child("topologySpreadConstraints")
        errors.extend(validate_spreading(spec["topologySpreadConstraints"], where))
    errors.extend(_security(spec, path.child("securityContext")))
    errors.extend(_host_aliases(spec.get("hostAliases") or [], path.child("hostAliases")))
    errors.extend(_gates(spec, path))
    return errors


def _policies(spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, supported in (("restartPolicy", _RESTART_POLICIES), ("dnsPolicy", _DNS_POLICIES)):
        value = spec.get(field)
        if not value:
            errors.append(required(path.child(field)))
        elif value not in supported:
            errors.append(not_supported(path.child(field), value, supported))
    preemption = spec.get("preemptionPolicy")
    if preemption is not None and preemption not in _PREEMPTION:
        errors.append(not_supported(path.child("preemptionPolicy"), preemption, _PREEMPTION))
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        errors.append(invalid(path.child("terminationGracePeriodSeconds"), grace, NOT_NEGATIVE))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= MAX_INT32:
        why = f"must be between 1 and {MAX_INT32}, inclusive"
        errors.append(invalid(path.child("activeDeadlineSeconds"), deadline, why))
    system = (spec.get("os") or {}).get("name")
    if spec.get("os") is not None and system not in ("linux", "windows"):
        where = path.child("os", "name")
        errors.append(not_supported(where, system, ("linux", "windows")) if system else required(where))
    if spec.get("dnsPolicy") == "None" and not (spec.get("dnsConfig") or {}).get("nameservers"):
        why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        errors.append(required(path.child("dnsConfig", "nameservers"), why))
    for position, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        errors.extend(is_ip(path.child("dnsConfig", "nameservers").at(position), server))
    return errors


def _names(spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in _SUBDOMAIN_NAMES:
        name = spec.get(field)
        if name:
            errors.extend(invalid(path.child(field), name, why) for why in is_dns1123_subdomain(name))
    for field in ("hostname", "subdomain"):
        name = spec.get(field)
        if name:
            errors.extend(invalid(path.child(field), name, why) for why in is_dns1123_label(name))
    for position, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if not secret.get("name"):
            # Upstream warns only; an empty reference names nothing.
            continue
        where = path.child("imagePullSecrets").at(position).child("name")
        errors.extend(invalid(where, secret["name"], why) for why in is_dns1123_subdomain(secret["name"]))
    return errors


def _security(spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    context = spec.get("securityContext") or {}
    for field in ("runAsUser", "runAsGroup", "fsGroup"):
        number = context.get(field)
        if number is not None and not 0 <= number <= MAX_INT32:
            why = f"must be between 0 and {MAX_INT32}, inclusive"
            errors.append(invalid(path.child(field), number, why))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(path.child("shareProcessNamespace"), True, why))
    errors.extend(_sysctls(spec, context.get("sysctls") or [], path.child("sysctls")))
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


def _host_aliases(aliases: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, alias in enumerate(aliases):
        errors.extend(is_ip(path.at(position).child("ip"), alias.get("ip") or ""))
        for host in alias.get("hostnames") or ():
            where = path.at(position).child("hostnames")
            errors.extend(invalid(where, host, why) for why in is_dns1123_subdomain(host))
    return errors


def _gates(spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, gate in enumerate(spec.get("readinessGates") or ()):
        kind = gate.get("conditionType") or ""
        where = path.child("readinessGates").at(position).child("conditionType")
        errors.extend(invalid(where, kind, why) for why in is_qualified_name(kind))
    seen: set[str] = set()
    for position, gate in enumerate(spec.get("schedulingGates") or ()):
        name = gate.get("name") or ""
        where = path.child("schedulingGates").at(position)
        errors.extend(invalid(where, name, why) for why in is_qualified_name(name))
        if name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
    return errors
