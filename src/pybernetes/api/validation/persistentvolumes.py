"""PersistentVolumes. Claims on them are in `claims.py`, what they may be made of in `volume_sources.py`."""

from __future__ import annotations

import posixpath
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    IMMUTABLE,
    ROOT,
    SPEC,
    FieldError,
    FieldPath,
    Inside,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_subdomain
from pybernetes.api.validation.claims import VOLUME_MODES, validate_access_modes
from pybernetes.api.validation.differences import difference, inside
from pybernetes.api.validation.placement import validate_node_selector
from pybernetes.api.validation.volume_sources import (
    PERSISTENT,
    RENAMED,
    check_sources,
    iscsi_target_too_long,
)
from pybernetes.api.validation.volumes import validate_storage_amount

Object = dict[str, Any]

_RECLAIM = ("Delete", "Recycle", "Retain")
_IMMUTABLE_SOURCE = "spec.persistentvolumesource is immutable after creation"


def volume(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    name = (obj.get("metadata") or {}).get("name") or ""
    modes, where = spec.get("accessModes") or [], SPEC.child("accessModes")
    errors = [] if modes else [required(where)]
    errors += validate_access_modes(modes, where)
    errors += _capacity(spec.get("capacity") or {}, SPEC.child("capacity"))
    policy, of_policy = spec.get("persistentVolumeReclaimPolicy"), SPEC.child("persistentVolumeReclaimPolicy")
    if policy and policy not in _RECLAIM:
        errors.append(not_supported(of_policy, policy, _RECLAIM))
    if spec.get("nodeAffinity") is not None:
        errors += _affinity(spec["nodeAffinity"], SPEC.child("nodeAffinity"))
    sources = [source for source in PERSISTENT if spec.get(source) is not None]
    if "flexVolume" in sources[1:]:
        # Upstream does not mind this one beside others.
        errors += PERSISTENT["flexVolume"](spec["flexVolume"], SPEC.child("flexVolume"))
        alone = {source: spec[source] for source in sources if source != "flexVolume"}
        errors += check_sources(alone, PERSISTENT, SPEC, RENAMED)
    else:
        errors += check_sources(spec, PERSISTENT, SPEC, RENAMED)
    if spec.get("iscsi") is not None:
        why = iscsi_target_too_long(spec["iscsi"], name)
        where = SPEC.child("iscsi", "targetportal")
        errors += [invalid(where, spec["iscsi"].get("targetPortal") or "", why)] if why else []
    if sources[:1] == ["local"] and not (spec.get("nodeAffinity") or {}).get("required"):
        errors.append(required(SPEC.child("nodeAffinity"), "Local volume requires node affinity"))
    host = (spec.get("hostPath") or {}).get("path")
    if host and posixpath.normpath(host) == "/" and policy == "Recycle":
        errors.append(forbidden(of_policy, "may not be 'recycle' for a hostPath mount of '/'"))
    return errors + _classes(spec)


def _capacity(capacity: Object, path: FieldPath) -> list[FieldError]:
    errors = [] if capacity else [required(path)]
    if list(capacity) != ["storage"]:
        errors.append(not_supported(path, capacity or None, ("storage",)))
    for name, amount in capacity.items():
        whole = -(-quantity.parse(amount).nanos // quantity.NANO)
        if whole < 0:
            errors.append(invalid(path.key(name), whole, "must be a valid resource quantity"))
        errors += validate_storage_amount(amount, path.key(name))
    return errors


def _affinity(affinity: Object, path: FieldPath) -> list[FieldError]:
    where = path.child("required")
    if affinity.get("required") is None:
        return [required(where, "must specify required node constraints")]
    return validate_node_selector(affinity["required"], where)


def _classes(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    name, where = spec.get("storageClassName"), SPEC.child("storageClassName")
    if name:
        errors += [invalid(where, name, why) for why in is_dns1123_subdomain(name)]
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported(SPEC.child("volumeMode"), mode, VOLUME_MODES))
    name, where = spec.get("volumeAttributesClassName"), SPEC.child("volumeAttributesClassName")
    if name is None:
        return errors
    if not name:
        errors.append(required(where, "an empty string is disallowed"))
    else:
        errors += [invalid(where, name, why) for why in is_dns1123_subdomain(name)]
    if spec.get("csi") is None:
        why = "has to be specified when using volumeAttributesClassName"
        errors.append(required(SPEC.child("csi"), why))
    return errors


def update_volume(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return []
    errors = volume(new) * 2  # upstream looks twice, and tells twice
    after, before = new.get("spec") or {}, old.get("spec") or {}
    sources = {source: after[source] for source in PERSISTENT if source in after}
    had = {source: before[source] for source in PERSISTENT if source in before}
    if sources.get("csi") and had.get("csi") and "controllerExpandSecretRef" not in had["csi"]:
        sources["csi"] = {**sources["csi"]}
        sources["csi"].pop("controllerExpandSecretRef", None)
    if sources != had:
        why = f"{_IMMUTABLE_SOURCE}\n{difference('PersistentVolumeSource', had, sources)}"
        errors.append(forbidden(SPEC.child("persistentvolumesource"), why))
    if before.get("volumeMode") != after.get("volumeMode"):
        errors.append(invalid(ROOT.child("volumeMode"), after.get("volumeMode"), IMMUTABLE))
    if before.get("nodeAffinity") and before.get("nodeAffinity") != after.get("nodeAffinity"):
        why = f"{IMMUTABLE}, except for updating from beta label to GA"
        wanted = after.get("nodeAffinity")
        shown = None if wanted is None else Inside(inside(wanted, "VolumeNodeAffinity"))
        errors.append(invalid(ROOT.child("nodeAffinity"), shown, why))
    name, was = after.get("volumeAttributesClassName"), before.get("volumeAttributesClassName")
    if was is not None and name is None:
        why = "update from non-nil value to nil is forbidden"
        errors.append(forbidden(SPEC.child("volumeAttributesClassName"), why))
    return errors
