"""What an informer holds: objects by key, with indexes. In: objects from the server; out: `Lister`'s answers.

Memory: a cached object loses metadata.managedFields, and parts that are equal to a sibling's
(the pods of one ReplicaSet have the same containers, tolerations and volumes) are one and the same object.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from pybernetes.client.interface import Object

IndexValues = Callable[[Object], Iterable[str]]
_SHARED_SPEC = ("containers", "initContainers", "tolerations", "affinity", "securityContext", "nodeSelector")
_INTERNED = ("namespace", "generateName")


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

    def index_values(self, index: str) -> Iterable[str]:
        return self._indexes[index].keys()

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
    """Makes an arriving object smaller before it is kept; changes it in place."""

    def __init__(self, keep_managed_fields: bool = False) -> None:
        self._keep_managed_fields = keep_managed_fields
        self._siblings: dict[str, dict[str, Any]] = {}

    def slim(self, obj: Object, old: Object | None) -> Object:
        meta = obj["metadata"]
        if not self._keep_managed_fields:
            meta.pop("managedFields", None)
        for name in _INTERNED:
            value = meta.get(name)
            if value is not None:
                meta[name] = sys.intern(value)
        spec = obj.get("spec")
        if old is not None:
            _share(meta, old["metadata"], ("labels", "annotations", "ownerReferences"))
            if spec is not None and spec == old.get("spec"):
                obj["spec"] = old["spec"]
                return obj
        owners = meta.get("ownerReferences")
        if spec is not None and owners:
            self._share_with_siblings(owners[0].get("uid", ""), meta, spec)
        return obj

    def _share_with_siblings(self, uid: str, meta: Object, spec: Object) -> None:
        sibling = self._siblings.get(uid)
        if sibling is None:
            if len(self._siblings) >= 4096:
                self._siblings.clear()
            self._siblings[uid] = {
                "meta": {name: meta[name] for name in ("labels", "ownerReferences") if name in meta},
                "spec": {name: spec[name] for name in _SHARED_SPEC if name in spec},
            }
            return
        _share(meta, sibling["meta"], ("labels", "ownerReferences"))
        _share(spec, sibling["spec"], _SHARED_SPEC)


def _share(part: Object, other: Object, names: Iterable[str]) -> None:
    for name in names:
        value = part.get(name)
        if value is not None and value == other.get(name):
            part[name] = other[name]
