"""Resource lists: names, amounts, and requests that limits must allow."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import FieldError, FieldPath, forbidden, invalid, required
from pybernetes.api.names import is_qualified_name
from pybernetes.api.resource_names import is_extended, is_hugepages, is_native
from pybernetes.api.validation.values import NOT_NEGATIVE

Object = dict[str, Any]

_FOR_CONTAINERS = frozenset(("cpu", "memory", "ephemeral-storage"))
_NOT_INTEGER = "must be an integer"


def can_overcommit(name: str) -> bool:
    return is_native(name) and not is_hugepages(name)


def validate_resource_name(name: str, path: FieldPath) -> list[FieldError]:
    """A name that any resource may have."""
    wrong = is_qualified_name(name)
    if wrong:
        return [invalid(path, name, why) for why in wrong]
    return []


def validate_container_resource_name(name: str, path: FieldPath) -> list[FieldError]:
    wrong = validate_resource_name(name, path)
    if wrong:
        return wrong
    if "/" not in name and name not in _FOR_CONTAINERS and not is_hugepages(name):
        return [invalid(path, name, "must be a standard resource for containers")]
    if "/" in name and not is_extended(name) and not is_hugepages(name):
        return [invalid(path, name, "doesn't follow extended resource name standard")]
    return []


def validate_amount(name: str, amount: object, path: FieldPath) -> list[FieldError]:
    """Not negative; whole for everything that cannot be divided."""
    try:
        parsed = quantity.parse(amount)
    except ValueError as error:
        return [invalid(path, amount, str(error))]
    if parsed.nanos < 0:
        return [invalid(path, quantity.canonical(amount), NOT_NEGATIVE)]
    if name and is_extended(name) and parsed.nanos % quantity.NANO:
        return [invalid(path, quantity.canonical(amount), _NOT_INTEGER)]
    return []


def validate_requirements(requirements: Object, path: FieldPath) -> list[FieldError]:
    """`resources` of a container: names and amounts, requests within limits."""
    errors: list[FieldError] = []
    limits, requests = requirements.get("limits") or {}, requirements.get("requests") or {}
    limit_path, request_path = path.child("limits"), path.child("requests")
    for name, amount in limits.items():
        where = limit_path.key(name)
        errors.extend(validate_container_resource_name(name, where))
        errors.extend(validate_amount(name, amount, where))
    for name, amount in requests.items():
        where = request_path.key(name)
        errors.extend(validate_container_resource_name(name, where))
        errors.extend(validate_amount(name, amount, where))
        errors.extend(_within(name, amount, limits.get(name), request_path, limit_path))
    if any(is_hugepages(name) for name in limits) and not (set(limits) | set(requests)) & {"cpu", "memory"}:
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    return errors


def _within(
    name: str, amount: object, limit: object, request_path: FieldPath, limit_path: FieldPath
) -> list[FieldError]:
    if limit is None:
        if not can_overcommit(name):
            return [required(limit_path, "Limit must be set for non overcommitable resources")]
        return []
    try:
        order = quantity.compare(amount, limit)
    except ValueError:
        return []
    shown = quantity.canonical(limit)
    if not can_overcommit(name) and order != 0:
        why = f"must be equal to {name} limit of {shown}"
        return [invalid(request_path, quantity.canonical(amount), why)]
    if can_overcommit(name) and order > 0:
        why = f"must be less than or equal to {name} limit of {shown}"
        return [invalid(request_path, quantity.canonical(amount), why)]
    return []
