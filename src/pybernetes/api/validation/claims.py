"""PersistentVolumeClaims, and the templates of claims that other kinds carry."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    IMMUTABLE,
    METADATA,
    ROOT,
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain, is_qualified_name
from pybernetes.api.resource_names import is_native
from pybernetes.api.validation.differences import difference
from pybernetes.api.validation.labels import validate_label_selector, validate_labels
from pybernetes.api.validation.metadata import validate_annotations
from pybernetes.api.validation.resources import validate_amount
from pybernetes.api.validation.volumes import validate_storage_amount

Object = dict[str, Any]

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_CLASS = "volume.beta.kubernetes.io/storage-class"
_RESIZES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)
_ONLY = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def validate_access_modes(modes: list[str], path: FieldPath) -> list[FieldError]:
    errors = [not_supported(path, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    others = [mode for mode in modes if mode in ACCESS_MODES and mode != "ReadWriteOncePod"]
    if "ReadWriteOncePod" in modes and others:
        errors.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return errors


def validate_template_metadata(metadata: Object, path: FieldPath) -> list[FieldError]:
    """Of a template for other objects: labels and annotations, nothing else."""
    errors = validate_annotations(metadata.get("annotations") or {}, path.child("annotations"))
    errors += validate_labels(metadata.get("labels") or {}, path.child("labels"))
    return errors + [
        forbidden(path.child("uID" if field == "uid" else field), "cannot be set")
        for field in metadata
        if field not in ("annotations", "labels")
    ]


def validate_claim_template(template: Object, path: FieldPath) -> list[FieldError]:
    """The claim that an ephemeral volume makes."""
    errors = validate_template_metadata(template.get("metadata") or {}, path.child("metadata"))
    return errors + validate_claim_spec(template.get("spec") or {}, path.child("spec"))


def validate_claim_spec(spec: Object, path: FieldPath) -> list[FieldError]:
    """The spec of a claim, also of a template."""
    modes = spec.get("accessModes") or []
    errors: list[FieldError] = []
    if not modes:
        errors.append(required(path.child("accessModes"), "at least 1 access mode is required"))
    errors.extend(validate_label_selector(spec.get("selector"), path.child("selector")))
    errors.extend(validate_access_modes(modes, path.child("accessModes")))
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    where = path.child("resources").key("storage")
    errors.extend([required(where)] if amount is None else validate_storage_amount(amount, where))
    name = spec.get("storageClassName")
    if name:
        place = path.child("storageClassName")
        errors.extend(invalid(place, name, why) for why in is_dns1123_subdomain(name))
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported(path.child("volumeMode"), mode, VOLUME_MODES))
    errors.extend(_data_sources(spec, path))
    name = spec.get("volumeAttributesClassName")
    if name:
        place = path.child("volumeAttributesClassName")
        errors.extend(invalid(place, name, why) for why in is_dns1123_subdomain(name))
    return errors


def _data_sources(spec: Object, path: FieldPath) -> list[FieldError]:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    errors: list[FieldError] = []
    if source is not None:
        errors += _data_source(source, path.child("dataSource"))
    if reference is None:
        return errors
    errors += _data_source(reference, path.child("dataSourceRef"))
    namespace = reference.get("namespace")
    if namespace:
        where = path.child("dataSourceRef", "namespace")
        errors += [invalid(where, namespace, why) for why in is_dns1123_label(namespace)]
    if source is None:
        return errors
    if namespace:
        why = "may not be specified when dataSourceRef.namespace is specified"
        errors.append(invalid(path, {}, why))
    elif any(source.get(field) != reference.get(field) for field in ("apiGroup", "kind", "name")):
        errors.append(invalid(path, {}, "must match dataSourceRef"))
    return errors


def _data_source(source: Object, path: FieldPath) -> list[FieldError]:
    errors = [required(path.child(field)) for field in ("name", "kind") if not source.get(field)]
    group, kind = source.get("apiGroup") or "", source.get("kind") or ""
    if not group and kind != "PersistentVolumeClaim":
        why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(path, kind, why))
    if group:
        errors += [invalid(path.child("apiGroup"), group, why) for why in is_dns1123_subdomain(group)]
    return errors


def claim(obj: Object) -> list[FieldError]:
    return validate_claim_spec(obj.get("spec") or {}, SPEC)


def update_claim(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _status(new)
    return claim(new) + _changes(new, old)


def _changes(new: Object, old: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    spec, was = new.get("spec") or {}, old.get("spec") or {}
    if spec == was:
        return errors
    after, before = dict(spec), dict(was)
    if not before.get("volumeName"):
        _same(before, after, "volumeName")
    noted, noted_before = (
        ((one.get("metadata") or {}).get("annotations") or {}).get(_CLASS) for one in (new, old)
    )
    chosen = after.get("storageClassName")
    fresh = before.get("storageClassName") is None and chosen is not None
    if fresh and (noted_before is None or noted_before == chosen):
        before["storageClassName"] = chosen
    if (noted or "") != (noted_before or "") and not (noted_before and chosen == noted_before and not noted):
        errors.append(invalid(METADATA.child("annotations").key(_CLASS), noted or "", IMMUTABLE))
    wanted, had = _storage(spec), _storage(was)
    if (new.get("status") or {}).get("phase") == "Bound":
        if (after.get("resources") or {}).get("requests") is not None:
            resources = {**after["resources"], "requests": {**after["resources"]["requests"]}}
            resources["requests"]["storage"] = had or "0"
            after["resources"] = resources
        _same(after, before, "volumeAttributesClassName")
    if after != before:
        errors.append(forbidden(SPEC, f"{_ONLY}\n{difference('PersistentVolumeClaimSpec', before, after)}"))
    status = old.get("status") or {}
    if had and quantity.compare(wanted or "0", had) < 0:
        filled = (status.get("capacity") or {}).get("storage", "0")
        if quantity.compare(wanted or "0", filled) <= 0:
            where = SPEC.child("resources", "requests", "storage")
            errors.append(forbidden(where, "field can not be less than status.capacity"))
    if spec.get("volumeMode") != was.get("volumeMode"):
        errors.append(invalid(ROOT.child("volumeMode"), spec.get("volumeMode"), IMMUTABLE))
    attributes = spec.get("volumeAttributesClassName")
    held = status.get("currentVolumeAttributesClassName") is not None
    if held and attributes != was.get("volumeAttributesClassName") and not attributes:
        what = "nil" if attributes is None else "empty string"
        why = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
        errors.append(forbidden(SPEC.child("volumeAttributesClassName"), why))
    return errors


def _same(holder: Object, other: Object, field: str) -> None:
    """Make a field of `holder` what it is in `other`."""
    holder.pop(field, None)
    if field in other:
        holder[field] = other[field]


def _storage(spec: Object) -> str | None:
    amount: str | None = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return amount


def _status(new: Object) -> list[FieldError]:
    status = new.get("status") or {}
    errors: list[FieldError] = []
    for name, amount in (status.get("capacity") or {}).items():
        parsed = quantity.parse(amount).nanos // quantity.NANO
        if parsed < 0:
            where = STATUS.child("capacity").key(name)
            errors.append(invalid(where, parsed, "must be a valid resource quantity"))
    where = STATUS.child("allocatedResourceStatuses")
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        errors += _resource(name, where)
        if state not in _RESIZES:
            errors.append(not_supported(where, name, _RESIZES))
    where = STATUS.child("allocatedResources")
    for name, amount in (status.get("allocatedResources") or {}).items():
        errors += _resource(name, where) or validate_amount("storage", amount, where.key(name))
    return errors


def _resource(name: str, path: FieldPath) -> list[FieldError]:
    wrong = is_qualified_name(name)
    if wrong:
        return [invalid(path, name, why) for why in wrong]
    return [not_supported(path, name, ("storage",))] if is_native(name) and name != "storage" else []
