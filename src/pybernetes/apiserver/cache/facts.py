"""What is parsed out of an object's bytes: labels and selectable fields, and nothing else.

A `CacheSpec` says where a resource is in the store and which fields can be selected; its reader is compiled
from these paths once, so that everything else in the bytes is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from sys import intern
from typing import Any, NamedTuple

import msgspec

NO_LABELS: dict[str, str] = {}


class SelectableField(NamedTuple):
    """A field by its name in selectors. The first of `paths` (default: the name) that holds something counts."""

    name: str
    default: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class CacheSpec:
    """One resource: `name` is its segment in the store's keys, such as `pods` or `deployments.apps`.

    `fields` are those beyond metadata.name and metadata.namespace.
    """

    name: str
    namespaced: bool = True
    fields: tuple[SelectableField, ...] = ()

    @cached_property
    def prefix(self) -> str:
        return f"/registry/{self.name}/"

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where a field's value is in `CacheEntry.values`."""
        return {field.name: position for position, field in enumerate(self.fields)}

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.fields)


Step = tuple[str, str]
"""A member of an object: the attribute of its Struct, and its name in JSON."""
Path = tuple[Step, ...]


class Reader:
    """From bytes to (labels, field values in the order of the fields).

    Objects of the usual form are read by a Struct that has just the members wanted, every member with a default, so
    that one `attrgetter` takes them all out; any other form (a null on the way, say) is read member by member.
    """

    def __init__(self, fields: tuple[SelectableField, ...]) -> None:
        self._fields = [
            (tuple(_path(path) for path in field.paths or (field.name,)), field.default) for field in fields
        ]
        self._defaults = [field.default for field in fields]
        self._simple = all(len(paths) == 1 for paths, _ in self._fields)
        self._labels = _path("metadata.labels")
        places = [self._labels, *(path for paths, _ in self._fields for path in paths)]
        tree: dict[Step, Any] = {}
        for path in places:
            branch = tree
            for step in path[:-1]:
                branch = branch.setdefault(step, {})
            branch.setdefault(path[-1], {})
        self._decoder = msgspec.json.Decoder(_shape(tree))
        self._any = msgspec.json.Decoder()
        self._take: Callable[[Any], Any] = attrgetter(
            *(".".join(attribute for attribute, _ in path) for path in places)
        )

    def read(self, value: bytes) -> tuple[dict[str, str], tuple[str, ...]]:
        try:
            found = self._decoder.decode(value)
        except msgspec.ValidationError:
            found = self._any.decode(value)
        else:
            if not self._fields:
                return self._take(found) or NO_LABELS, ()
            if self._simple:
                labels, *values = self._take(found)
                texts = [
                    intern(one) if one.__class__ is str and one else _word(one, default)
                    for one, default in zip(values, self._defaults, strict=True)
                ]
                return labels or NO_LABELS, tuple(texts)
        labels = _at(found, self._labels) or NO_LABELS
        return labels, tuple([_text(found, paths, default) for paths, default in self._fields])


def _path(text: str) -> Path:
    return tuple((f"m_{name.encode().hex()}", name) for name in text.split("."))


def _shape(tree: dict[Step, Any]) -> Any:
    """A Struct with just the tree's members, each of which may be absent; a leaf may be anything."""
    members: list[Any] = []
    for (attribute, _), inner in tree.items():
        if inner:
            shape = _shape(inner)
            members.append((attribute, shape, msgspec.field(default_factory=shape)))
        else:
            members.append((attribute, Any, None))
    return msgspec.defstruct("Facts", members, rename=dict(tree.keys()), gc=False)


def _at(found: Any, path: Path) -> Any:
    for attribute, name in path:
        if isinstance(found, msgspec.Struct):
            found = getattr(found, attribute)
        elif isinstance(found, dict):
            found = found.get(name)
        else:
            return None
    return found


def _text(found: Any, paths: tuple[Path, ...], default: str) -> str:
    for path in paths:
        text = _word(_at(found, path), "")
        if text:
            return text
    return default


def _word(value: Any, default: str) -> str:
    """A scalar as selectors compare it; the default for nothing and for what is no scalar."""
    if isinstance(value, str):
        return intern(value) if value else default
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return default
