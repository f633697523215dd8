"""Variables of containers: names, values and where they come from."""

from __future__ import annotations

import re
from typing import Any

from pybernetes.api.fields import FieldError, FieldPath, invalid, not_supported, required
from pybernetes.api.names import is_config_key, is_dns1123_subdomain, is_env_var_name, is_qualified_name

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
_CONTAINER_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_SUBSCRIPT = re.compile(r"(metadata\.(?:labels|annotations))\['(.*)'\]").fullmatch


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
    field = reference.get("fieldPath") or ""
    if not field:
        return [required(path.child("fieldPath"))]
    subscript = _SUBSCRIPT(field)
    if subscript is not None:
        key = subscript.group(2)
        wrong = is_qualified_name(key.lower() if "annotations" in subscript.group(1) else key)
        return [invalid(path, key, why) for why in wrong]
    if field not in supported:
        return [not_supported(path.child("fieldPath"), field, supported)]
    return []


def validate_resource_ref(reference: Object, path: FieldPath, in_volume: bool = False) -> list[FieldError]:
    errors: list[FieldError] = []
    if in_volume and not reference.get("containerName"):
        errors.append(required(path.child("containerName")))
    resource = reference.get("resource") or ""
    if not resource:
        errors.append(required(path.child("resource")))
    elif resource not in _CONTAINER_RESOURCES and not resource.partition(".")[2].startswith("hugepages-"):
        errors.append(not_supported(path.child("resource"), resource, _CONTAINER_RESOURCES))
    return errors


def _validate_key_ref(reference: Object, path: FieldPath) -> list[FieldError]:
    key = reference.get("key") or ""
    if not key:
        return [required(path.child("key"))]
    return [invalid(path.child("key"), key, why) for why in is_config_key(key)]


def validate_env_from(sources: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, source in enumerate(sources):
        where = path.at(position)
        prefix = source.get("prefix")
        if prefix:
            errors.extend(invalid(where.child("prefix"), prefix, why) for why in is_env_var_name(prefix))
        found = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        for kind in found:
            name = source[kind].get("name") or ""
            if name:
                errors.extend(
                    invalid(where.child(kind, "name"), name, why) for why in is_dns1123_subdomain(name)
                )
        if not found:
            errors.append(invalid(where, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(found) > 1:
            errors.append(invalid(where, "", "may not have more than one field specified at a time"))
    return errors
