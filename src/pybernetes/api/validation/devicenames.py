"""What claims and slices of devices have in common: limited lists, names of attributes and pools, taints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from pybernetes.api.names import is_c_identifier, is_dns1123_subdomain, is_label_value, is_qualified_name
from pybernetes.api.validation.storage import driver_name

Object = dict[str, Any]
Check = Callable[[Any, FieldPath], list[FieldError]]

_LONGEST_ID, _LONGEST_POOL, _MOST_CONDITIONS = 32, 253, 4
_EFFECTS = ("NoExecute", "NoSchedule", "None")


def each(items: list[Any], most: int, path: FieldPath, check: Check) -> list[FieldError]:
    """Every item, or only that there are too many."""
    if len(items) > most:
        return [too_many(path, len(items), most)]
    return [error for position, item in enumerate(items) for error in check(item, path.at(position))]


def named(items: list[Any], most: int, path: FieldPath, check: Check, key: str = "name") -> list[FieldError]:
    """As `each`, of items that differ in `key`; of texts, if they are none."""
    errors = each(items, most, path, check)
    if len(items) > most:
        return errors
    names = [item.get(key) or "" if isinstance(item, dict) else item for item in items]
    errors.extend(duplicate(path.at(at), name) for at, name in enumerate(names) if name in names[:at])
    return errors


def pool_name(name: str, path: FieldPath) -> list[FieldError]:
    if not name:
        return [required(path)]
    errors = [too_long(path, _LONGEST_POOL)] if len(name) > _LONGEST_POOL else []
    return errors + [
        invalid(path, part, why) for part in name.split("/") for why in is_dns1123_subdomain(part)
    ]


def qualified_name(name: str, path: FieldPath) -> list[FieldError]:
    """`identifier`, or `domain/identifier`."""
    parts = name.split("/")
    if len(parts) == 1:
        return _identifier(name, path)
    if len(parts) > 2:
        return []
    domain, own = parts
    errors = driver_name(domain, path) if domain else [invalid(path, "", "the domain must not be empty")]
    return errors + (_identifier(own, path) if own else [invalid(path, "", "the name must not be empty")])


def fully_qualified_name(name: str, path: FieldPath) -> list[FieldError]:
    errors = qualified_name(name, path)
    if "/" not in name:
        why = "a fully qualified name must be a domain and a name separated by a slash"
        errors.append(invalid(path, name, why))
    return errors


def _identifier(text: str, path: FieldPath) -> list[FieldError]:
    errors = [too_long(path, _LONGEST_ID)] if len(text) > _LONGEST_ID else []
    return errors + [invalid(path, text, why) for why in is_c_identifier(text)]


def taint(one: Object, path: FieldPath) -> list[FieldError]:
    key, value, effect = (one.get(field) or "" for field in ("key", "value", "effect"))
    errors = [invalid(path.child("key"), key, why) for why in is_qualified_name(key)]
    errors.extend(invalid(path.child("value"), value, why) for why in is_label_value(value))
    if not effect:
        errors.append(required(path.child("effect")))
    elif effect not in _EFFECTS:
        errors.append(not_supported(path.child("effect"), effect, _EFFECTS))
    return errors


def toleration(one: Object, path: FieldPath) -> list[FieldError]:
    key, value, effect, operator = (one.get(field) or "" for field in ("key", "value", "effect", "operator"))
    errors: list[FieldError] = []
    if key:
        errors.extend(invalid(path.child("key"), key, why) for why in is_qualified_name(key))
    if operator == "Exists":
        if value:
            errors.append(invalid(path.child("value"), value, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors.extend(invalid(path.child("value"), value, why) for why in is_label_value(value))
    elif not operator:
        errors.append(required(path.child("operator")))
    else:
        errors.append(not_supported(path.child("operator"), operator, ("Equal", "Exists")))
    if effect and effect not in _EFFECTS:
        errors.append(not_supported(path.child("effect"), effect, _EFFECTS))
    return errors


def binding_parameters(holder: Object, path: FieldPath) -> list[FieldError]:
    """Conditions under which a device is bound, and those under which that has failed."""

    def label(name: str, where: FieldPath) -> list[FieldError]:
        return [invalid(where, name, why) for why in is_qualified_name(name)]

    good, bad = holder.get("bindingConditions") or [], holder.get("bindingFailureConditions") or []
    goods, bads = path.child("bindingConditions"), path.child("bindingFailureConditions")
    errors = each(good, _MOST_CONDITIONS, goods, label) + each(bad, _MOST_CONDITIONS, bads, label)
    errors.extend(duplicate(goods.at(at), one) for at, one in enumerate(good) if one in good[:at])
    for position, one in enumerate(bad):
        if one in bad[:position]:
            errors.append(duplicate(bads.at(position), one))
        if one in good:
            why = "bindingFailureConditions must not overlap with bindingConditions"
            errors.append(invalid(bads.at(position), one, why))
    if bad and not good:
        why = "bindingConditions are required to use bindingFailureConditions"
        errors.append(invalid(goods, holder.get("bindingConditions"), why))
    if good and not bad:
        why = "bindingFailureConditions are required to use bindingConditions"
        errors.append(invalid(bads, holder.get("bindingFailureConditions"), why))
    return errors
