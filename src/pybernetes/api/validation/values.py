"""Checks of single values that many kinds share: counts, percentages, ports, fixed choices, immutability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pybernetes.api.fields import IMMUTABLE, FieldError, FieldPath, invalid, not_supported, required
from pybernetes.api.names import is_percent, is_port_name, is_port_number
from pybernetes.api.validation.differences import shown

NOT_NEGATIVE = "must be greater than or equal to 0"
MAX_INT32 = 2**31 - 1

PROTOCOLS = ("SCTP", "TCP", "UDP")


def not_negative(holder: dict[str, Any], field: str, path: FieldPath) -> list[FieldError]:
    """`holder[field]`, where it is set, is 0 or more."""
    value = holder.get(field)
    return [invalid(path.child(field), value, NOT_NEGATIVE)] if value is not None and value < 0 else []


def one_of(value: Any, supported: Sequence[str], path: FieldPath) -> list[FieldError]:
    """A fixed choice; `supported` in the order in which it is to be shown."""
    return [] if value in supported else [not_supported(path, value or "", supported)]


def one_of_required(value: Any, supported: Sequence[str], path: FieldPath) -> list[FieldError]:
    return one_of(value, supported, path) if value else [required(path)]


def port_number(value: int, path: FieldPath) -> list[FieldError]:
    return [invalid(path, value, why) for why in is_port_number(value)]


def port_or_name(value: int | str, path: FieldPath) -> list[FieldError]:
    """A target port: a number or the name of a container's port."""
    if isinstance(value, int):
        return port_number(value, path)
    return [invalid(path, value, why) for why in is_port_name(value)]


def count_or_percent(value: int | str, path: FieldPath) -> list[FieldError]:
    """A number of pods or a share of them."""
    if isinstance(value, str):
        return [invalid(path, value, why) for why in is_percent(value)]
    return [invalid(path, value, NOT_NEGATIVE)] if value < 0 else []


def percent_of(value: int | str) -> int | None:
    """The number before `%`, or None when it is a plain count."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return int(value[:-1])
    return None


def at_most_all(value: int | str, path: FieldPath) -> list[FieldError]:
    share = percent_of(value)
    return (
        [invalid(path, value, "must not be greater than 100%")] if share is not None and share > 100 else []
    )


def is_zero(value: int | str) -> bool:
    """A text that is no percentage counts as the number that it is, or as none."""
    if isinstance(value, int):
        return value == 0
    share = percent_of(value)
    return share == 0 if share is not None else not value.isdigit() or int(value) == 0


def immutable(
    new: dict[str, Any], old: dict[str, Any], field: str, path: FieldPath, type_name: str = ""
) -> list[FieldError]:
    """`field` of both holders is the same. `type_name` is how upstream shows it if it is an object."""
    value = new.get(field)
    if value == old.get(field):
        return []
    return [invalid(path.child(field), shown(value, type_name) if type_name else value, IMMUTABLE)]


def selects(selector: dict[str, Any] | None, labels: dict[str, str] | None) -> bool:
    """Whether the selector matches the labels; a broken one, which others report, counts as matching."""
    from pybernetes.api.selectors import LabelSelector, SelectorError

    try:
        return LabelSelector.from_object(selector).matches(labels)
    except SelectorError:
        return True
