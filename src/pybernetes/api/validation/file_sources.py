"""Volumes whose files come from the API: secrets, config maps, the pod itself, tokens."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import FieldError, FieldPath, forbidden, invalid, required
from pybernetes.api.validation.environment import VOLUME_FIELDS, validate_field_ref, validate_resource_ref
from pybernetes.api.validation.paths import unreserved

Object = dict[str, Any]

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_CONFLICT = "conflicting duplicate paths"


def secret(source: Object, path: FieldPath) -> list[FieldError]:
    errors = [] if source.get("secretName") else [required(path.child("secretName"))]
    return errors + _modes_and_items(source, path)


def config_map(source: Object, path: FieldPath) -> list[FieldError]:
    errors = [] if source.get("name") else [required(path.child("name"))]
    return errors + _modes_and_items(source, path)


def _modes_and_items(source: Object, path: FieldPath) -> list[FieldError]:
    errors = _mode(source.get("defaultMode"), path.child("defaultMode"))
    for position, item in enumerate(source.get("items") or ()):
        errors.extend(_item(item, path.child("items").at(position)))
    return errors


def _item(item: Object, path: FieldPath) -> list[FieldError]:
    errors = [required(path.child(field)) for field in ("key", "path") if not item.get(field)]
    errors.extend(unreserved(item.get("path") or "", path.child("path")))
    return errors + _mode(item.get("mode"), path.child("mode"))


def _mode(mode: int | None, path: FieldPath) -> list[FieldError]:
    return [invalid(path, mode, _MODE)] if mode is not None and not 0 <= mode <= 0o777 else []


def downward(source: Object, path: FieldPath) -> list[FieldError]:
    errors = _mode(source.get("defaultMode"), path.child("defaultMode"))
    for item in source.get("items") or ():
        errors.extend(_downward_file(item, path))
    return errors


def _downward_file(item: Object, path: FieldPath) -> list[FieldError]:
    """Upstream does not say which of the items it is about."""
    errors = [] if item.get("path") else [required(path.child("path"))]
    errors.extend(unreserved(item.get("path") or "", path.child("path")))
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        errors.extend(validate_field_ref(field, VOLUME_FIELDS, path.child("fieldRef")))
        if resource is not None:
            why = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", why))
    elif resource is not None:
        errors.extend(validate_resource_ref(resource, path.child("resourceFieldRef"), in_volume=True))
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode(item.get("mode"), path.child("mode"))


def projected(source: Object, path: FieldPath) -> list[FieldError]:
    errors = _mode(source.get("defaultMode"), path.child("defaultMode"))
    taken: set[str] = set()
    for position, one in enumerate(source.get("sources") or ()):
        where = path.child("sources").at(position)
        found = 0
        for kind in ("secret", "configMap"):
            inner = one.get(kind)
            if inner is not None:
                found += 1
                errors.extend(_projected_items(inner, taken, where.child(kind), path))
        inner = one.get("downwardAPI")
        if inner is not None:
            found += 1
            for item in inner.get("items") or ():
                errors.extend(_downward_file(item, where.child("downwardAPI")))
                errors.extend(_taken(item.get("path") or "", taken, path))
        inner = one.get("serviceAccountToken")
        if inner is not None:
            found += 1
            errors.extend(_token(inner, where.child("serviceAccountToken"), path))
        if found > 1:
            errors.append(forbidden(where, "may not specify more than 1 volume type per source"))
    return errors


def _projected_items(source: Object, taken: set[str], path: FieldPath, volume: FieldPath) -> list[FieldError]:
    name = source.get("name") or ""
    errors = [] if name else [required(path.child("name"))]
    for position, item in enumerate(source.get("items") or ()):
        errors.extend(_item(item, path.child("items").at(position)))
        errors.extend(_taken(item.get("path") or "", taken, volume, name))
    return errors


def _taken(target: str, taken: set[str], path: FieldPath, shown: str | None = None) -> list[FieldError]:
    if not target:
        return []
    if target in taken:
        return [invalid(path, target if shown is None else shown, _CONFLICT)]
    taken.add(target)
    return []


def _token(source: Object, path: FieldPath, volume: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    seconds, where = source.get("expirationSeconds") or 0, path.child("expirationSeconds")
    if seconds < 600:
        errors.append(invalid(where, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > 1 << 32:
        errors.append(invalid(where, seconds, "may not specify a duration larger than 2^32 seconds"))
    target = source.get("path") or ""
    return errors + (unreserved(target, volume.child("path")) if target else [required(volume.child("path"))])
