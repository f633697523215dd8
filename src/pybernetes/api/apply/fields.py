"""Which fields an object sets, and which differ between two of its versions.

In: decoded objects and their schema (None where a custom resource has none: then structs are granular and
lists atomic). Out: field sets.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from pybernetes.api.apply import fieldset
from pybernetes.api.apply.fieldset import LEAF, SELF, FieldSet
from pybernetes.api.schema import ATOMIC, BY_KEYS, LIST, MAP, OBJECT, SET, Field, ObjectType

Object = dict[str, Any]

_ABSENT = object()
_CONTAINERS = frozenset((dict, list))
_REMEMBERED_SIZE = 16 * 1024
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def keys_of(entry: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The identity of a keyed list's item; a key that is left out has its default: protocol is TCP."""
    keys = {}
    for name in names:
        if name in entry:
            keys[name] = entry[name]
        elif name == "protocol":
            keys[name] = "TCP"
    return keys


def fields_of(obj: Object, type_: ObjectType | None) -> FieldSet:
    """Every field that the object sets, down to scalars and atomic values."""
    return _object_fields(obj, type_)


def fields_of_new(obj: Object, type_: ObjectType | None) -> FieldSet:
    """As `fields_of`, for an object whose spec many others may have, too: the same spec is looked at once."""
    spec = obj.get("spec")
    schema = type_.fields.get("spec") if type_ is not None else None
    if not spec or schema is None:
        return _object_fields(obj, type_)
    encoded = _encode(spec)
    if len(encoded) > _REMEMBERED_SIZE:
        return _object_fields(obj, type_)
    found = _object_fields({name: entry for name, entry in obj.items() if name != "spec"}, type_)
    found["f:spec"] = _fields_of_encoded(encoded, schema)
    return found


@lru_cache(maxsize=128)
def _fields_of_encoded(encoded: bytes, schema: Field) -> FieldSet:
    return _value_fields(_decode(encoded), schema)


def _object_fields(obj: Object, type_: ObjectType | None) -> FieldSet:
    fields = type_.fields if type_ is not None else {}
    found: FieldSet = {}
    for name, entry in obj.items():
        if entry.__class__ in _CONTAINERS:
            found["f:" + name] = _value_fields(entry, fields.get(name)) if entry else LEAF
        elif entry is not None:
            found["f:" + name] = LEAF
    return found


def _value_fields(value: Any, schema: Field | None) -> FieldSet:
    if isinstance(value, dict):
        if not value or is_atomic_map(schema):
            return LEAF
        if schema is not None and schema.type == MAP:
            found: FieldSet = {SELF: LEAF}
            element = schema.element
            for name, entry in value.items():
                found["f:" + name] = _value_fields(entry, element) if entry.__class__ in _CONTAINERS else LEAF
            return found
        return _object_fields(value, schema.object if schema is not None and schema.type == OBJECT else None)
    if isinstance(value, list) and value and schema is not None and schema.type == LIST:
        if schema.list_type == SET:
            return {SELF: LEAF, **{fieldset.value(entry): LEAF for entry in value}}
        if schema.list_type == BY_KEYS and schema.element is not None:
            found = {}
            for entry in value:
                if isinstance(entry, dict):
                    key = fieldset.item(keys_of(entry, schema.list_map_keys))
                    found[key] = {SELF: LEAF, **_value_fields(entry, schema.element)}
            return found
    return LEAF


def is_atomic_map(schema: Field | None) -> bool:
    if schema is None:
        return False
    if schema.map_type == ATOMIC:
        return True
    return schema.type == OBJECT and schema.object.map_type == ATOMIC


def changed(old: Object, new: Object, type_: ObjectType | None) -> tuple[FieldSet, FieldSet]:
    """(added or modified, removed) between two versions."""
    return _changed_object(old, new, type_.fields if type_ is not None else {})


def _changed_object(old: Object, new: Object, fields: dict[str, Field]) -> tuple[FieldSet, FieldSet]:
    written: FieldSet = {}
    removed: FieldSet = {}
    for name, value in new.items():
        before = old.get(name, _ABSENT)
        if before is value or before == value:
            continue
        schema = fields.get(name)
        _note(written, removed, "f:" + name, before, value, schema)
    for name, before in old.items():
        if name not in new:
            removed["f:" + name] = _value_fields(before, fields.get(name))
    return written, removed


def _note(
    written: FieldSet, removed: FieldSet, key: str, before: Any, value: Any, schema: Field | None
) -> None:
    if before is _ABSENT or before is None:
        written[key] = _value_fields(value, schema)
        return
    inner = _changed_value(before, value, schema)
    if inner is None:
        written[key] = _value_fields(value, schema)
        if isinstance(before, dict | list):
            gone = fieldset.difference({key: _value_fields(before, schema)}, {key: written[key]})
            removed.update(gone)
        return
    if inner[0]:
        written[key] = inner[0]
    if inner[1]:
        removed[key] = inner[1]


def _changed_value(before: Any, value: Any, schema: Field | None) -> tuple[FieldSet, FieldSet] | None:
    """Inside a granular value; None when it is to be taken as a whole."""
    if isinstance(before, dict) and isinstance(value, dict):
        if not before or not value or is_atomic_map(schema):
            return None
        if schema is not None and schema.type == MAP:
            names = before.keys() | value.keys()
            element = schema.element
            return _changed_object(
                before, value, dict.fromkeys(names, element) if element is not None else {}
            )
        inner = schema.object.fields if schema is not None and schema.type == OBJECT else {}
        return _changed_object(before, value, inner)
    if isinstance(before, list) and isinstance(value, list) and schema is not None and schema.type == LIST:
        if not before or not value:
            return None
        if schema.list_type == SET:
            was = {fieldset.value(entry) for entry in before}
            now = {fieldset.value(entry) for entry in value}
            return {key: {} for key in now - was}, {key: {} for key in was - now}
        if schema.list_type == BY_KEYS and schema.element is not None:
            return _changed_items(before, value, schema)
    return None


def _changed_items(before: list[Any], value: list[Any], schema: Field) -> tuple[FieldSet, FieldSet]:
    written: FieldSet = {}
    removed: FieldSet = {}
    was = {fieldset.item(keys_of(entry, schema.list_map_keys)): entry for entry in before}
    now = {fieldset.item(keys_of(entry, schema.list_map_keys)): entry for entry in value}
    for key, entry in now.items():
        if key not in was:
            written[key] = {SELF: {}, **_value_fields(entry, schema.element)}
        elif was[key] != entry:
            _note(written, removed, key, was[key], entry, schema.element)
    for key, entry in was.items():
        if key not in now:
            removed[key] = {SELF: {}, **_value_fields(entry, schema.element)}
    return written, removed
