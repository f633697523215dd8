"""Labels and label selectors inside objects."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pybernetes.api.fields import FieldError, FieldPath, forbidden, invalid, required
from pybernetes.api.names import is_label_key, is_label_value

Object = dict[str, Any]


def validate_labels(labels: dict[str, str], path: FieldPath) -> list[FieldError]:
    """Keys are qualified names, values label values."""
    errors: list[FieldError] = []
    for key, value in labels.items():
        if not _is_good(key, value):
            errors.extend(invalid(path, key, why) for why in is_label_key(key))
            errors.extend(invalid(path, value, why) for why in is_label_value(value))
    return errors


@lru_cache(maxsize=4096)
def _is_good(key: str, value: str) -> bool:
    return not is_label_key(key) and not is_label_value(value)


def validate_label_key(key: str, path: FieldPath) -> list[FieldError]:
    return [invalid(path, key, why) for why in is_label_key(key)]


def validate_label_selector(selector: Object | None, path: FieldPath) -> list[FieldError]:
    """A selector with `matchLabels` and `matchExpressions`."""
    if selector is None:
        return []
    errors = validate_labels(selector.get("matchLabels") or {}, path.child("matchLabels"))
    for position, expression in enumerate(selector.get("matchExpressions") or ()):
        errors.extend(validate_expression(expression, path.child("matchExpressions").at(position)))
    return errors


def validate_expression(
    expression: Object, path: FieldPath, *, compares: bool = False, any_value: bool = False
) -> list[FieldError]:
    """A requirement of a label selector or, when it may also compare numbers, of a node selector."""
    errors: list[FieldError] = []
    operator = expression.get("operator") or ""
    values = expression.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            why = "must be specified when `operator` is 'In' or 'NotIn'"
            errors.append(required(path.child("values"), why))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(path.child("values"), why))
    elif compares and operator in ("Gt", "Lt"):
        if len(values) != 1:
            why = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(path.child("values"), why))
    else:
        errors.append(invalid(path.child("operator"), operator, "not a valid selector operator"))
    errors.extend(validate_label_key(expression.get("key") or "", path.child("key")))
    for position, value in enumerate(() if any_value else values):
        errors.extend(invalid(path.child("values").at(position), value, why) for why in is_label_value(value))
    return errors


def is_empty_selector(selector: Object | None) -> bool:
    """Whether a selector has no condition at all."""
    return not selector or not (selector.get("matchLabels") or selector.get("matchExpressions"))
