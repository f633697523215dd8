"""What an informer holds: objects by key, with indexes. In: objects from the server; out: `Lister`'s answers.

Memory: a cached object loses metadata.managedFields and shares what is equal with its siblings: a pod of 3.3 KB of
JSON takes 18 KB as it is decoded and 4 to 5 KB here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from pybernetes.client.interface import Object

IndexValues = Callable[[Object], Iterable[str]]
MOST_OWNERS = 1024


class ObjectStore:
    """Implements `client.interface.Lister`; only its informer changes it."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        self._functions: dict[str, IndexValues] = {}
        self._indexes: dict[str, dict[str, dict[str, Object]]] = {}
        self._by_namespace = False

    # reading

    def get(self, key: str) -> Object | None:
        return self._objects.get(key)

    def keys(self) -> Iterable[str]:
        return self._objects.keys()

    def by_index(self, index: str, value: str) -> list[Object]:
        """Objects whose index values contain `value`; KeyError for an index that nobody added."""
        return [*self._indexes[index].get(value, {}).values()]

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, key: str) -> bool:
        return key in self._objects

    def list(self, namespace: str | None = None) -> list[Object]:
        if namespace is None:
            return [*self._objects.values()]
        if not self._by_namespace:
            self._by_namespace = True
            self.add_index("", _namespace)
        return [*self._indexes[""].get(namespace, {}).values()]

    # changing

    def add_index(self, name: str, values: IndexValues) -> None:
        """Adding a name again replaces its function."""
        self._functions[name] = values
        table: dict[str, dict[str, Object]] = {}
        self._indexes[name] = table
        for key, obj in self._objects.items():
            for value in values(obj):
                table.setdefault(value, {})[key] = obj

    def put(self, key: str, obj: Object) -> Object | None:
        """Store, and answer what was there before."""
        old = self._objects.get(key)
        if old is None:
            key = sys.intern(key)
        self._objects[key] = obj
        for name, values in self._functions.items():
            table = self._indexes[name]
            new_values = set(values(obj))
            if old is not None:
                for value in values(old):
                    if value not in new_values:
                        _drop(table, value, key)
            for value in new_values:
                table.setdefault(value, {})[key] = obj
        return old

    def remove(self, key: str) -> Object | None:
        old = self._objects.pop(key, None)
        if old is not None:
            for name, values in self._functions.items():
                for value in values(old):
                    _drop(self._indexes[name], value, key)
        return old


def _drop(table: dict[str, dict[str, Object]], value: str, key: str) -> None:
    entry = table.get(value)
    if entry is not None:
        entry.pop(key, None)
        if not entry:
            del table[value]


def _namespace(obj: Object) -> tuple[str, ...]:
    namespace = obj["metadata"].get("namespace")
    return (namespace,) if namespace else ()


class Slimmer:
    """Makes an arriving object smaller before it is kept; changes it in place.

    Whatever is equal in an older version of the object, in a sibling with the same owner, or in the object that
    came last, becomes one and the same Python object in both.
    """

    def __init__(self, *, share: bool = True) -> None:
        """`share` only objects with a schema: where JSON is free, 1 and true would be taken for the same."""
        self._sharing = share
        self._siblings: dict[str, Object] = {}
        self._last: Object | None = None

    def slim(self, obj: Object, old: Object | None) -> Object:
        meta = obj["metadata"]
        meta.pop("managedFields", None)
        if not self._sharing:
            return obj
        like = old or self._like(meta, obj)
        if like is not None:
            _share(obj, like)
        self._last = obj
        return obj

    def _like(self, meta: Object, obj: Object) -> Object | None:
        owners = meta.get("ownerReferences")
        if not owners:
            return self._last
        uid = owners[0].get("uid", "")
        sibling = self._siblings.get(uid)
        if sibling is not None:
            return sibling
        if len(self._siblings) >= MOST_OWNERS:
            self._siblings.clear()
        self._siblings[uid] = obj
        return self._last


def _share(new: Any, like: Any) -> None:
    """Replace the parts of `new` that equal those of `like` by them; both are dicts, or both are lists."""
    pairs = new.items() if type(new) is dict else enumerate(new)
    known = like.get if type(new) is dict else None
    for key, value in pairs:
        if known is not None:
            other = known(key)
        elif key < len(like):
            other = like[key]
        else:
            return
        kind = type(value)
        if other is value or kind is not type(other):
            continue
        if value == other:
            new[key] = other
        elif kind is dict or kind is list:
            _share(value, other)
