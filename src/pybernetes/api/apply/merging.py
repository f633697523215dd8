"""Merge an applied configuration into a live object, and take out what an applier no longer wants.

In: decoded objects and the schema. Out: new objects; the arguments stay as they are.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.apply import fieldset
from pybernetes.api.apply.fields import is_atomic_map, keys_of
from pybernetes.api.apply.fieldset import FieldSet, is_member
from pybernetes.api.schema import BY_KEYS, LIST, MAP, OBJECT, SET, Field, ObjectType

Object = dict[str, Any]


def merged(live: Object, config: Object, type_: ObjectType | None) -> Object:
    """`live` with everything that `config` sets."""
    return _merge_object(live, config, type_.fields if type_ is not None else {}, None)


def _merge_object(live: Object, config: Object, fields: dict[str, Field], each: Field | None) -> Object:
    result = dict(live)
    for name, value in config.items():
        if value is None:
            continue
        schema = each or fields.get(name)
        result[name] = _merge(live[name], value, schema) if live.get(name) is not None else value
    return result


def _merge(live: Any, config: Any, schema: Field | None) -> Any:
    if isinstance(live, dict) and isinstance(config, dict) and not is_atomic_map(schema):
        if schema is not None and schema.type == MAP:
            return _merge_object(live, config, {}, schema.element)
        return _merge_object(
            live, config, schema.object.fields if schema is not None and schema.type == OBJECT else {}, None
        )
    if isinstance(live, list) and isinstance(config, list) and schema is not None and schema.type == LIST:
        if schema.list_type == SET:
            return [*live, *(entry for entry in config if entry not in live)]
        if schema.list_type == BY_KEYS:
            return _merge_items(live, config, schema)
    return config


def _merge_items(live: list[Any], config: list[Any], schema: Field) -> list[Any]:
    """Items of both; the configuration decides the order of its own, others keep their place before the next."""
    wanted = {fieldset.item(keys_of(entry, schema.list_map_keys)): entry for entry in config}
    there = {fieldset.item(keys_of(entry, schema.list_map_keys)): entry for entry in live}
    waiting = iter(wanted)
    placed: set[str] = set()
    result: list[Any] = []

    def place(key: str) -> None:
        placed.add(key)
        if key in wanted and key in there:
            result.append(_merge(there[key], wanted[key], schema.element))
        else:
            result.append(wanted.get(key, there.get(key)))

    for key in there:
        if key not in wanted:
            place(key)
            continue
        for earlier in waiting:
            if earlier not in placed:
                place(earlier)
            if earlier == key:
                break
    for key in waiting:
        if key not in placed:
            place(key)
    return result


def without(obj: Object, fields: FieldSet, type_: ObjectType | None) -> Object:
    """The object less the members of `fields`; a member takes all below it along."""
    return _strip_object(obj, fields, type_.fields if type_ is not None else {}, None)


def _strip_object(obj: Object, fields: FieldSet, types: dict[str, Field], each: Field | None) -> Object:
    result: Object = {}
    for name, value in obj.items():
        node = fields.get("f:" + name)
        if node is None:
            result[name] = value
        elif not is_member(node):
            result[name] = _strip(value, node, each or types.get(name))
    return result


def _strip(value: Any, node: FieldSet, schema: Field | None) -> Any:
    if isinstance(value, dict):
        if schema is not None and schema.type == MAP:
            return _strip_object(value, node, {}, schema.element)
        types = schema.object.fields if schema is not None and schema.type == OBJECT else {}
        return _strip_object(value, node, types, None)
    if isinstance(value, list) and schema is not None and schema.type == LIST:
        kept = []
        for entry in value:
            if schema.list_type == SET:
                if fieldset.value(entry) not in node:
                    kept.append(entry)
                continue
            inner = node.get(fieldset.item(keys_of(entry, schema.list_map_keys)))
            if inner is None:
                kept.append(entry)
            elif not is_member(inner):
                kept.append(_strip(entry, inner, schema.element))
        return kept
    return value
