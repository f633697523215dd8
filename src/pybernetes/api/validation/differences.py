"""How upstream shows what has changed in something that may not change: a unified diff of the two objects as it has
them in itself, with its own names for fields, in its own order, nothing left out.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from pybernetes.api import facts, quantity
from pybernetes.api.fields import Inside

Object = dict[str, Any]

_ZEROS = {"s": "", "b": False, "i": 0, "n": 0, "q": "0"}
_CONTEXT = 3
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def difference(type_name: str, before: Object, after: Object) -> str:
    """Both are objects of the type in the form of the API."""
    old, new = (_lines(inside(one, type_name)) for one in (before, after))
    return "".join(list(difflib.unified_diff(old, new, n=_CONTEXT))[2:])


SELECTOR = "LabelSelector"


def shown(obj: Object | None, type_name: str) -> Inside | None:
    """The object as a FieldError shows it."""
    if obj is None:
        return None
    return _selector(obj) if type_name == SELECTOR else Inside(inside(obj, type_name))


def _selector(selector: Object) -> Inside:
    """Selectors are inside what they are outside."""
    found = Inside()
    labels = selector.get("matchLabels")
    if labels:
        found["matchLabels"] = {key: labels[key] for key in sorted(labels)}
    if selector.get("matchExpressions"):
        found["matchExpressions"] = [
            {"key": one.get("key") or "", "operator": one.get("operator") or ""}
            | ({"values": one["values"]} if one.get("values") else {})
            for one in selector["matchExpressions"]
        ]
    return found


def _lines(value: Object) -> list[str]:
    text = json.dumps(value, indent=1, ensure_ascii=False).translate(_ESCAPES)
    return [f"{line}\n" for line in text.split("\n")]


def inside(obj: Object, type_name: str, holder: Object | None = None) -> Object:
    """The object as upstream has it in itself. `holder` is what it is a part of."""
    found: Object = {}
    for name, field, what, of in _fields(type_name):
        if of == "M":
            found.update(obj.get(field) or {})
            continue
        value = (holder or {}).get(field[1:]) if field[0] == "^" else obj.get(field)
        if what == "l":
            found[name] = [_one(one, of, obj) for one in value] if value else None
        elif what == "m":
            found[name] = {key: _one(value[key], of, obj) for key in sorted(value)} if value else None
        elif value is None and what == "p":
            found[name] = None
        else:
            found[name] = _one(value, of, obj)
    return found


def _one(value: Any, of: str, holder: Object) -> Any:
    if of == "q":
        return quantity.canonical(value or "0")
    if of == "J":
        return value
    if of in _ZEROS:
        return _ZEROS[of] if value is None else value
    return inside(value or {}, of, holder)


def _fields(type_name: str) -> Iterator[tuple[str, str, str, str]]:
    for entry in _types()[type_name].split("; "):
        name, field, what, of = entry.split(" ")
        yield name, field, what, of


@cache
def _types() -> dict[str, str]:
    return facts.internal_types()
