"""Objects as JSON in the form of written.py, put in order and encoded in C.

`writer(type_)` is a function from an object to its JSON, or to None for an object that msgspec does not take for one of
its type; it is None itself for the few types that msgspec cannot express. `written.written` is the way for those.
It goes through structs, which live only within the call: objects are dicts everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from types import GenericAlias
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType, defstruct
from msgspec import field as struct_field

from pybernetes.api.schema import (
    ANY,
    BOOLEAN,
    BYTES,
    INT_OR_STRING,
    INTEGER,
    LIST,
    MAP,
    MICRO_TIME,
    NUMBER,
    OBJECT,
    QUANTITY,
    STRING,
    TIME,
    Field,
    ObjectType,
)

Object = dict[str, Any]
Write = Callable[[Object], bytes | None]

_SIMPLE: dict[int, Any] = {
    BOOLEAN: bool,
    BYTES: str,
    INTEGER: int,
    INT_OR_STRING: int | str,
    MICRO_TIME: str,
    NUMBER: int | float,
    QUANTITY: str,
    STRING: str,
    TIME: str,
}
_ZEROS: dict[int, Any] = {BOOLEAN: False, BYTES: "", INTEGER: 0, STRING: ""}
_EMPTY: dict[int, Callable[[], Any]] = {LIST: list, MAP: dict}
_NEVER_ZERO = frozenset((TIME, MICRO_TIME))
_BUSY = object()

_encode = msgspec.json.Encoder(order="deterministic").encode
_writers: dict[str, Write | None] = {}
_structs: dict[str, Any] = {}


class _Inexpressible(Exception):
    """msgspec has no type for it."""


def writer(type_: ObjectType) -> Write | None:
    """The same for the same type, made when it is first asked for."""
    name = type_.name
    if name not in _writers:
        try:
            _writers[name] = _writer(_struct(type_))
        except _Inexpressible:
            _writers[name] = None
    return _writers[name]


def _writer(struct: Any) -> Write:
    def write(obj: Object) -> bytes | None:
        try:
            return _encode(msgspec.convert(obj, struct))
        except (ValueError, RecursionError):
            return None

    return write


def _struct(type_: ObjectType) -> Any:
    made = _structs.get(type_.name)
    if made is _BUSY:
        raise _Inexpressible(f"{type_.name} holds itself")
    if made is None:
        if set(type_.order) != set(type_.fields):
            raise _Inexpressible(f"nothing is known of the order of {type_.name}")
        _structs[type_.name] = _BUSY
        try:
            members = [_member(f"f{at}", type_, name) for at, name in enumerate(type_.order)]
        except _Inexpressible:
            del _structs[type_.name]
            raise
        names = {f"f{at}": name for at, name in enumerate(type_.order)}
        made = _structs[type_.name] = defstruct(
            type_.short_name, members, rename=names, omit_defaults=True, forbid_unknown_fields=True, gc=False
        )
    return made


def _member(attribute: str, type_: ObjectType, name: str) -> tuple[str, Any, Any]:
    """A field of a struct. msgspec leaves defaults out, but for those that a factory of ours makes."""
    field = type_.fields[name]
    value = _value(field)
    if name in type_.always:
        zero = type_.always[name]
        if zero is None:
            return attribute, value | None, struct_field(default_factory=lambda: None)
        if field.type == OBJECT:
            return attribute, value, struct_field(default_factory=value)
        return attribute, value, struct_field(default_factory=lambda: {} if zero == {} else zero)
    if not field.omits_zero or field.type in _NEVER_ZERO:
        return attribute, value | UnsetType, struct_field(default=UNSET)
    if field.type in _EMPTY:
        return attribute, value, struct_field(default_factory=_EMPTY[field.type])
    if field.type not in _ZEROS:
        raise _Inexpressible(f"{type_.name}.{name}")
    return attribute, value, struct_field(default=_ZEROS[field.type])


def _value(field: Field) -> Any:
    """What msgspec calls the type of a field."""
    if field.type == OBJECT:
        return _struct(field.object)
    if field.type in _EMPTY and field.element is not None:
        element = _value(field.element)
        return GenericAlias(list, (element,)) if field.type == LIST else GenericAlias(dict, (str, element))
    if field.type == ANY and field.ref.endswith("FieldsV1"):
        return dict[str, Any]
    found = _SIMPLE.get(field.type)
    if found is None:
        raise _Inexpressible(field.go_name)
    return found
