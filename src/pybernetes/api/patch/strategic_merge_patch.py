"""Strategic merge patch: a merge patch that knows from the schema which lists merge, and by which key.

Directives: `$patch` (replace, delete, merge), `$retainKeys`, `$deleteFromPrimitiveList/FIELD` and
`$setElementOrder/FIELD`.
Source: the Kubernetes documentation page "Update API Objects in Place Using kubectl patch".
"""

from __future__ import annotations

from typing import Any

import msgspec

from pybernetes.api.fields import go_format
from pybernetes.api.patch.errors import MalformedPatch
from pybernetes.api.schema import LIST, MAP, OBJECT, Field, ObjectType

Object = dict[str, Any]

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def apply(obj: Object, patch: Object, schema: ObjectType) -> Object:
    """The object with the patch merged in as its schema says; it shares what the patch does not touch.

    Raises PatchError.
    """
    own: Object = msgspec.json.decode(msgspec.json.encode(patch))
    return _merge_object(obj, own, schema)


def _disordered(patch: list[Any], order: list[Any]) -> MalformedPatch:
    return MalformedPatch(
        f"The order in patch list:\n{go_format(patch)}\n"
        f"doesn't match $setElementOrder list:\n{go_format(order)}\n"
    )


def _no_list(value: Any) -> str:
    word = {dict: "map[string]interface {}", str: "string", bool: "bool", float: "float64"}
    return f"expected a []interface {{}}, but received a {word.get(type(value), 'int64')}"


def _merge_object(old: Object, patch: Object, schema: ObjectType | None) -> Object:
    """`old` stays as it is; `patch` is used up."""
    old = dict(old)
    directive = patch.pop(_PATCH, None)
    if directive == "replace":
        replacement: Object = _without_directives(patch)
        return replacement
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise MalformedPatch(
            f"unknown patch type: {directive} in map: {go_format({_PATCH: directive, **patch})}"
        )
    _retain_keys(old, patch)
    _delete_primitives(old, patch)
    orders = {
        key.removeprefix(_ORDER): patch.pop(key) for key in [one for one in patch if one.startswith(_ORDER)]
    }
    for field_name, order in orders.items():
        field = schema.fields.get(field_name) if schema is not None else None
        wanted = patch.pop(field_name, [])
        if wanted is None:
            old.pop(field_name, None)
            continue
        if not isinstance(order, list) or not isinstance(wanted, list):
            raise MalformedPatch(_no_list(order if not isinstance(order, list) else wanted))
        _set_order(old, field_name, field, wanted, order)
    for key, value in patch.items():
        field = schema.fields.get(key) if schema is not None else None
        if value is None:
            old.pop(key, None)
        elif key not in old:
            old[key] = _without_nulls(_without_directives(value))
        else:
            old[key] = _merge_value(old[key], value, field)
    return old


def _merge_value(old: Any, patch: Any, field: Field | None) -> Any:
    if isinstance(patch, dict) and isinstance(old, dict):
        if field is not None and "replace" in field.patch_strategy:
            return _without_directives(patch)
        inner = field.object if field is not None and field.type == OBJECT else None
        if field is not None and field.type == MAP and field.element is not None:
            return _merge_map(old, patch, field.element)
        return _merge_object(old, patch, inner)
    if isinstance(patch, list) and isinstance(old, list) and field is not None and field.merges:
        return _merge_list(old, patch, field)
    return _without_directives(patch)


def _merge_map(old: Object, patch: Object, element: Field) -> Object:
    """A map with arbitrary keys whose values may merge."""
    if element.type != OBJECT or _PATCH in patch:
        return _merge_object(old, patch, None)
    old = dict(old)
    for key, value in patch.items():
        if value is None:
            old.pop(key, None)
        elif key in old:
            old[key] = _merge_value(old[key], value, element)
        else:
            old[key] = _without_nulls(_without_directives(value))
    return old


def _retain_keys(old: Object, patch: Object) -> None:
    retained = patch.pop(_RETAIN, None)
    if retained is None:
        return
    if not isinstance(retained, list):
        raise MalformedPatch("invalid patch format of retainKeys")
    for key in patch:
        if not key.startswith("$") and key not in retained and patch[key] is not None:
            raise MalformedPatch("invalid patch format of retainKeys")
    for key in list(old):
        if key not in retained:
            del old[key]


def _delete_primitives(old: Object, patch: Object) -> None:
    for key in [one for one in patch if one.startswith(_DELETE)]:
        doomed = patch.pop(key)
        if not isinstance(doomed, list):
            raise MalformedPatch("invalid patch format of primitive list")
        field = key.removeprefix(_DELETE)
        if isinstance(old.get(field), list):
            old[field] = [one for one in old[field] if one not in doomed]


def _merge_list(old: list[Any], patch: list[Any], field: Field) -> list[Any]:
    merged, named, replaced = _merge_items(old, patch, field)
    if replaced:
        return merged
    return _ordered(merged, named, old, _merge_key(field))


def _set_order(old: Object, name: str, field: Field | None, patch: list[Any], order: list[Any]) -> None:
    """Merge a list and put its items into the order that `$setElementOrder` states."""
    present = old.get(name)
    if field is None or not field.merges:
        if patch:
            old[name] = _without_directives(patch)
        return
    key = _merge_key(field)
    before = present if isinstance(present, list) else []
    _check_order(patch, order, key)
    merged, _, replaced = _merge_items(before, patch, field)
    result = merged if replaced else _ordered(merged, order, before, key)
    if result or present is not None:
        old[name] = result


def _check_order(patch: list[Any], order: list[Any], key: str) -> None:
    """Items of the patch stand in the order's own sequence."""
    ranks = [_identity(one, key) for one in order]
    last = -1
    for item in patch:
        if key and isinstance(item, dict) and item.get(_PATCH) == "delete":
            continue
        identity = _identity(item, key)
        if identity not in ranks:
            raise _disordered(patch, order)
        rank = ranks.index(identity)
        if rank < last:
            raise _disordered(patch, order)
        last = rank


def _merge_key(field: Field) -> str:
    element = field.element
    if element is None or element.type not in (OBJECT, MAP, LIST):
        return ""
    if element.type == LIST:
        raise MalformedPatch("lists of lists are not supported")
    return field.merge_key


def _identity(item: Any, key: str) -> Any:
    if not key:
        return item
    if not isinstance(item, dict) or key not in item:
        raise MalformedPatch(f"map: {go_format(item)} does not contain declared merge key: {key}")
    if isinstance(item[key], (dict, list)):
        raise MalformedPatch(f"the value of the merge key {key} must be a scalar: {item[key]}")
    return item[key]


def _merge_items(old: list[Any], patch: list[Any], field: Field) -> tuple[list[Any], list[Any], bool]:
    """(merged items, items that the patch names, whether the patch replaces the list)."""
    key = _merge_key(field)
    if not key:
        merged = list(dict.fromkeys([*old, *patch])) if _hashable([*old, *patch]) else [*old, *patch]
        return merged, patch, False
    replacing = False
    ordinary: list[Any] = []
    result = list(old)
    for item in patch:
        if not isinstance(item, dict):
            raise MalformedPatch("unable to merge list: its items are not all of one kind")
        directive = item.get(_PATCH)
        if directive is None or directive == "merge":
            ordinary.append({name: value for name, value in item.items() if name != _PATCH})
        elif directive == "delete":
            doomed = _identity(item, key)
            result = [one for one in result if one.get(key) != doomed]
        elif directive == "replace":
            replacing = True
        else:
            raise MalformedPatch(f"unknown patch type: {directive} in map: {go_format(item)}")
    if replacing:
        return [_without_directives(one) for one in ordinary], ordinary, True
    element = field.element
    schema = element.object if element is not None and element.type == OBJECT else None
    places = {one.get(key): at for at, one in enumerate(result) if isinstance(one, dict)}
    for item in ordinary:
        identity = _identity(item, key)
        place = places.get(identity)
        if place is None:
            places[identity] = len(result)
            result.append(_without_nulls(_without_directives(item)))
        else:
            result[place] = _merge_object(result[place], item, schema)
    return result, ordinary, False


def _hashable(items: list[Any]) -> bool:
    return not any(isinstance(one, (dict, list)) for one in items)


def _ordered(merged: list[Any], order: list[Any], before: list[Any], key: str) -> list[Any]:
    """Items named in `order` in that sequence; the others keep their places relative to them where they
    can, and come after those that are new.
    """
    ranks = [_identity(one, key) for one in order]
    old_ranks = [_identity(one, key) for one in before]
    named = [one for one in merged if _identity(one, key) in ranks]
    named.sort(key=lambda one: ranks.index(_identity(one, key)))
    others = [one for one in merged if _identity(one, key) not in ranks]
    result: list[Any] = []
    while named and others:
        first, other = _identity(named[0], key), _identity(others[0], key)
        stays_before = (
            first in old_ranks and other in old_ranks and old_ranks.index(other) < old_ranks.index(first)
        )
        result.append(others.pop(0) if stays_before else named.pop(0))
    return [*result, *named, *others]


def _without_directives(value: Any) -> Any:
    """A value that is taken as it is, without what only directs merging."""
    if isinstance(value, dict):
        if value.get(_PATCH) == "delete":
            return {}
        return {
            key: _without_directives(inner)
            for key, inner in value.items()
            if not key.startswith((_PATCH, _RETAIN, _DELETE, _ORDER))
        }
    if isinstance(value, list):
        return [
            _without_directives(one)
            for one in value
            if not (isinstance(one, dict) and (one.get(_PATCH) == "delete" or set(one) == {_PATCH}))
        ]
    return value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value
