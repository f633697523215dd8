"""Which fields an object sets, and which differ between two of its versions.

In: decoded objects and their schema (None where a custom resource has none: then structs are granular and
lists atomic). Out: field sets.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import lru_cache
from typing import Any

import msgspec

from pybernetes.api.apply import fieldset
from pybernetes.api.apply.fieldset import LEAF, SELF, FieldSet
from pybernetes.api.schema import ATOMIC, BY_KEYS, LIST, MAP, OBJECT, SET, Field, ObjectType

Object = dict[str, Any]

_ABSENT = object()
_RAW = "io.k8s.apimachinery.pkg.runtime.RawExtension"
"""An object that nobody here knows anything about."""
_CONTAINERS = frozenset((dict, list))
_MAPS_OF_TEXT = frozenset(("labels", "annotations"))
_REMEMBERED_SIZE = 16 * 1024
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


_KEY_DEFAULTS = {"protocol": "TCP", "name": "", "uid": ""}


def keys_of(entry: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The identity of a keyed list's item; a key that is left out has its default: protocol is TCP."""
    keys = {}
    for name in names:
        if name in entry:
            keys[name] = entry[name]
        elif name in _KEY_DEFAULTS:
            keys[name] = _KEY_DEFAULTS[name]
    return keys


def fields_of(obj: Object, type_: ObjectType | None) -> FieldSet:
    """Every field that the object sets, down to scalars and atomic values: what an applied configuration wants."""
    return _object_fields(obj, type_, ends=False)


def fields_of_new(obj: Object, type_: ObjectType | None) -> FieldSet:
    """What creating the object has added to an empty one. Many objects may have the same spec: it is looked at once."""
    rest, parts = dict(obj), {}
    metadata = obj.get("metadata")
    if metadata and metadata.keys() <= _MAPS_OF_TEXT and all(metadata.values()):
        del rest["metadata"]
        parts["f:metadata"] = {
            "f:" + name: {SELF: LEAF, **{"f:" + key: LEAF for key in sorted(metadata[name])}}
            for name in sorted(metadata)
        }
    spec = obj.get("spec")
    schema = type_.fields.get("spec") if type_ is not None else None
    if spec and schema is not None and schema.type == OBJECT:
        encoded = _encode(spec)
        if len(encoded) <= _REMEMBERED_SIZE:
            del rest["spec"]
            inner = _fields_of_encoded(encoded, schema)
            if inner:
                parts["f:spec"] = inner
    if rest:
        parts.update(fieldset.ordered(changed({}, rest, type_)[0]))
    return parts


@lru_cache(maxsize=128)
def _fields_of_encoded(encoded: bytes, schema: Field) -> FieldSet:
    return fieldset.ordered(changed({}, _decode(encoded), schema.object)[0])


def _object_fields(obj: Object, type_: ObjectType | None, ends: bool) -> FieldSet:
    fields = type_.fields if type_ is not None else {}
    found: FieldSet = {}
    for name, entry in obj.items():
        found["f:" + name] = (
            _value_fields(entry, fields.get(name), ends) if entry.__class__ in _CONTAINERS else LEAF
        )
    return found


def _value_fields(value: Any, schema: Field | None, ends: bool = False) -> FieldSet:
    """Of something that was not there before (`ends`) containers are members, too."""
    if not value:
        return LEAF
    found: FieldSet = {SELF: LEAF} if ends else {}
    if isinstance(value, dict):
        if is_atomic_map(schema):
            return LEAF
        if schema is not None and schema.type == MAP:
            element = schema.element
            for name, entry in value.items():
                node = _value_fields(entry, element, ends) if entry.__class__ in _CONTAINERS else LEAF
                found["f:" + name] = {SELF: LEAF, **node} if node else LEAF
            return found
        found |= _object_fields(
            value, schema.object if schema is not None and schema.type == OBJECT else None, ends
        )
        return found
    if isinstance(value, list) and schema is not None and schema.type == LIST:
        if schema.list_type == SET:
            return {**found, **{fieldset.value(entry): LEAF for entry in value}}
        if schema.list_type == BY_KEYS and schema.element is not None:
            repeated: list[str] = []
            for entry in value:
                if isinstance(entry, dict):
                    key = fieldset.item(keys_of(entry, schema.list_map_keys))
                    if key in found:
                        repeated.append(key)
                    found[key] = _item_fields(entry, schema.element, ends)
            for key in repeated:
                # Items of one identity are nobody's.
                found.pop(key, None)
            return found
    return LEAF


def _item_fields(entry: Any, element: Field | None, ends: bool) -> FieldSet:
    inner = _value_fields(entry, element, ends)
    return {SELF: LEAF, **inner} if inner else LEAF


def duplicate_entries(obj: Object, type_: ObjectType) -> list[str]:
    """What an applied configuration says twice in keyed lists and in sets, in words."""
    found: list[str] = []
    _find_duplicates(obj, type_, "", found)
    return found


def _find_duplicates(obj: Object, type_: ObjectType, path: str, found: list[str]) -> None:
    for name, value in obj.items():
        field = type_.fields.get(name)
        if field is not None and value.__class__ in _CONTAINERS:
            _find_in_value(value, field, f"{path}.{name}", found)


def _find_in_value(value: Any, schema: Field, path: str, found: list[str]) -> None:
    if schema.type == OBJECT and isinstance(value, dict):
        _find_duplicates(value, schema.object, path, found)
    elif schema.type == MAP and isinstance(value, dict) and schema.element is not None:
        for name, entry in value.items():
            if entry.__class__ in _CONTAINERS:
                _find_in_value(entry, schema.element, f"{path}.{name}", found)
    elif schema.type == LIST and isinstance(value, list):
        _find_in_list(value, schema, path, found)


def _find_in_list(entries: list[Any], schema: Field, path: str, found: list[str]) -> None:
    if schema.list_type not in (SET, BY_KEYS):
        return
    seen: set[str] = set()
    for entry in entries:
        keyed = schema.list_type == BY_KEYS
        if keyed and not isinstance(entry, dict):
            continue
        key = fieldset.item(keys_of(entry, schema.list_map_keys)) if keyed else fieldset.value(entry)
        if key in seen:
            found.append(f"{path}: duplicate entries for key {fieldset.path_text((key,))}")
        seen.add(key)
        if keyed and schema.element is not None:
            _find_in_value(entry, schema.element, path + fieldset.path_text((key,)), found)


def is_atomic_map(schema: Field | None) -> bool:
    if schema is None:
        return False
    if schema.map_type:
        return schema.map_type == ATOMIC
    if schema.ref == _RAW:
        return True
    return schema.type == OBJECT and schema.object.map_type == ATOMIC


def changed(old: Object, new: Object, type_: ObjectType | None) -> tuple[FieldSet, FieldSet]:
    """(added or modified, removed) between two versions."""
    return _changed_object(old, new, type_)


def _changed_object(old: Object, new: Object, type_: ObjectType | None) -> tuple[FieldSet, FieldSet]:
    fields, always = (type_.fields, type_.always) if type_ is not None else (_NONE, _NONE)
    return _changed_entries(old, new, fields.get, always)


def _changed_entries(
    old: Object, new: Object, schema_of: Callable[[str], Field | None], always: Container[str]
) -> tuple[FieldSet, FieldSet]:
    """`always` are the fields that are there, empty, in any object."""
    gained: FieldSet = {}
    removed: FieldSet = {}
    for name, value in new.items():
        before = old.get(name, _ABSENT)
        if before is value or before == value:
            continue
        _note(gained, removed, "f:" + name, before, value, schema_of(name), name in always)
    for name, before in old.items():
        if name not in new:
            if name in always and before.__class__ in _CONTAINERS:
                _note(gained, removed, "f:" + name, before, before.__class__(), schema_of(name))
            else:
                removed["f:" + name] = _value_fields(before, schema_of(name), ends=True)
    return gained, removed


_NONE: dict[str, Any] = {}
_ZEROS: tuple[Any, ...] = ("", 0)


def _note(
    gained: FieldSet,
    removed: FieldSet,
    key: str,
    before: Any,
    value: Any,
    schema: Field | None,
    always: bool = False,
) -> None:
    """What was null or empty was there already: only what is in it is added."""
    if before is _ABSENT or before is None:
        if before is _ABSENT and not always:
            gained[key] = _value_fields(value, schema, ends=True)
            return
        if value.__class__ not in _CONTAINERS:
            if value is not None and value not in _ZEROS:
                gained[key] = LEAF
            return
        before = value.__class__()
        if not value and isinstance(value, dict):
            return
    elif value is None and before.__class__ in _CONTAINERS:
        value = before.__class__()
    inner = _changed_value(before, value, schema)
    if inner is None:
        gained[key] = LEAF
        return
    if inner[0]:
        gained[key] = inner[0]
    if inner[1]:
        removed[key] = inner[1]


def _changed_value(before: Any, value: Any, schema: Field | None) -> tuple[FieldSet, FieldSet] | None:
    """Inside a granular value; None when it is to be taken as a whole."""
    if isinstance(before, dict) and isinstance(value, dict):
        if is_atomic_map(schema) or not (before or value):
            return None
        if schema is not None and schema.type == MAP:
            element = schema.element
            return _changed_entries(before, value, lambda name: element, ())
        return _changed_object(
            before, value, schema.object if schema is not None and schema.type == OBJECT else None
        )
    if isinstance(before, list) and isinstance(value, list) and schema is not None and schema.type == LIST:
        if not (before or value):
            return None
        if schema.list_type == SET:
            was = {fieldset.value(entry) for entry in before}
            now = {fieldset.value(entry) for entry in value}
            return {key: {} for key in now - was}, {key: {} for key in was - now}
        if schema.list_type == BY_KEYS and schema.element is not None:
            return _changed_items(before, value, schema)
    return None


def _changed_items(before: list[Any], value: list[Any], schema: Field) -> tuple[FieldSet, FieldSet]:
    gained: FieldSet = {}
    removed: FieldSet = {}
    was = {fieldset.item(keys_of(entry, schema.list_map_keys)): entry for entry in before}
    now = {fieldset.item(keys_of(entry, schema.list_map_keys)): entry for entry in value}
    for key, entry in now.items():
        if key not in was:
            gained[key] = _item_fields(entry, schema.element, ends=True)
        elif was[key] != entry:
            _note(gained, removed, key, was[key], entry, schema.element)
    for key, entry in was.items():
        if key not in now:
            removed[key] = _item_fields(entry, schema.element, ends=True)
    return gained, removed
