"""Conditions of a status, in the kinds whose conditions upstream judges."""

from __future__ import annotations

import re
from typing import Any

from pybernetes.api.fields import STATUS, FieldError, FieldPath, duplicate, invalid, required, too_long
from pybernetes.api.names import is_qualified_name, regex_words
from pybernetes.api.validation.values import one_of

Object = dict[str, Any]

_STATUSES = ("False", "True", "Unknown")
_LONGEST_REASON, _LONGEST_MESSAGE = 1024, 32768
_REASON = r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_WORDS = regex_words(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    "characters or '_,:', and must end with an alphanumeric character or '_'",
    _REASON,
    "my_name",
    "MY_NAME",
    "MyName",
    "ReasonA,ReasonB",
    "ReasonA:ReasonB",
)


def validate_conditions(obj: Object) -> list[FieldError]:
    """Those of the object's status."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        path, kind = STATUS.child("conditions").at(position), condition.get("type") or ""
        if kind in seen:
            errors.append(duplicate(path.child("type"), kind))
        seen.add(kind)
        errors.extend(_condition(condition, path))
    return errors


def _condition(condition: Object, path: FieldPath) -> list[FieldError]:
    kind, reason = condition.get("type") or "", condition.get("reason") or ""
    errors = [invalid(path.child("type"), kind, why) for why in is_qualified_name(kind)]
    errors.extend(one_of(condition.get("status") or "", _STATUSES, path.child("status")))
    generation = condition.get("observedGeneration") or 0
    if generation < 0:
        where = path.child("observedGeneration")
        errors.append(invalid(where, generation, "must be greater than or equal to zero"))
    if not condition.get("lastTransitionTime"):
        errors.append(required(path.child("lastTransitionTime")))
    where = path.child("reason")
    if not reason:
        errors.append(required(where))
    elif not re.fullmatch(_REASON, reason):
        errors.append(invalid(where, reason, _REASON_WORDS))
    if len(reason) > _LONGEST_REASON:
        errors.append(too_long(where, _LONGEST_REASON))
    if len(condition.get("message") or "") > _LONGEST_MESSAGE:
        errors.append(too_long(path.child("message"), _LONGEST_MESSAGE))
    return errors
