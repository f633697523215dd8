"""JSON merge patch (RFC 7386): null deletes, objects merge, everything else replaces."""

from __future__ import annotations

from typing import Any

import msgspec

Object = dict[str, Any]


def apply(obj: Object, patch: Object) -> Object:
    """The object with the patch merged in; it shares what the patch does not touch."""
    own: Object = msgspec.json.decode(msgspec.json.encode(patch))
    return _merge(obj, own)


def _merge(old: object, patch: Object) -> Object:
    result: Object = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merge(result.get(key), value)
        else:
            result[key] = value
    return result


def diff(old: Object, new: Object) -> Object:
    """The smallest patch that makes `new` out of `old`."""
    patch: Object = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
            continue
        before = old[key]
        if before == value and type(before) is type(value):
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            patch[key] = diff(before, value)
        else:
            patch[key] = value
    return patch
