"""Variables of containers: names, values and where they come from."""

from __future__ import annotations

import re
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import FieldError, FieldPath, invalid, not_supported, required
from pybernetes.api.names import (
    is_config_key,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_env_var_name,
    is_qualified_name,
)
from pybernetes.api.validation.paths import no_back_steps

Object = dict[str, Any]

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_FIELDS = frozenset(
    (*_ENV_FIELDS, *VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host")
)
"""What can be spoken of at all; variables and volumes may have less."""
_CONTAINER_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_SUBSCRIPT = re.compile(r"(.+?)\['(.*)'\]").fullmatch
_BYTES = (
    "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the"
)
_BYTE_DIVISORS = frozenset(
    f"1{unit}" for unit in ("", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
)
_DIVISORS = {
    "cpu": (frozenset(("1m", "1")), "only divisor's values 1m and 1 are supported with the cpu resource"),
    "memory": (_BYTE_DIVISORS, f"{_BYTES} memory resource"),
    "ephemeral-storage": (_BYTE_DIVISORS, f"{_BYTES} local ephemeral storage resource"),
    "hugepages": (_BYTE_DIVISORS, f"{_BYTES} hugepages resource"),
}


def validate_env(variables: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, variable in enumerate(variables):
        where = path.at(position)
        name = variable.get("name") or ""
        if not name:
            errors.append(required(where.child("name")))
        else:
            errors.extend(invalid(where.child("name"), name, why) for why in is_env_var_name(name))
        source = variable.get("valueFrom")
        if source is not None:
            errors.extend(_validate_source(source, variable.get("value"), where.child("valueFrom")))
    return errors


def _validate_source(source: Object, value: str | None, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    found = [kind for kind in _SOURCES if source.get(kind) is not None]
    for kind in found:
        where = path.child(kind)
        if kind == "fieldRef":
            errors.extend(validate_field_ref(source[kind], _ENV_FIELDS, where))
        elif kind == "resourceFieldRef":
            errors.extend(validate_resource_ref(source[kind], where))
        elif kind in ("configMapKeyRef", "secretKeyRef"):
            errors.extend(_validate_key_ref(source[kind], where))
        elif kind == "fileKeyRef":
            errors.extend(_validate_file_ref(source[kind], where))
    if not found:
        why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(path, "", why))
    elif value:
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(found) > 1:
        errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def validate_field_ref(reference: Object, supported: tuple[str, ...], path: FieldPath) -> list[FieldError]:
    """A reference to a field of the pod itself."""
    if not reference.get("apiVersion"):
        return [required(path.child("apiVersion"))]
    field, where = reference.get("fieldPath") or "", path.child("fieldPath")
    if not field:
        return [required(where)]
    if reference["apiVersion"] != "v1":
        why = f"error converting fieldPath: unsupported pod version: {reference['apiVersion']}"
        return [invalid(where, field, why)]
    subscript = _SUBSCRIPT(field)
    if subscript is not None:
        holder, key = subscript.groups()
        if holder not in ("metadata.annotations", "metadata.labels"):
            why = f"error converting fieldPath: field label does not support subscript: {field}"
            return [invalid(where, field, why)]
        wrong = is_qualified_name(key.lower() if holder == "metadata.annotations" else key)
        return [invalid(path, key, why) for why in wrong]
    if field not in _FIELDS:
        return [invalid(where, field, f"error converting fieldPath: field label not supported: {field}")]
    return [] if field in supported else [not_supported(where, field, supported)]


def validate_resource_ref(reference: Object, path: FieldPath, in_volume: bool = False) -> list[FieldError]:
    errors: list[FieldError] = []
    resource = reference.get("resource") or ""
    if in_volume and not reference.get("containerName"):
        errors.append(required(path.child("containerName")))
    elif not resource:
        errors.append(required(path.child("resource")))
    elif resource not in _CONTAINER_RESOURCES and not resource.partition(".")[2].startswith("hugepages-"):
        errors.append(not_supported(path.child("resource"), resource, _CONTAINER_RESOURCES))
    divisor = quantity.canonical(reference.get("divisor") or "0")
    what = resource.partition(".")[2]
    rule = _DIVISORS.get("hugepages" if what.startswith("hugepages-") else what)
    if divisor != "0" and rule is not None and divisor not in rule[0]:
        errors.append(invalid(path.child("divisor"), resource, rule[1]))
    return errors


def _validate_key_ref(reference: Object, path: FieldPath) -> list[FieldError]:
    name, key = reference.get("name") or "", reference.get("key") or ""
    errors = [invalid(path.child("name"), name, why) for why in is_dns1123_subdomain(name)]
    if not key:
        return [*errors, required(path.child("key"))]
    return errors + [invalid(path.child("key"), key, why) for why in is_config_key(key)]


def _validate_file_ref(reference: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    rules = (("key", is_env_var_name), ("volumeName", is_dns1123_label))
    for field, rule in rules:
        value, where = reference.get(field) or "", path.child(field)
        errors += [invalid(where, value, why) for why in rule(value)] if value else [required(where)]
    target, where = reference.get("path") or "", path.child("path")
    return errors + (no_back_steps(target, where) if target else [required(where)])


def validate_env_from(sources: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, source in enumerate(sources):
        where = path.at(position)
        prefix = source.get("prefix")
        if prefix:
            errors.extend(invalid(where.child("prefix"), prefix, why) for why in is_env_var_name(prefix))
        found = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        for kind in found:
            name, place = source[kind].get("name") or "", where.child(kind, "name")
            errors.extend(
                (invalid(place, name, why) for why in is_dns1123_subdomain(name))
                if name
                else [required(place)]
            )
        if not found:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(found) > 1:
            errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors
