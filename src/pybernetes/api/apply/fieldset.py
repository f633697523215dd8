"""Sets of field paths, in the very form in which metadata.managedFields stores them (FieldsV1).

A set is a tree of dicts. A key is `f:name` for a field, `k:{"name":"x"}` for the item of a keyed list,
`v:"x"` for a value of a set, `.` for the node itself. A node without children is a member; one with
children is a member only if it has `.`. Sets are values: no function changes its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

FieldSet = dict[str, Any]

SELF = "."
LEAF: FieldSet = {}
"""A node without children: one for all, as sets are never changed."""
_encode = msgspec.json.Encoder(order="sorted").encode


def field(name: str) -> str:
    return "f:" + name


def item(keys: dict[str, Any]) -> str:
    """The path element of a keyed list's item."""
    if len(keys) == 1:
        ((name, only),) = keys.items()
        if only.__class__ is str:
            return _named_item(name, only)
    return "k:" + _encode(keys).decode()


@lru_cache(maxsize=4096)
def _named_item(name: str, text: str) -> str:
    return "k:" + _encode({name: text}).decode()


def value(scalar: Any) -> str:
    """The path element of a set's value."""
    return "v:" + _encode(scalar).decode()


def ordered(fields: FieldSet) -> FieldSet:
    """The same set in the order in which it is written."""
    if len(fields) < 2:
        return {key: ordered(node) if node else node for key, node in fields.items()}
    return {key: ordered(fields[key]) if fields[key] else LEAF for key in sorted(fields)}


def is_member(node: FieldSet) -> bool:
    return not node or SELF in node


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """All paths of either. Of sets in order the union is in order."""
    if not right:
        return left
    result = dict(left)
    fresh = False
    for key, node in right.items():
        if key == SELF:
            fresh = fresh or SELF not in result
            result[SELF] = {}
        elif key not in result:
            result[key] = node
            fresh = True
        else:
            result[key] = _join(result[key], node)
    if fresh and left:
        return {key: result[key] for key in sorted(result)}
    return result


def _join(left: FieldSet, right: FieldSet) -> FieldSet:
    """The union of two nodes at the same path: membership must survive when only one has children."""
    if not left and not right:
        return left
    joined = union(left, right) if left else right
    if (not left or not right) and SELF not in joined:
        joined = {SELF: {}, **joined}
    return joined


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths of left that are not members of right. Children of a removed member stay."""
    result: FieldSet = {}
    for key, node in left.items():
        other = right.get(key)
        if other is None:
            result[key] = node
        elif key != SELF:
            kept = _subtract(node, other)
            if kept is not None:
                result[key] = kept
    return result


def _subtract(left: FieldSet, right: FieldSet) -> FieldSet | None:
    member = is_member(left) and not is_member(right)
    children = difference(
        {key: node for key, node in left.items() if key != SELF},
        {key: node for key, node in right.items() if key != SELF},
    )
    if children:
        return {SELF: {}, **children} if member else children
    return {} if member else None


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths that are members of both."""
    result: FieldSet = {}
    for key, node in left.items():
        other = right.get(key)
        if other is None or key == SELF:
            continue
        member = is_member(node) and is_member(other)
        children = intersection(node, other)
        if children:
            result[key] = {SELF: {}, **children} if member else children
        elif member:
            result[key] = {}
    return result


def paths(fields: FieldSet, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every member, parents before children, in order."""
    for key in sorted(fields):
        if key == SELF:
            continue
        node = fields[key]
        path = (*prefix, key)
        if is_member(node):
            yield path
        yield from paths(node, path)


def path_text(path: tuple[str, ...]) -> str:
    """As conflicts name it: `.spec.containers[name="web"].image`."""
    text = ""
    for element in path:
        kind, body = element[:2], element[2:]
        if kind == "f:":
            text += f".{body}"
        elif kind == "k:":
            keys = msgspec.json.decode(body)
            inner = ",".join(f"{name}={_encode(key).decode()}" for name, key in sorted(keys.items()))
            text += f"[{inner}]"
        else:
            text += f"[={body}]"
    return text
