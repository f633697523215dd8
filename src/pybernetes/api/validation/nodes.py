"""Nodes: addresses of pods, taints and capacity."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import SPEC, STATUS, FieldError, forbidden, invalid
from pybernetes.api.names import is_cidr
from pybernetes.api.validation.placement import validate_taints
from pybernetes.api.validation.resources import validate_amount, validate_resource_name

Object = dict[str, Any]


def create(node: Object) -> list[FieldError]:
    return _spec(node) + _status(node)


def _spec(node: Object) -> list[FieldError]:
    spec = node.get("spec") or {}
    errors = validate_taints(spec.get("taints") or [], SPEC.child("taints"))
    ranges = spec.get("podCIDRs") or []
    for position, text in enumerate(ranges):
        errors.extend(is_cidr(SPEC.child("podCIDRs").at(position), text))
    if len(ranges) > 2:
        why = "may specify no more than one CIDR for each IP family"
        errors.append(invalid(SPEC.child("podCIDRs"), ranges, why))
    return errors


def _status(node: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    status = node.get("status") or {}
    for field in ("capacity", "allocatable"):
        for name, amount in (status.get(field) or {}).items():
            where = STATUS.child(field).key(name)
            errors.extend(validate_resource_name(name, where))
            errors.extend(validate_amount(name, amount, where))
    seen: set[tuple[str, str]] = set()
    for position, address in enumerate(status.get("addresses") or ()):
        key = (address.get("type", ""), address.get("address", ""))
        if key in seen:
            errors.append(FieldError("FieldValueDuplicate", STATUS.child("addresses").at(position), address))
        seen.add(key)
    return errors


def update(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = _spec(new) + _status(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if before.get("podCIDR") and after.get("podCIDR") != before.get("podCIDR"):
        why = 'node updates may not change podCIDR except from "" to valid'
        errors.append(forbidden(SPEC.child("podCIDRs"), why))
    if before.get("providerID") and after.get("providerID") != before.get("providerID"):
        why = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden(SPEC.child("providerID"), why))
    return errors
