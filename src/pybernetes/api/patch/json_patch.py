"""JSON patch (RFC 6902): a list of add, remove, replace, move, copy and test operations, all or nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from pybernetes.api.json_errors import json_word
from pybernetes.api.patch.errors import MalformedPatch, UnfitPatch

Object = dict[str, Any]

_TAKES_VALUE = frozenset(("add", "replace", "test"))
_NEEDS_FROM = frozenset(("move", "copy"))
MAX_COPIED = 3 * 1024 * 1024
"""Bytes that all copies of a patch together may add."""


def apply(obj: Object, operations: list[Any]) -> Any:
    """The object after all operations. Raises PatchError."""
    document: Any = msgspec.json.decode(msgspec.json.encode(obj))
    copied = 0
    for operation in operations:
        document, added = _apply(document, operation)
        copied += added
        if copied > MAX_COPIED:
            raise UnfitPatch(
                "Unable to complete the copy, the accumulated size increase of copy is "
                f"{copied}, exceeding the limit {MAX_COPIED}"
            )
    return document


def _apply(document: Any, operation: Any) -> tuple[Any, int]:
    """The changed document and the bytes that a copy added."""
    if not isinstance(operation, dict):
        raise MalformedPatch(
            f"error decoding patch: json: cannot unmarshal {json_word(operation)} into Go value of type "
            "handlers.jsonPatchOp"
        )
    name, path = operation.get("op"), operation.get("path")
    if not isinstance(name, str) or not isinstance(path, str):
        raise UnfitPatch("op and path must be there, as texts")
    if name in _NEEDS_FROM:
        source = operation.get("from")
        if not isinstance(source, str):
            raise UnfitPatch(f'operation "{name}" needs a from')
        text = msgspec.json.encode(_get(document, source, name))
        if name == "move":
            if path.startswith(source + "/"):
                raise UnfitPatch(f"unable to move {source} into itself")
            document = _remove(document, source, name)
        added = len(text) if name == "copy" else 0
        return _add(document, path, msgspec.json.decode(text), name), added
    if name == "remove":
        return _remove(document, path, name), 0
    if name in _TAKES_VALUE:
        value = operation.get("value")
        if name == "add":
            return _add(document, path, _copy(value), name), 0
        if name == "replace":
            return _replace(document, path, _copy(value)), 0
        _test(document, path, value)
        return document, 0
    raise UnfitPatch(f"Unexpected kind: {name}")


def _copy(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value)) if isinstance(value, (dict, list)) else value


def _parts(path: str) -> list[str]:
    if path == "":
        return []
    if not path.startswith("/"):
        raise UnfitPatch(f'path "{path}" must start with "/"')
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _holder(document: Any, path: str, operation: str) -> tuple[Any, str]:
    """The container that the last part of the path is in, and that part."""
    parts = _parts(path)
    here = document
    for part in parts[:-1]:
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and _is_index(part) and -len(here) <= int(part) < len(here):
            here = here[int(part)]
        else:
            here = None
        if not isinstance(here, (dict, list)):
            raise UnfitPatch(
                f'{operation} operation does not apply: doc is missing path: "{path}": missing value'
            )
    return here, parts[-1]


def _is_index(part: str) -> bool:
    """Numbers below zero count from the end."""
    part = part.removeprefix("-")
    return part.isascii() and part.isdigit() and (part == "0" or not part.startswith("0"))


def _index(holder: list[Any], part: str, path: str, limit: int) -> int:
    if not _is_index(part):
        raise UnfitPatch(f"error in path: '{path}': strconv.Atoi: parsing \"{part}\": invalid syntax")
    position = int(part)
    if position < 0:
        position += limit
    if not 0 <= position < limit:
        raise UnfitPatch(
            f"error in path: '{path}': Unable to access invalid index: {part}: invalid index referenced"
        )
    return position


def _get(document: Any, path: str, operation: str) -> Any:
    if path == "":
        return document
    holder, part = _holder(document, path, operation)
    if isinstance(holder, dict):
        return holder.get(part)  # what is not there is copied as null, as upstream's library does
    return holder[_index(holder, part, path, len(holder))]


def _add(document: Any, path: str, value: Any, operation: str) -> Any:
    _not_whole(path)
    holder, part = _holder(document, path, operation)
    if isinstance(holder, dict):
        holder[part] = value
    elif part == "-":
        holder.append(value)
    else:
        holder.insert(_index(holder, part, path, len(holder) + 1), value)
    return document


def _remove(document: Any, path: str, operation: str) -> Any:
    _not_whole(path)
    holder, part = _holder(document, path, operation)
    if isinstance(holder, dict):
        if part not in holder:
            why = f"Unable to remove nonexistent key: {part}: missing value"
            raise UnfitPatch(f"error in {operation} for path: '{path}': {why}")
        del holder[part]
    else:
        del holder[_index(holder, part, path, len(holder))]
    return document


def _not_whole(path: str) -> None:
    if path == "":
        raise UnfitPatch("the whole document cannot be put in or taken away")


def _replace(document: Any, path: str, value: Any) -> Any:
    _not_whole(path)
    holder, part = _holder(document, path, "replace")
    if isinstance(holder, dict):
        # what is not there can be replaced, too: upstream's library has it so
        holder[part] = value
    else:
        holder[_index(holder, part, path, len(holder))] = value
    return document


def _test(document: Any, path: str, value: Any) -> None:
    if path == "":
        present = document
    else:
        holder, part = _holder(document, path, "test")
        if isinstance(holder, dict):
            present = holder.get(part)
        else:
            present = holder[_index(holder, part, path, len(holder))]
    if not _equal(present, value):
        raise UnfitPatch(f"testing value {path} failed: test failed")


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_equal(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(_equal(a, b) for a, b in zip(first, second, strict=True))
    return bool(first == second)
