"""Reading a body against its schema: unknown and duplicate fields, wrong types, nulls, canonical forms.

`check(obj, schema)` takes a decoded object and leaves it, in place, as a typed server would have read it:
unknown fields, nulls and zeros that mean nothing are gone, quantities and times are in canonical form. What is
wrong but may pass, depending on `fieldValidation`, comes back as upstream's texts (`unknown field "spec.foo"`);
what can never pass raises `DecodeError` with the text of Go's JSON decoder. `duplicates(raw, obj)` finds keys that
a body says twice.

Most bodies are clean, so a quick look that changes nothing comes first.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from pybernetes.api import quantity
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
    SCHEMA_OR,
    STRING,
    TIME,
    Field,
    ObjectType,
    type_for,
)
from pybernetes.api.times import format_micro_time, format_time, parse_time

_CANONICAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").fullmatch
_SIX_DIGITS = re.compile(r"[^.]*\.\d{6}(Z|[+-]\d\d:\d\d)").fullmatch
_CANONICAL_MICRO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z").fullmatch
_INT32 = 1 << 31
_INT64 = 1 << 63
MOST_PROBLEMS = 100
"""Unknown and duplicate fields that are told of one body."""


class DecodeError(ValueError):
    """The body cannot be read as its kind; the text is that of Go's JSON decoder."""


def check(obj: dict[str, Any], schema: ObjectType, known: dict[str, Any] | None = None) -> list[str]:
    """Bring `obj` into shape, in place. Answers the unknown fields as `unknown field "spec.foo"`.

    `known` is an object that has been checked before: what both share is not looked at again.
    Raises DecodeError when a value has the wrong type.
    """
    clean = _clean(obj, schema.fields) if not known else _clean_beside(obj, schema.fields, known)
    if clean:
        return []
    reader = _Reader(schema)
    reader.object(obj, schema, "")
    return list(dict.fromkeys(reader.unknown))[:MOST_PROBLEMS]


def duplicates(raw: bytes, obj: object) -> list[str]:
    """The keys that a JSON body says more than once in one object, as `duplicate field "spec.bar"`.

    `obj` is what the body was decoded to, before anything changed it: that proves most bodies sound at once.
    """
    if msgspec.json.encode(obj) == raw.rstrip():
        return []
    if not _SPACED_COLON(raw) and raw.count(b'":') == _count_keys(obj):
        return []
    tree = json.loads(raw, object_pairs_hook=_Pairs)
    found = _walk(tree, None)
    return Repeated(found, tree) if found else []


class Repeated(list[str]):
    """What `duplicates` found, with what is needed to tell it in the body's order, among the unknown fields."""

    def __init__(self, found: list[str], tree: object) -> None:
        super().__init__(found)
        self._tree = tree

    def among_unknown(self, schema: ObjectType) -> list[str]:
        """Duplicate and unknown fields in the order that a reader meets them, each once."""
        return _walk(self._tree, schema)


def strict_error(problems: list[str]) -> str:
    """The text for `fieldValidation=Strict`: `strict decoding error: unknown field "spec.foo", ...`."""
    return f"strict decoding error: {', '.join(problems)}"


def cannot_handle(kind: str, version: str, why: str) -> str:
    """The message of the 400 that a body of a known kind gets; `version` without its group."""
    return f'{kind} in version "{version}" cannot be handled as a {kind}: {why}'


_SPACED_COLON = re.compile(rb'"\s+:').search


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, with the keys that come again."""


def _walk(tree: object, schema: ObjectType | None) -> list[str]:
    found: dict[str, None] = {}
    if isinstance(tree, _Pairs):
        _walk_object(tree, schema, "", found)
    else:
        _walk_value(tree, None, False, "", found)
    return list(found)[:MOST_PROBLEMS]


def _walk_object(pairs: _Pairs, schema: ObjectType | None, path: str, found: dict[str, None]) -> None:
    seen: set[str] = set()
    for key, value in pairs:
        where = f"{path}.{key}" if path else key
        field = schema.fields.get(key) if schema is not None else None
        if schema is not None and field is None:
            found[f'unknown field "{where}"'] = None
            continue
        if key in seen:
            found[f'duplicate field "{where}"'] = None
        seen.add(key)
        _walk_value(value, field, schema is not None, where, found)


def _walk_value(value: object, field: Field | None, typed: bool, path: str, found: dict[str, None]) -> None:
    """Fields of free form decode themselves, and nobody looks at what they say twice."""
    if typed and (field is None or field.type in (ANY, SCHEMA_OR)):
        return
    element = field.element if field is not None else None
    if isinstance(value, _Pairs):
        if field is None or field.type == OBJECT:
            _walk_object(value, field.object if field is not None else None, path, found)
            return
        seen: set[str] = set()
        for key, inner in value:
            if key in seen:
                found[f'duplicate field "{path}.{key}"'] = None
            seen.add(key)
            _walk_value(inner, element, typed, f"{path}.{key}", found)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            _walk_value(inner, element, typed, f"{path}[{at}]", found)


def _count_keys(value: object) -> int:
    if type(value) is dict:
        return len(value) + sum(_count_keys(inner) for inner in value.values() if type(inner) in (dict, list))
    if type(value) is list:
        return sum(_count_keys(inner) for inner in value if type(inner) in (dict, list))
    return 0


def _clean(obj: dict[str, Any], fields: dict[str, Field]) -> bool:
    """Whether an object needs no change and has nothing wrong."""
    for key, value in obj.items():
        field = fields.get(key)
        if field is None:
            return False
        if value:
            if field.type == STRING:
                if value.__class__ is not str:
                    return False
                continue
        elif field.omits_zero:
            return False
        elif value is None and field.writes_null:
            continue
        if not _clean_value(value, field):
            return False
    return True


def _clean_all(values: Iterable[Any], element: Field) -> bool:
    kind = element.type
    if kind == STRING:
        for value in values:
            if value.__class__ is not str:
                return False
    elif kind == OBJECT:
        fields = element.object.fields
        for value in values:
            if value.__class__ is not dict or not _clean(value, fields):
                return False
    else:
        for value in values:
            if not _clean_value(value, element):
                return False
    return True


def _clean_beside(obj: dict[str, Any], fields: dict[str, Field], known: dict[str, Any]) -> bool:
    """As `_clean`, of what is not a part of the known object, too."""
    for key, value in obj.items():
        before = known.get(key)
        if value is before and value is not None:
            continue
        field = fields.get(key)
        if field is not None and field.type == OBJECT and type(value) is dict and type(before) is dict:
            if not _clean_beside(value, field.object.fields, before):
                return False
        elif not _clean({key: value}, fields):
            return False
    return True


def _clean_value(value: Any, field: Field) -> bool:
    kind = field.type
    if kind == OBJECT:
        return type(value) is dict and _clean(value, field.object.fields)
    element = field.element
    if element is not None:
        if kind == LIST:
            return type(value) is list and _clean_all(value, element)
        return type(value) is dict and _clean_all(value.values(), element)
    if kind == INTEGER:
        limit = _INT32 if field.bits == 32 else _INT64
        return type(value) is int and -limit <= value < limit
    if kind == BOOLEAN:
        return value is True or value is False
    if kind == STRING:
        return type(value) is str
    return _clean_special(value, kind)


def _clean_special(value: Any, kind: int) -> bool:
    if kind == QUANTITY:
        try:
            return type(value) is str and quantity.canonical(value) == value
        except ValueError:
            return False
    if kind == INT_OR_STRING:
        return type(value) is str or (type(value) is int and -_INT32 <= value < _INT32)
    if kind == TIME:
        return type(value) is str and _CANONICAL_TIME(value) is not None
    if kind == MICRO_TIME:
        return type(value) is str and _CANONICAL_MICRO(value) is not None
    if kind == NUMBER:
        return type(value) is float or type(value) is int
    if kind == BYTES:
        return type(value) is str and _base64_fault(value) is None
    return kind == ANY and value is not None


def _base64_fault(text: str) -> int | None:
    """Where base64 breaks, or None; padding is due."""
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        stripped = text.replace("\n", "").replace("\r", "")
        good = re.match(r"[A-Za-z0-9+/]*", stripped)
        end = good.end() if good else 0
        tail = stripped[end:]
        if tail.strip("=") == "" and len(stripped) % 4 == 0 and len(tail) <= 2:
            return None
        return min(end, len(stripped) // 4 * 4) if not tail else end
    return None


class _Reader:
    """The slow walk: it knows the path, drops what does not belong and raises at the first wrong type."""

    def __init__(self, schema: ObjectType) -> None:
        self.unknown: list[str] = []
        self._names: list[str] = []
        self._struct = schema.short_name

    def object(self, obj: dict[str, Any], schema: ObjectType, path: str) -> None:
        outer, self._struct = self._struct, schema.short_name
        for key in list(obj):
            value = obj[key]
            field = schema.fields.get(key)
            where = f"{path}.{key}" if path else key
            if field is None:
                self.unknown.append(f'unknown field "{where}"')
                del obj[key]
                continue
            if value is None:
                del obj[key]
                continue
            if field.type == ANY:
                continue
            self._names.append(key)
            value = obj[key] = self._value(value, field, where)
            self._names.pop()
            if field.omits_zero and not value:
                del obj[key]
        self._struct = outer

    def _value(self, value: Any, field: Field, path: str) -> Any:
        kind = field.type
        if kind == OBJECT:
            if type(value) is not dict:
                raise self._mismatch(value, field)
            self.object(value, field.object, path)
            return value
        if kind == LIST and field.element is not None:
            if type(value) is not list:
                raise self._mismatch(value, field)
            return [self._item(one, field.element, f"{path}[{at}]") for at, one in enumerate(value)]
        if kind == MAP and field.element is not None:
            if type(value) is not dict:
                raise self._mismatch(value, field)
            element = field.element
            return {key: self._item(one, element, f"{path}.{key}") for key, one in value.items()}
        if kind == SCHEMA_OR:
            return self._schema_or(value, field, path)
        return self._scalar(value, field)

    def _schema_or(self, value: Any, field: Field, path: str) -> Any:
        schema = type_for(field.ref.partition("Or")[0])
        if type(value) is dict:
            self.object(value, schema, path)
            return value
        if field.ref.endswith("OrBool"):
            if type(value) is bool:
                return value
            raise DecodeError("boolean or JSON schema expected")
        if type(value) is not list:
            raise DecodeError("object or array expected")
        for at, one in enumerate(value):
            if field.ref.endswith("OrStringArray"):
                if type(one) is not str:
                    raise DecodeError(f"json: cannot unmarshal {_word(one)} into Go value of type string")
            elif type(one) is not dict:
                raise DecodeError(
                    f"json: cannot unmarshal {_word(one)} into Go value of type v1.JSONSchemaProps"
                )
            else:
                self.object(one, schema, f"{path}[{at}]")
        return value

    def _item(self, value: Any, field: Field, path: str) -> Any:
        if value is None:
            return _zero(field)
        return self._value(value, field, path)

    def _scalar(self, value: Any, field: Field) -> Any:
        kind = field.type
        if kind == ANY:
            return value
        if kind == QUANTITY:
            try:
                return quantity.canonical(value)
            except ValueError as error:
                raise DecodeError(str(error)) from None
        if kind in (TIME, MICRO_TIME):
            return self._time(value, field)
        if kind == BYTES and type(value) is str:
            fault = _base64_fault(value)
            if fault is not None:
                raise DecodeError(f"illegal base64 data at input byte {fault}")
            return value
        if kind == INT_OR_STRING and type(value) not in (str, int):
            raise DecodeError(f"json: cannot unmarshal {_word(value)} into Go value of type int32")
        if not _clean_value(value, field):
            raise self._mismatch(value, field)
        return value

    def _time(self, value: Any, field: Field) -> str:
        if type(value) is not str:
            raise DecodeError(f"json: cannot unmarshal {_word(value)} into Go value of type string")
        if field.type == TIME and _CANONICAL_TIME(value):
            return value
        try:
            moment = parse_time(value)
        except ValueError:
            layout = "2006-01-02T15:04:05Z07:00" if field.type == TIME else "2006-01-02T15:04:05.000000Z07:00"
            quoted = json.dumps(value)
            why = f'parsing time {quoted} as "{layout}": cannot parse {quoted} as "2006"'
            raise DecodeError(why) from None
        if field.type != TIME and not _SIX_DIGITS(value):
            rest, wanted = value[19:], ".000000"
            if _SIX_DIGITS(f"{value[:26]}Z"):
                rest, wanted = value[26:], "Z07:00"
            layout = "2006-01-02T15:04:05.000000Z07:00"
            why = f'parsing time {json.dumps(value)} as "{layout}": cannot parse "{rest}" as "{wanted}"'
            raise DecodeError(why)
        return format_time(moment) if field.type == TIME else format_micro_time(moment)

    def _mismatch(self, value: Any, field: Field) -> DecodeError:
        word = _word(value)
        if word == "number" and field.type == INTEGER:
            word = f"number {json.dumps(value)}"
        place = f"{self._struct}.{'.'.join(self._names)}"
        return DecodeError(
            f"json: cannot unmarshal {word} into Go struct field {place} of type {field.go_name}"
        )


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


_ZEROS: dict[int, Any] = {
    STRING: "",
    INTEGER: 0,
    NUMBER: 0,
    BOOLEAN: False,
    BYTES: "",
    QUANTITY: "0",
    INT_OR_STRING: 0,
}


def _zero(field: Field) -> Any:
    if field.type == OBJECT:
        return {}
    if field.type == LIST:
        return []
    if field.type == MAP:
        return {}
    return _ZEROS.get(field.type)
