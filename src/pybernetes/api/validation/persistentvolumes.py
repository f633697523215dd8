"""PersistentVolumes and the claims on them."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    IMMUTABLE,
    SPEC,
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_subdomain
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.placement import validate_node_selector
from pybernetes.api.validation.pods import difference
from pybernetes.api.validation.values import one_of
from pybernetes.api.validation.volumes import validate_host_path, validate_storage_amount

Object = dict[str, Any]

_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_RECLAIM = ("Delete", "Recycle", "Retain")
_VOLUME_MODES = ("Block", "Filesystem")
_NOT_SOURCES = frozenset(
    (
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    )
)


def _access_modes(modes: list[str], path: FieldPath) -> list[FieldError]:
    errors = [not_supported(path, mode, _MODES) for mode in modes if mode not in _MODES]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        errors.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return errors


def volume(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required(SPEC.child("accessModes")))
    errors.extend(_access_modes(modes, SPEC.child("accessModes")))
    capacity = spec.get("capacity") or {}
    where = SPEC.child("capacity")
    if not capacity:
        errors.append(required(where))
    elif list(capacity) != ["storage"]:
        errors.append(not_supported(where, list(capacity), ("storage",)))
    for name, amount in capacity.items():
        errors.extend(validate_storage_amount(amount, where.key(name)))
    errors.extend(
        one_of(
            spec.get("persistentVolumeReclaimPolicy"), _RECLAIM, SPEC.child("persistentVolumeReclaimPolicy")
        )
    )
    if spec.get("volumeMode") is not None:
        errors.extend(one_of(spec["volumeMode"], _VOLUME_MODES, SPEC.child("volumeMode")))
    name = spec.get("storageClassName")
    if name:
        errors.extend(
            invalid(SPEC.child("storageClassName"), name, why) for why in is_dns1123_subdomain(name)
        )
    required_nodes = (spec.get("nodeAffinity") or {}).get("required")
    if spec.get("nodeAffinity") is not None:
        place = SPEC.child("nodeAffinity", "required")
        errors.extend(
            [required(place, "must specify required node constraints")]
            if required_nodes is None
            else validate_node_selector(required_nodes, place)
        )
    return errors + _source(spec)


def _source(spec: Object) -> list[FieldError]:
    sources = [field for field in spec if field not in _NOT_SOURCES]
    if not sources:
        return [required(SPEC, "must specify a volume type")]
    errors = [forbidden(SPEC.child(one), "may not specify more than 1 volume type") for one in sources[1:]]
    if sources[0] == "hostPath":
        errors.extend(validate_host_path(spec["hostPath"], SPEC.child("hostPath")))
        if spec["hostPath"].get("path") == "/" and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
            why = "may not be 'recycle' for a hostPath mount of '/'"
            errors.append(forbidden(SPEC.child("persistentVolumeReclaimPolicy"), why))
    if sources[0] == "local":
        if not spec["local"].get("path"):
            errors.append(required(SPEC.child("local", "path")))
        if not spec.get("nodeAffinity"):
            errors.append(required(SPEC.child("nodeAffinity"), "Local volume requires node affinity"))
    return errors


def update_volume(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return []
    errors = volume(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    sources = {
        field: holder.get(field)
        for holder in (before, after)
        for field in holder
        if field not in _NOT_SOURCES and before.get(field) != after.get(field)
    }
    if sources:
        shown = difference(
            {key: before.get(key) for key in sources}, {key: after.get(key) for key in sources}
        )
        why = f"spec.persistentvolumesource is immutable after creation\n{shown}"
        errors.append(forbidden(SPEC.child("persistentvolumesource"), why))
    if before.get("volumeMode") != after.get("volumeMode"):
        errors.append(invalid(SPEC.child("volumeMode"), after.get("volumeMode"), IMMUTABLE))
    if before.get("nodeAffinity") and before.get("nodeAffinity") != after.get("nodeAffinity"):
        errors.append(invalid(SPEC.child("nodeAffinity"), after.get("nodeAffinity"), IMMUTABLE))
    return errors


def validate_claim_spec(spec: Object, path: FieldPath) -> list[FieldError]:
    """The spec of a claim, also of a template."""
    errors: list[FieldError] = []
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required(path.child("accessModes"), "at least 1 access mode is required"))
    errors.extend(validate_label_selector(spec.get("selector"), path.child("selector")))
    errors.extend(_access_modes(modes, path.child("accessModes")))
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if amount is None:
        errors.append(required(path.child("resources").key("storage")))
    else:
        errors.extend(validate_storage_amount(amount, path.child("resources").key("storage")))
    name = spec.get("storageClassName")
    if name:
        errors.extend(
            invalid(path.child("storageClassName"), name, why) for why in is_dns1123_subdomain(name)
        )
    if spec.get("volumeMode") is not None and spec["volumeMode"] not in _VOLUME_MODES:
        errors.append(not_supported(path.child("volumeMode"), spec["volumeMode"], _VOLUME_MODES))
    return errors


def claim(obj: Object) -> list[FieldError]:
    return validate_claim_spec(obj.get("spec") or {}, SPEC)


def update_claim(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return []
    errors = claim(new)
    after, before = dict(new.get("spec") or {}), dict(old.get("spec") or {})
    if not before.get("volumeName") and after.get("volumeName"):
        before["volumeName"] = after["volumeName"]
    if not before.get("storageClassName") and after.get("storageClassName"):
        before["storageClassName"] = after["storageClassName"]
    wanted, had = (_storage(spec) for spec in (after, before))
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if wanted is not None and had is not None and quantity.compare(wanted, had) < 0:
        where = SPEC.child("resources", "requests", "storage")
        if (
            quantity.compare(wanted, ((old.get("status") or {}).get("capacity") or {}).get("storage", "0"))
            <= 0
        ):
            errors.append(forbidden(where, "field can not be less than status.capacity"))
    if bound:
        before["resources"] = after.get("resources")
    before["volumeAttributesClassName"] = after.get("volumeAttributesClassName")
    after.setdefault("volumeAttributesClassName", None)
    if after != before:
        why = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
            "claims"
            f"\n{difference(before, after)}"
        )
        errors.append(forbidden(SPEC, why))
    return errors


def _storage(spec: Object) -> str | None:
    amount: str | None = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return amount
