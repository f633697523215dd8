"""Pod specs: of pods and of the templates that other kinds carry."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    Inside,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_long,
)
from pybernetes.api.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_ip,
    is_qualified_name,
)
from pybernetes.api.validation.containers import validate_containers, validate_image
from pybernetes.api.validation.dns import validate_dns_config
from pybernetes.api.validation.labels import validate_labels
from pybernetes.api.validation.metadata import validate_annotations
from pybernetes.api.validation.placement import validate_affinity, validate_spreading, validate_tolerations
from pybernetes.api.validation.resources import validate_pod_requirements, validate_requirements
from pybernetes.api.validation.security import (
    containers_of,
    validate_host_processes,
    validate_host_users,
    validate_pod_context,
    validate_system,
)
from pybernetes.api.validation.values import MAX_INT32
from pybernetes.api.validation.volumes import validate_volumes

Object = dict[str, Any]

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION = ("PreemptLowerPriority", "Never")
_LONGEST_HOSTNAME = 64


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
    if spec.get("resourceClaims"):
        errors.extend(_resource_claims(spec["resourceClaims"], path.child("resourceClaims")))
    errors.extend(validate_containers(spec, volumes, path))
    if spec.get("resources") is not None:
        errors.extend(validate_pod_requirements(spec, path.child("resources")))
    if spec.get("hostNetwork"):
        errors.extend(_host_network(spec, path.child("containers"), pod_name is not None))
    for field, supported in (("restartPolicy", _RESTART_POLICIES), ("dnsPolicy", _DNS_POLICIES)):
        errors.extend(_chosen(spec.get(field), supported, path.child(field)))
    errors.extend(validate_labels(spec.get("nodeSelector") or {}, path.child("nodeSelector")))
    errors.extend(validate_pod_context(spec, path.child("securityContext")))
    if spec.get("affinity"):
        errors.extend(validate_affinity(spec["affinity"], path.child("affinity")))
    if spec.get("dnsConfig") is not None or spec.get("dnsPolicy") == "None":
        errors.extend(validate_dns_config(spec, path.child("dnsConfig")))
    errors.extend(_gates(spec, path))
    if spec.get("topologySpreadConstraints"):
        where = path.child("topologySpreadConstraints")
        errors.extend(validate_spreading(spec["topologySpreadConstraints"], where))
    errors.extend(validate_host_processes(spec, path))
    errors.extend(validate_host_users(spec, path))
    if spec.get("hostnameOverride") is not None:
        errors.extend(_hostname(spec, path.child("hostnameOverride")))
    errors.extend(_names_and_numbers(spec, path))
    if spec.get("os") is not None:
        errors.extend(validate_system(spec, path))
    errors.extend(_files_of_variables(spec, path))
    if pod_name is not None:
        for field in ("containers", "initContainers"):
            for position, container in enumerate(spec.get(field) or ()):
                errors.extend(validate_image(container, path.child(field).at(position)))
    return errors


def _chosen(value: str | None, supported: tuple[str, ...], path: FieldPath) -> list[FieldError]:
    if not value:
        return [required(path)]
    return [] if value in supported else [not_supported(path, value, supported)]


def _resource_claims(claims: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, claim in enumerate(claims):
        where = path.at(position)
        name = claim.get("name") or ""
        direct, template = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        if not name:
            errors.append(required(where.child("name")))
        elif name in names:
            errors.append(duplicate(where.child("name"), name))
        else:
            errors += [invalid(where.child("name"), name, why) for why in is_dns1123_label(name)]
        names.add(name)
        shown = Inside(Name=name, ResourceClaimName=direct, ResourceClaimTemplateName=template)
        if direct is not None and template is not None:
            why = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(where, shown, why))
        if direct is None and template is None:
            why = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(where, shown, why))
        for field, value in (("resourceClaimName", direct), ("resourceClaimTemplateName", template)):
            if value is not None:
                errors += [invalid(where.child(field), value, why) for why in is_dns1123_subdomain(value)]
    return errors


def _host_network(spec: Object, path: FieldPath, in_pod: bool) -> list[FieldError]:
    why = "must match `containerPort` when `hostNetwork` is true"
    return [
        invalid(path.at(at).child("ports").at(number).child("hostPort"), port.get("hostPort") or 0, why)
        for at, container in enumerate(spec.get("containers") or ())
        for number, port in enumerate(container.get("ports") or ())
        if (in_pod or port.get("hostPort"))
        and (port.get("hostPort") or 0) != (port.get("containerPort") or 0)
    ]


def _hostname(spec: Object, path: FieldPath) -> list[FieldError]:
    name = spec["hostnameOverride"]
    errors = [
        forbidden(path, f"may not be specified when {field} is true")
        for field in ("setHostnameAsFQDN", "hostNetwork")
        if spec.get(field)
    ]
    if len(name) > _LONGEST_HOSTNAME:
        errors.append(too_long(path, _LONGEST_HOSTNAME))
    return errors + [invalid(path, name, why) for why in is_dns1123_subdomain(name)]


def _names_and_numbers(spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("serviceAccountName", "nodeName"):
        name = spec.get(field)
        if name:
            errors += [invalid(path.child(field), name, why) for why in is_dns1123_subdomain(name)]
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= MAX_INT32:
        why = f"must be between 1 and {MAX_INT32}, inclusive"
        errors.append(invalid(path.child("activeDeadlineSeconds"), deadline, why))
    for field in ("hostname", "subdomain"):
        name = spec.get(field)
        if name:
            errors += [invalid(path.child(field), name, why) for why in is_dns1123_label(name)]
    if spec.get("tolerations"):
        errors += validate_tolerations(spec["tolerations"], path.child("tolerations"))
    if spec.get("hostAliases"):
        errors += _host_aliases(spec["hostAliases"], path.child("hostAliases"))
    name = spec.get("priorityClassName")
    if name:
        errors += [invalid(path.child("priorityClassName"), name, why) for why in is_dns1123_subdomain(name)]
    name = spec.get("runtimeClassName")
    if name is not None:
        errors += [invalid(path.child("runtimeClassName"), name, why) for why in is_dns1123_subdomain(name)]
    preemption = spec.get("preemptionPolicy")
    if preemption is not None:
        errors += _chosen(preemption, _PREEMPTION, path.child("preemptionPolicy"))
    if spec.get("overhead"):
        errors += validate_requirements({"limits": spec["overhead"]}, path.child("overhead"))
    return errors


def _host_aliases(aliases: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, alias in enumerate(aliases):
        errors.extend(is_ip(path.at(position).child("ip"), alias.get("ip") or ""))
        for number, host in enumerate(alias.get("hostnames") or ()):
            where = path.at(position).child("hostnames").at(number)
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


def _files_of_variables(spec: Object, path: FieldPath) -> list[FieldError]:
    """Variables from files: the volume is there, and an emptyDir."""
    errors: list[FieldError] = []
    for container, where in containers_of(spec, path):
        for position, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if reference is None:
                continue
            name = reference.get("volumeName") or ""
            place = where.child("env").at(position).child("valueFrom", "fileKeyRef", "volumeName")
            found = [one for one in spec.get("volumes") or () if one.get("name") == name]
            if not found:
                errors.append(not_found(place, name))
            elif found[0].get("emptyDir") is None:
                errors.append(invalid(place, name, "referenced volume must be of type emptyDir"))
    return errors
