"""Informers that a test fills by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pybernetes.api.kinds import Kind
from pybernetes.client.interface import Object, object_key
from pybernetes.client.store import ObjectStore


class HandInformer:
    """Implements `Informer`; `put` and `delete` are what the server would send."""

    synced = True

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.store = ObjectStore()
        self._handlers: list[dict[str, Any]] = []

    def add_handler(self, **handler: Any) -> None:
        self._handlers.append(handler)
        for obj in self.store.list():
            self._tell(handler, "added", obj)

    def add_index(self, name: str, values: Callable[[Object], list[str]]) -> None:
        self.store.add_index(name, values)

    async def wait_synced(self) -> None:
        return

    def put(self, *objects: Object) -> None:
        for obj in objects:
            old = self.store.put(object_key(obj), obj)
            for handler in self._handlers:
                if old is None:
                    self._tell(handler, "added", obj)
                else:
                    self._tell(handler, "updated", old, obj)

    def delete(self, key: str) -> None:
        old = self.store.remove(key)
        for handler in self._handlers:
            self._tell(handler, "deleted", old)

    @staticmethod
    def _tell(handler: dict[str, Any], what: str, *objects: Any) -> None:
        if handler.get(what) is not None:
            handler[what](*objects)


class HandInformers:
    """Implements `Informers`: one for each kind, whatever the selection."""

    def __init__(self) -> None:
        self._informers: dict[Kind, HandInformer] = {}

    def informer(self, kind: Kind, **selection: Any) -> HandInformer:
        return self._informers.setdefault(kind, HandInformer(kind))

    async def start(self) -> None:
        return

    async def wait_synced(self) -> None:
        return

    async def close(self) -> None:
        return
