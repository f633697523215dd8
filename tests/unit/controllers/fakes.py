"""A small API in memory for the controllers' shells: objects with uids and versions, merge patches, watches.

It implements `client.interface.Client` as far as controllers use it: no schemas, no defaults, no admission.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator
from typing import Any

from pybernetes.api import errors
from pybernetes.api.kinds import Kind, by_kind
from pybernetes.api.selectors import LabelSelector
from pybernetes.api.times import now as time_now
from pybernetes.client.interface import Object, WatchEvent, object_key
from pybernetes.lib.clock import Clock


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def field(obj: Object, path: str) -> str:
    value: Any = obj
    for part in path.split("."):
        value = (value or {}).get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value)


class FakeCluster:
    """All objects of all kinds. `refuse` is called before each write and may raise."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.objects: dict[Kind, dict[str, Object]] = {}
        self.log: list[tuple[str, str, str]] = []
        self.refuse = lambda verb, kind, obj: None
        self.graceful_pods = False
        self.answers: dict[str, Any] = {}
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)
        self._watchers: dict[Kind, list[tuple[str | None, asyncio.Queue[WatchEvent]]]] = {}
        self.version = 0

    # for tests

    def put(self, kind: Kind, obj: Object) -> Object:
        """Create or replace without conditions."""
        obj = copy.deepcopy(obj)
        key = object_key(obj)
        present = self.objects.get(kind, {}).get(key)
        obj["metadata"].setdefault(
            "uid", present["metadata"]["uid"] if present else f"uid-{next(self._uids)}"
        )
        obj["metadata"].setdefault("creationTimestamp", time_now(self.clock))
        return self._store(kind, obj, "MODIFIED" if present else "ADDED")

    def all(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        return [
            obj
            for obj in self.objects.get(kind, {}).values()
            if namespace is None or obj["metadata"].get("namespace") == namespace
        ]

    def one(self, kind: Kind, key: str) -> Object:
        return self.objects[kind][key]

    def change(self, kind: Kind, key: str, patch: Any) -> Object:
        return self._store(kind, merge(self.objects[kind][key], patch), "MODIFIED")

    def remove(self, kind: Kind, key: str) -> None:
        obj = self.objects[kind].pop(key)
        self._tell(kind, "DELETED", self._stamp(obj))

    def events(self) -> list[tuple[str, str, str]]:
        """(type, reason, message) of every Event written."""
        kind = by_kind("v1", "Event")
        assert kind is not None
        return [(one["type"], one["reason"], one["message"]) for one in self.all(kind)]

    # storing

    def _stamp(self, obj: Object) -> Object:
        self.version = next(self._versions)
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}

    def _store(self, kind: Kind, obj: Object, type: str) -> Object:
        obj = self._stamp({"apiVersion": kind.api_version, "kind": kind.kind, **obj})
        self.objects.setdefault(kind, {})[object_key(obj)] = obj
        self._tell(kind, type, obj)
        return obj

    def _tell(self, kind: Kind, type: str, obj: Object) -> None:
        for namespace, queue in self._watchers.get(kind, ()):
            if namespace is None or obj["metadata"].get("namespace") == namespace:
                queue.put_nowait(WatchEvent(type, copy.deepcopy(obj)))

    def _find(self, kind: Kind, namespace: str | None, name: str) -> Object:
        key = f"{namespace}/{name}" if namespace else name
        found = self.objects.get(kind, {}).get(key)
        if found is None:
            raise errors.not_found(kind, name)
        return found

    def _check(self, kind: Kind, present: Object, uid: str, version: str) -> None:
        meta = present["metadata"]
        if (uid and uid != meta["uid"]) or (version and version != meta["resourceVersion"]):
            raise errors.conflict(kind, meta["name"], errors.MODIFIED)

    # Client

    async def get(self, kind: Kind, namespace: str | None, name: str, *, subresource: str = "") -> Object:
        await self.clock.sleep(0)
        return copy.deepcopy(self._find(kind, namespace, name))

    async def list(self, kind: Kind, namespace: str | None = None, **options: Any) -> Object:
        await self.clock.sleep(0)
        selector = LabelSelector.parse(options.get("label_selector", ""))
        items = [
            copy.deepcopy(obj)
            for obj in self.all(kind, namespace)
            if selector.matches(obj["metadata"].get("labels"))
        ]
        return {"metadata": {"resourceVersion": str(self.version)}, "items": items}

    async def create(
        self, kind: Kind, obj: Object, namespace: str | None = None, *, name: str = "", subresource: str = ""
    ) -> Object:
        await self.clock.sleep(0)
        self.refuse("create", kind, obj)
        if subresource:
            self.log.append((f"create/{subresource}", kind.resource, name))
            return obj
        obj = copy.deepcopy(obj)
        meta = obj["metadata"]
        if namespace:
            meta["namespace"] = namespace
        uid = f"uid-{next(self._uids)}"
        if not meta.get("name"):
            meta["name"] = f"{meta['generateName']}{uid[4:].zfill(5)}"
        if object_key(obj) in self.objects.get(kind, {}):
            raise errors.already_exists(kind, meta["name"])
        meta.update(uid=uid, creationTimestamp=time_now(self.clock), generation=1)
        self.log.append(("create", kind.resource, meta["name"]))
        return copy.deepcopy(self._store(kind, obj, "ADDED"))

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        await self.clock.sleep(0)
        self.refuse("update", kind, obj)
        meta = obj["metadata"]
        present = self._find(kind, meta.get("namespace"), meta["name"])
        self._check(kind, present, meta.get("uid", ""), meta.get("resourceVersion", ""))
        new = copy.deepcopy(obj)
        if subresource == "status":
            new = {**present, "status": new.get("status") or {}}
        elif subresource == "finalize":
            new = {**present, "spec": new.get("spec") or {}}
        else:
            new = {**new, **({"status": present["status"]} if "status" in present else {})}
            if new.get("spec") != present.get("spec"):
                new["metadata"]["generation"] = present["metadata"].get("generation", 0) + 1
        if new == present:
            return copy.deepcopy(present)
        self.log.append((f"update/{subresource}".rstrip("/"), kind.resource, meta["name"]))
        return copy.deepcopy(self._settle(kind, new))

    async def update_status(self, kind: Kind, obj: Object) -> Object:
        return await self.update(kind, obj, subresource="status")

    async def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        patch: Any,
        *,
        subresource: str = "",
        **options: Any,
    ) -> Object:
        await self.clock.sleep(0)
        present = self._find(kind, namespace, name)
        self.refuse("patch", kind, patch)
        meta = patch.get("metadata") or {}
        self._check(kind, present, meta.get("uid", ""), meta.get("resourceVersion", ""))
        self.log.append((f"patch/{subresource}".rstrip("/"), kind.resource, name))
        return copy.deepcopy(self._settle(kind, merge(present, patch)))

    def _settle(self, kind: Kind, obj: Object) -> Object:
        """An object that is being deleted goes when its last finalizer does."""
        meta = obj["metadata"]
        left = (
            meta.get("finalizers") or (obj.get("spec") or {}).get("finalizers")
            if kind.resource == "namespaces"
            else meta.get("finalizers")
        )
        if (
            meta.get("deletionTimestamp")
            and not left
            and not (kind.resource == "pods" and self.graceful_pods)
        ):
            self.objects[kind][object_key(obj)] = obj
            self.remove(kind, object_key(obj))
            return obj
        return self._store(kind, obj, "MODIFIED")

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> Object:
        await self.clock.sleep(0)
        present = self._find(kind, namespace, name)
        self.refuse("delete", kind, present)
        self._check(kind, present, uid, resource_version)
        self.log.append(("delete", kind.resource, name))
        meta = present["metadata"]
        finalizers = list(meta.get("finalizers") or ())
        extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(propagation_policy)
        if extra and extra not in finalizers:
            finalizers.append(extra)
        graceful = kind.resource == "pods" and self.graceful_pods and grace_period_seconds != 0
        if finalizers or graceful:
            if not meta.get("deletionTimestamp"):
                marked = {"deletionTimestamp": time_now(self.clock)}
                if finalizers:
                    marked["finalizers"] = finalizers
                self._store(kind, merge(present, {"metadata": marked}), "MODIFIED")
        else:
            self.remove(kind, object_key(present))
        return {}

    async def delete_collection(self, kind: Kind, namespace: str | None, **options: Any) -> Object:
        for obj in list(self.all(kind, namespace)):
            await self.delete(kind, namespace, obj["metadata"]["name"])
        return {}

    async def watch(
        self, kind: Kind, namespace: str | None = None, **options: Any
    ) -> AsyncIterator[WatchEvent]:
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        entry = (namespace, queue)
        self._watchers.setdefault(kind, []).append(entry)
        try:
            if options.get("send_initial_events"):
                for obj in self.all(kind, namespace):
                    yield WatchEvent("ADDED", copy.deepcopy(obj))
                meta = {
                    "resourceVersion": str(self.version),
                    "annotations": {"k8s.io/initial-events-end": "true"},
                }
                yield WatchEvent("BOOKMARK", {"metadata": meta})
            while True:
                yield await queue.get()
        finally:
            self._watchers[kind].remove(entry)

    async def raw(self, method: str, target: str, body: Any = None, headers: Any = None) -> tuple[int, bytes]:
        import msgspec

        if target in self.answers:
            return 200, msgspec.json.encode(self.answers[target])
        return 404, b"{}"

    async def close(self) -> None:
        return None
