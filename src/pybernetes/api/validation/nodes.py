"""Nodes: addresses of pods, taints, capacity and features."""

from __future__ import annotations

import re
from typing import Any

from pybernetes.api.fields import (
    METADATA,
    SPEC,
    STATUS,
    FieldError,
    Inside,
    duplicate,
    forbidden,
    go_quote,
    invalid,
)
from pybernetes.api.names import is_cidr
from pybernetes.api.validation.placement import validate_taints
from pybernetes.api.validation.resources import validate_amount

Object = dict[str, Any]

_TAINTS = METADATA.child("taints")
"""Where upstream says that taints are."""
_PAIR = 2
_FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z0-9]+)*").fullmatch
_LONGEST_FEATURE = 253
_POD_CIDR = 'node updates may not change podCIDR except from "" to valid'


def create(node: Object) -> list[FieldError]:
    spec = node.get("spec") or {}
    errors = validate_taints(spec.get("taints") or [], _TAINTS)
    errors.extend(_amounts(node))
    errors.extend(_features(node))
    ranges, where = spec.get("podCIDRs") or [], SPEC.child("podCIDRs")
    for position, text in enumerate(ranges):
        errors.extend(is_cidr(where.at(position), text))
    families = {":" in text for text in ranges}
    if len(ranges) > 1 and not (len(ranges) == len(families) == _PAIR):
        why = "may specify no more than one CIDR for each IP family"
        errors.append(invalid(where, ranges, why))
    return errors


def _amounts(node: Object) -> list[FieldError]:
    status = node.get("status") or {}
    errors: list[FieldError] = []
    for field in ("capacity", "allocatable"):
        for name, amount in (status.get(field) or {}).items():
            errors.extend(validate_amount(name, amount, STATUS.child(field, name)))
    return errors


def _features(node: Object) -> list[FieldError]:
    names = (node.get("status") or {}).get("declaredFeatures") or []
    errors: list[FieldError] = []
    for position, name in enumerate(names):
        where = STATUS.child("declaredFeatures").at(position)
        if len(name) > _LONGEST_FEATURE:
            why = f"invalid feature name {go_quote(name)}: must be no more than {_LONGEST_FEATURE} characters"
            errors.append(invalid(where, name, why))
        elif not _FEATURE(name):
            why = (
                f"invalid feature name {go_quote(name)}: must start with an UpperCamelCase segment, with subsequent "
                "segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric "
                "characters and slashes"
            )
            errors.append(invalid(where, name, why))
        for after in names[position + 1 : position + 2]:
            place = STATUS.child("declaredFeatures").at(position + 1)
            if name == after:
                errors.append(duplicate(place, after))
            elif name > after:
                errors.append(invalid(place, after, "list must be sorted alphabetically"))
    return errors


def update(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = [] if subresource else create(new)
    errors.extend(_amounts(new))
    errors.extend(_features(new))
    seen: set[tuple[str, str]] = set()
    for position, address in enumerate((new.get("status") or {}).get("addresses") or ()):
        kind, text = address.get("type") or "", address.get("address") or ""
        if (kind, text) in seen:
            errors.append(duplicate(STATUS.child("addresses").at(position), Inside(Type=kind, Address=text)))
        seen.add((kind, text))
    after, before = new.get("spec") or {}, old.get("spec") or {}
    ranges, had = after.get("podCIDRs") or [], before.get("podCIDRs") or []
    if had and len(ranges) != len(had):
        errors.append(forbidden(SPEC.child("podCIDRs"), _POD_CIDR))
    elif had:
        errors += [
            forbidden(SPEC.child("podCIDRs"), _POD_CIDR)
            for one, other in zip(ranges, had, strict=True)
            if one != other
        ]
    if before.get("providerID") and after.get("providerID") != before.get("providerID"):
        why = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden(SPEC.child("providerID"), why))
    errors.extend(validate_taints(after.get("taints") or [], _TAINTS))
    if (after.get("externalID") or "") != (before.get("externalID") or ""):
        errors.append(forbidden(SPEC.child("externalID"), "may not be updated"))
    return errors
