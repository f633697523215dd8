"""A small API in memory, for kubelet tests: enough of Client, Informers and Recorder to run pods."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from typing import Any

from pybernetes.api.errors import Conflict, already_exists, not_found
from pybernetes.api.kinds import NODES, PODS, SERVICE_ACCOUNTS, TOKEN_REVIEWS, Kind
from pybernetes.client.interface import Object, WatchEvent, object_key
from pybernetes.lib.clock import RealClock


def merge(target: Object, patch: Object) -> Object:
    """A merge patch that knows conditions and addresses by their keys."""
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif name == "conditions" and isinstance(value, list):
            known = {one["type"]: one for one in target.get(name) or []}
            for one in value:
                known[one["type"]] = merge(dict(known.get(one["type"], {})), one)
            target[name] = list(known.values())
        elif isinstance(value, list) and any(isinstance(one, dict) and "$patch" in one for one in value):
            target[name] = [one for one in value if "$patch" not in one]
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            merge(target[name], value)
        else:
            target[name] = deepcopy(value)
    return target


class FakeStore:
    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}

    def get(self, key: str) -> Object | None:
        return self.objects.get(key)

    def list(self, namespace: str | None = None) -> list[Object]:
        return list(self.objects.values())

    def keys(self) -> list[str]:
        return list(self.objects)

    def by_index(self, index: str, value: str) -> list[Object]:
        return []


class FakeInformer:
    def __init__(self, kind: Kind, selects: Callable[[Object], bool]) -> None:
        self.kind = kind
        self.store = FakeStore()
        self.selects = selects
        self.handlers: list[dict[str, Any]] = []
        self.synced = True

    def add_handler(self, **handlers: Any) -> None:
        self.handlers.append(handlers)
        for obj in self.store.list():
            if handlers.get("added"):
                handlers["added"](obj)

    async def wait_synced(self) -> None:
        return None

    def tell(self, type: str, obj: Object) -> None:
        key = object_key(obj)
        old = self.store.objects.get(key)
        if type == "DELETED" or not self.selects(obj):
            if old is not None:
                del self.store.objects[key]
                for handler in self.handlers:
                    handler["deleted"](obj)
            return
        self.store.objects[key] = obj
        for handler in self.handlers:
            if old is None:
                handler["added"](obj)
            else:
                handler["updated"](old, obj)


class FakeApi:
    """Client and Informers at once."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.version = itertools.count(1)
        self.informers: list[FakeInformer] = []
        self.watchers: list[tuple[Kind, str | None, str, asyncio.Queue[WatchEvent]]] = []
        self.changed = asyncio.Event()
        self.status_writes = 0
        self.history: list[Object] = []

    # informers

    def informer(
        self, kind: Kind, *, namespace: str | None = None, field_selector: str = "", **_: Any
    ) -> Any:
        def selects(obj: Object) -> bool:
            field, _, value = field_selector.partition("=")
            if not field:
                return True
            found: Any = obj
            for part in field.split("."):
                found = (found or {}).get(part)
            return found == value

        informer = FakeInformer(kind, selects)
        self.informers.append(informer)
        for (resource, _), obj in self.objects.items():
            if resource == kind.resource:
                informer.tell("ADDED", obj)
        return informer

    async def start(self) -> None:
        return None

    async def wait_synced(self) -> None:
        return None

    # client

    def _tell(self, kind: Kind, type: str, obj: Object) -> None:
        if kind is PODS:
            self.history.append(obj)
        for informer in self.informers:
            if informer.kind is kind:
                informer.tell(type, obj)
        for watched, namespace, selector, queue in self.watchers:
            name = selector.removeprefix("metadata.name=")
            if (
                watched is kind
                and obj["metadata"]["name"] == name
                and obj["metadata"].get("namespace") == namespace
            ):
                queue.put_nowait(WatchEvent(type, obj))
        self.changed.set()
        self.changed = asyncio.Event()

    async def get(self, kind: Kind, namespace: str | None, name: str, *, subresource: str = "") -> Object:
        key = f"{namespace}/{name}" if namespace else name
        found = self.objects.get((kind.resource, key))
        if found is None:
            raise not_found(kind, name)
        return found

    async def list(
        self, kind: Kind, namespace: str | None = None, *, field_selector: str = "", **_: Any
    ) -> Object:
        """By name only, as the kubelet asks for the config maps and secrets of its pods."""
        name = field_selector.removeprefix("metadata.name=")
        found = self.objects.get((kind.resource, f"{namespace}/{name}" if namespace else name))
        return {"metadata": {"resourceVersion": ""}, "items": [found] if found is not None else []}

    async def create(
        self, kind: Kind, obj: Object, namespace: str | None = None, *, name: str = "", subresource: str = ""
    ) -> Object:
        if kind is SERVICE_ACCOUNTS:
            return {
                **obj,
                "status": {"token": f"token-of-{name}", "expirationTimestamp": "2100-01-01T00:00:00Z"},
            }
        if kind is TOKEN_REVIEWS:
            known = obj["spec"]["token"] == "admin"
            user = {"username": "admin", "groups": ["system:masters"]}
            return {**obj, "status": {"authenticated": known, "user": user if known else {}}}
        obj = deepcopy(obj)
        meta = obj["metadata"]
        if namespace:
            meta["namespace"] = namespace
        meta.setdefault("uid", str(uuid.uuid4()))
        meta["resourceVersion"] = str(next(self.version))
        obj.setdefault("apiVersion", kind.api_version)
        obj.setdefault("kind", kind.kind)
        key = (kind.resource, object_key(obj))
        if key in self.objects:
            raise already_exists(kind, meta["name"])
        self.objects[key] = obj
        self._tell(kind, "ADDED", obj)
        return obj

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        obj = deepcopy(obj)
        obj["metadata"]["resourceVersion"] = str(next(self.version))
        self.objects[(kind.resource, object_key(obj))] = obj
        self._tell(kind, "MODIFIED", obj)
        return obj

    async def patch(
        self, kind: Kind, namespace: str | None, name: str, patch: Any, *, subresource: str = "", **_: Any
    ) -> Object:
        found = await self.get(kind, namespace, name)
        wanted = (patch.get("metadata") or {}).get("uid")
        if wanted and wanted != found["metadata"]["uid"]:
            raise Conflict("uid")
        if subresource == "status":
            self.status_writes += 1
            patch = {"status": patch["status"]}
        return await self.update(kind, merge(deepcopy(found), patch))

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        grace_period_seconds: int | None = None,
        **_: Any,
    ) -> Object:
        found = await self.get(kind, namespace, name)
        grace = grace_period_seconds
        if kind is PODS and grace is None:
            grace = found["spec"].get("terminationGracePeriodSeconds", 30)
        if kind is PODS and grace:
            meta = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace}
            return await self.update(kind, merge(deepcopy(found), {"metadata": meta}))
        del self.objects[(kind.resource, object_key(found))]
        self._tell(kind, "DELETED", found)
        return found

    async def watch(
        self, kind: Kind, namespace: str | None = None, *, field_selector: str = "", **_: Any
    ) -> AsyncIterator[WatchEvent]:
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        entry = (kind, namespace, field_selector, queue)
        self.watchers.append(entry)
        try:
            while True:
                yield await queue.get()
        finally:
            self.watchers.remove(entry)

    async def close(self) -> None:
        return None

    # for tests

    async def until(self, met: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait for the state itself."""
        try:
            async with RealClock().timeout(seconds):
                while not (found := met()):
                    await self.changed.wait()
                return found
        except TimeoutError:
            pods = {k: (v.get("status") or {}) for k, v in self.objects.items() if k[0] == "pods"}
            raise AssertionError(f"not met within {seconds} s; pods: {pods}") from None

    def pod(self, name: str, namespace: str = "default") -> Object | None:
        return self.objects.get(("pods", f"{namespace}/{name}"))

    def node(self, name: str) -> Object | None:
        return self.objects.get((NODES.resource, name))


class FakeRecorder:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def event(self, about: Object, type: str, reason: str, message: str, *, action: str = "") -> None:
        self.events.append((type, reason, message))

    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.events]
