"""Where in an object something is wrong, and how that is said: field paths and field errors.

A `FieldPath` is the text that clients see (`spec.containers[0].image`, `metadata.labels[foo]`); a
`FieldError` is one finding of a validation. Lists of them become the causes of a 422 Status
(`status_causes`). The words are those that every Kubernetes client knows: `Invalid value: "x": must be ...`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

REQUIRED = "FieldValueRequired"
INVALID = "FieldValueInvalid"
NOT_FOUND = "FieldValueNotFound"
DUPLICATE = "FieldValueDuplicate"
NOT_SUPPORTED = "FieldValueNotSupported"
FORBIDDEN = "FieldValueForbidden"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
TOO_FEW = "FieldValueTooFew"
TYPE_INVALID = "FieldValueTypeInvalid"
INTERNAL = "InternalError"

_WORDS = {
    REQUIRED: "Required value",
    INVALID: "Invalid value",
    NOT_FOUND: "Not found",
    DUPLICATE: "Duplicate value",
    NOT_SUPPORTED: "Unsupported value",
    FORBIDDEN: "Forbidden",
    TOO_LONG: "Too long",
    TOO_MANY: "Too many",
    TOO_FEW: "Too few",
    TYPE_INVALID: "Invalid value",
    INTERNAL: "Internal error",
}

_WITHOUT_VALUE = frozenset((REQUIRED, FORBIDDEN, TOO_LONG, INTERNAL))

IMMUTABLE = "field is immutable"


_KNOWN_CHILDREN = 64


class FieldPath(str):
    """A path as its text. `FieldPath('spec').child('ports').at(0)` is `spec.ports[0]`; '' is the object
    itself. A path remembers the paths below it: nearly all are made for nothing, as nearly all is right.
    """

    __slots__ = ("_below",)
    _below: dict[object, FieldPath]

    def child(self, *names: str) -> FieldPath:
        try:
            return self._below[names]
        except (AttributeError, KeyError):
            tail = ".".join(names)
            return self._remember(names, FieldPath(f"{self}.{tail}" if self else tail))

    def at(self, position: int) -> FieldPath:
        try:
            return self._below[position]
        except (AttributeError, KeyError):
            return self._remember(position, FieldPath(f"{self}[{position}]"))

    def _remember(self, step: object, path: FieldPath) -> FieldPath:
        if not hasattr(self, "_below"):
            self._below = {}
        if len(self._below) < _KNOWN_CHILDREN:
            self._below[step] = path
        return path

    def key(self, name: str) -> FieldPath:
        return FieldPath(f"{self}[{name}]")


ROOT = FieldPath("")
METADATA = FieldPath("metadata")
SPEC = FieldPath("spec")
STATUS = FieldPath("status")


class Inside(dict[str, Any]):
    """A value as upstream has it in itself: its own names for fields, in an order of their own."""


class _Omitted:
    __slots__ = ()


OMITTED = _Omitted()


def go_quote(text: str) -> str:
    """The text in double quotes, escaped as Go's %q does."""
    out = ['"']
    for char in text:
        escaped = _ESCAPES.get(char)
        if escaped is not None:
            out.append(escaped)
        elif char.isprintable():
            out.append(char)
        elif ord(char) < 0x80:
            out.append(f"\\x{ord(char):02x}")
        elif ord(char) < 0x10000:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(f"\\U{ord(char):08x}")
    out.append('"')
    return "".join(out)


_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def go_format(value: Any) -> str:
    """A decoded JSON value as Go's %v writes it: `map[spec:map[replicas:1]]`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_format(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_format, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)


class FieldError:
    """One thing wrong with one field. `str()` is `path: Invalid value: "x": detail`; `body` is that without
    the path.
    """

    __slots__ = ("detail", "field", "type", "value")

    def __init__(self, type: str, field: str, value: Any, detail: str = "") -> None:
        self.type = type
        self.field = field or "<nil>"
        self.value = value
        self.detail = detail

    @property
    def body(self) -> str:
        text = _WORDS[self.type]
        if self.type not in _WITHOUT_VALUE and self.value is not OMITTED:
            text = f"{text}: {_render(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"

    def __repr__(self) -> str:
        return f"FieldError({self})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FieldError)
            and self.type == other.type
            and self.field == other.field
            and self.body == other.body
        )

    def __hash__(self) -> int:
        return hash((self.type, self.field, self.detail))

    def cause(self) -> dict[str, str]:
        """The entry for `status.details.causes`."""
        return {"reason": self.type, "message": self.body, "field": self.field}


def _render(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, Inside):
        return msgspec.json.encode(value).decode()
    return msgspec.json.encode(value, order="deterministic").decode()


def required(path: str, detail: str = "") -> FieldError:
    return FieldError(REQUIRED, path, "", detail)


def invalid(path: str, value: Any, detail: str = "") -> FieldError:
    return FieldError(INVALID, path, value, detail)


def type_invalid(path: str, value: Any, detail: str = "") -> FieldError:
    return FieldError(TYPE_INVALID, path, value, detail)


def not_found(path: str, value: Any) -> FieldError:
    return FieldError(NOT_FOUND, path, value)


def duplicate(path: str, value: Any) -> FieldError:
    return FieldError(DUPLICATE, path, value)


def not_supported(path: str, value: Any, supported: Iterable[str]) -> FieldError:
    """`supported` in the order in which it is to be shown (upstream mostly sorts)."""
    shown = ", ".join(go_quote(one) for one in supported)
    return FieldError(NOT_SUPPORTED, path, value, f"supported values: {shown}" if shown else "")


def forbidden(path: str, detail: str = "") -> FieldError:
    return FieldError(FORBIDDEN, path, "", detail)


def too_long(path: str, limit: int, unit: str = "byte") -> FieldError:
    if limit < 0:
        return FieldError(TOO_LONG, path, OMITTED, "value is too long")
    return FieldError(
        TOO_LONG, path, OMITTED, f"may not be more than {limit} {unit}{'' if limit == 1 else 's'}"
    )


def too_many(path: str, actual: int, limit: int) -> FieldError:
    detail = (
        f"must have at most {limit} item{'' if limit == 1 else 's'}" if limit >= 0 else "has too many items"
    )
    return FieldError(TOO_MANY, path, actual if actual >= 0 else OMITTED, detail)


def too_few(path: str, actual: int, least: int) -> FieldError:
    detail = f"must have at least {least} item{'' if least == 1 else 's'}"
    return FieldError(TOO_FEW, path, actual if actual >= 0 else OMITTED, detail)


def internal(path: str, detail: str) -> FieldError:
    return FieldError(INTERNAL, path, OMITTED, detail)


def status_causes(errors: Sequence[FieldError]) -> list[dict[str, str]]:
    """The findings as the causes of a Status."""
    return [error.cause() for error in errors]


def aggregate(errors: Sequence[FieldError]) -> str:
    """The findings as the tail of a Status message: one as it is, several in brackets, repeats said once."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    if len(texts) == 1:
        return texts[0]
    return f"[{', '.join(texts)}]"
