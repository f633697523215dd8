"""Pods: new ones, and the few fields of a running one that may change."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from pybernetes.api.fields import METADATA, SPEC, FieldError, forbidden, invalid, required
from pybernetes.api.validation import pod_doors
from pybernetes.api.validation.differences import difference
from pybernetes.api.validation.podspec import validate_pod_spec

Object = dict[str, Any]

_CHANGEABLE = (
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
)
_IMAGES = ("containers", "initContainers")
REMEMBERED_SIZE = 16 * 1024
_MADE_UP = re.compile(rb'"kube-api-access-[a-z0-9]{5}"')
_MIRROR = "kubernetes.io/config.mirror"
_COST = "controller.kubernetes.io/pod-deletion-cost"
_is_integer = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII).fullmatch
_NEUTRAL = b'"kube-api-access-00000"'


def create(pod: Object) -> list[FieldError]:
    spec = pod.get("spec") or {}
    annotations = (pod.get("metadata") or {}).get("annotations")
    wrong = _annotations(annotations, spec) if annotations else []
    if wrong:
        return wrong + _faults(spec, (pod.get("metadata") or {}).get("name") or "")
    encoded = comparable(spec)
    if len(encoded) <= REMEMBERED_SIZE and b'"ephemeral":' not in encoded and _is_sound(encoded):
        return []
    return _faults(spec, (pod.get("metadata") or {}).get("name") or "")


def _annotations(annotations: dict[str, str], spec: Object) -> list[FieldError]:
    """Annotations that mean something to the cluster."""
    where = METADATA.child("annotations")
    errors: list[FieldError] = []
    mirror, cost = annotations.get(_MIRROR), annotations.get(_COST)
    if mirror is not None and not spec.get("nodeName"):
        why = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(where.key(_MIRROR), mirror, why))
    if cost is not None and not (_is_integer(cost) and -(1 << 31) <= int(cost) < 1 << 31):
        errors.append(invalid(where.key(_COST), cost, "must be a 32bit integer"))
    return errors


@lru_cache(maxsize=256)
def _is_sound(encoded: bytes) -> bool:
    """Pods come by the hundred from one template: the same spec is looked at once."""
    return not _faults(msgspec.json.decode(encoded), "")


def comparable(spec: Object) -> bytes:
    """The spec's bytes, with the name of the volume that the server has made up in a form that all have."""
    encoded = msgspec.json.encode(spec)
    found = _MADE_UP.search(encoded)
    if found is None or _NEUTRAL in encoded:
        return encoded
    return encoded.replace(found.group(), _NEUTRAL)


def _faults(spec: Object, name: str) -> list[FieldError]:
    """The name matters to volumes that make a claim."""
    errors = validate_pod_spec(spec, SPEC, name)
    if spec.get("ephemeralContainers"):
        why = "cannot be set on create"
        errors.append(forbidden(SPEC.child("ephemeralContainers"), why))
    if spec.get("schedulingGates") and spec.get("nodeName"):
        why = "cannot be set until all schedulingGates have been cleared"
        errors.append(forbidden(SPEC.child("nodeName"), why))
    return errors


def update(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return pod_doors.status(new, old)
    if subresource == "resize":
        return pod_doors.resize(new, old)
    if subresource == "ephemeralcontainers":
        return pod_doors.ephemeral_containers(new, old)
    if subresource:
        return []
    return _main(new.get("spec") or {}, old.get("spec") or {}, new.get("metadata") or {})


def _main(new: Object, old: Object, metadata: Object) -> list[FieldError]:
    if new == old:
        return []
    errors = validate_pod_spec(new, SPEC, metadata.get("name") or "")
    for field in _IMAGES:
        if len(new.get(field) or ()) != len(old.get(field) or ()):
            why = "pod updates may not add or remove containers"
            return [*errors, forbidden(SPEC.child(field), why)]
        for position, container in enumerate(new.get(field) or ()):
            where = SPEC.child(field).at(position).child("image")
            image = container.get("image") or ""
            if not image:
                errors.append(required(where))
            elif image != image.strip():
                errors.append(invalid(where, image, "must not have leading or trailing whitespace"))
    errors.extend(_deadline(new, old))
    errors.extend(_tolerations(new, old))
    errors.extend(_gates(new, old))
    wanted = _apart_from_changeable(new, old)
    if wanted != old:
        fields = ",".join(_CHANGEABLE)
        why = f"pod updates may not change fields other than {fields}\n{difference('PodSpec', old, wanted)}"
        errors.append(forbidden(SPEC, why))
    return errors


def _deadline(new: Object, old: Object) -> list[FieldError]:
    where = SPEC.child("activeDeadlineSeconds")
    after, before = new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if after is None:
        if before is not None:
            return [invalid(where, None, "must not update from a positive integer to nil value")]
        return []
    if not 0 <= after <= 2**31 - 1:
        return [invalid(where, after, f"must be between 0 and {2**31 - 1}, inclusive")]
    if before is not None and after > before:
        return [invalid(where, after, "must be less than or equal to previous value")]
    return []


def _tolerations(new: Object, old: Object) -> list[FieldError]:
    def without_seconds(toleration: Object) -> Object:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    present = [without_seconds(one) for one in new.get("tolerations") or ()]
    if any(without_seconds(one) not in present for one in old.get("tolerations") or ()):
        why = "existing toleration can not be modified except its tolerationSeconds"
        return [forbidden(SPEC.child("tolerations"), why)]
    return []


def _gates(new: Object, old: Object) -> list[FieldError]:
    before = {gate["name"] for gate in old.get("schedulingGates") or ()}
    return [
        forbidden(
            SPEC.child("schedulingGates").at(position).child("name"),
            f"only deletion is allowed, but found new scheduling gate '{gate['name']}'",
        )
        for position, gate in enumerate(new.get("schedulingGates") or ())
        if gate["name"] not in before
    ]


def _apart_from_changeable(new: Object, old: Object) -> Object:
    """The new spec, with what may change as it was."""
    spec = dict(new)
    for field in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        _take(spec, old, field)
    for field in _IMAGES:
        if spec.get(field):
            spec[field] = [dict(container) for container in spec[field]]
            for container, before in zip(spec[field], old[field], strict=True):
                _take(container, before, "image")
    if spec.get("terminationGracePeriodSeconds") == 1 and (old.get("terminationGracePeriodSeconds") or 0) < 0:
        _take(spec, old, "terminationGracePeriodSeconds")
    if old.get("schedulingGates"):
        # A pod that waits at a gate may still be narrowed down to fewer nodes.
        _take(spec, old, "nodeSelector")
        _take(spec, old, "affinity")
    return spec


def _take(spec: Object, old: Object, field: str) -> None:
    """Make a field what it is in `old`."""
    spec.pop(field, None)
    if field in old:
        spec[field] = old[field]
