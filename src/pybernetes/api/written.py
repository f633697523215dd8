"""Objects in the form in which upstream writes them: fields in the order of their types, what is always written
even where nothing is set, the keys of maps sorted.

`written(obj, type)` answers the object in that form. Its argument stays as it is; parts that have the form already
are shared. How to bring an object into form follows from its type and its keys alone, so that is worked out once.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.schema import LIST, MAP, OBJECT, Field, ObjectType

Object = dict[str, Any]

_MOST_PLANS = 256
"""Sets of keys that are remembered of one type."""

_Plan = tuple[tuple[str, ...] | None, tuple[tuple[str, Field], ...]]
"""The keys to have, in their order (None: as they are), and those whose values have a form of their own."""

_CONTAINERS = frozenset((OBJECT, LIST, MAP))


def written(obj: Object, type_: ObjectType, known: Object | None = None) -> Object:
    """`known` is an object that has the form: what both share is not looked at again."""
    keys = tuple(obj)
    order, inner = type_.plans.get(keys) or _plan(keys, type_)
    if order is not None:
        obj = {key: obj[key] if key in obj else _zero(type_.always[key]) for key in order}
    fresh = order is not None
    for key, field in inner:
        value = obj[key]
        if known is not None:
            before = known.get(key)
            if before is value:
                continue
            if field.type == OBJECT and before.__class__ is dict and value.__class__ is dict:
                new = written(value, field.object, before)
            else:
                new = _value(value, field)
        else:
            new = _value(value, field)
        if new is not value:
            if not fresh:
                obj, fresh = {**obj}, True
            obj[key] = new
    return obj


def _zero(value: Any) -> Any:
    return {} if value.__class__ is dict else value


def _plan(keys: tuple[str, ...], type_: ObjectType) -> _Plan:
    order: tuple[str, ...] | None = None
    if type_.order:
        have = {*keys, *type_.always}
        order = tuple(key for key in type_.order if key in have)
        order += tuple(key for key in keys if key not in type_.fields)
        if order == keys:
            order = None
    fields = type_.fields
    inner = tuple((key, fields[key]) for key in order or keys if key in fields and _has_form(fields[key]))
    plan = order, inner
    if len(type_.plans) < _MOST_PLANS:
        type_.plans[keys] = plan
    return plan


def _has_form(field: Field) -> bool:
    if field.type == LIST:
        return field.element is not None and field.element.type in _CONTAINERS
    return field.type == OBJECT or field.type == MAP


def _value(value: Any, field: Field) -> Any:
    if value.__class__ is dict:
        if field.type == OBJECT:
            return written(value, field.object)
        return _map(value, field.element) if field.type == MAP and value else value
    if value.__class__ is list and field.type == LIST and value:
        element = field.element
        if element is None or element.type not in _CONTAINERS:
            return value
        items = [_value(one, element) for one in value]
        return value if all(map(_same, items, value)) else items
    return value


def _same(left: Any, right: Any) -> bool:
    return left is right


def _map(value: Object, element: Field | None) -> Object:
    if len(value) > 1:
        keys = list(value)
        ordered = sorted(keys)
        if ordered != keys:
            value = {key: value[key] for key in ordered}
    if element is None or element.type not in _CONTAINERS:
        return value
    return {key: _value(one, element) for key, one in value.items()}
