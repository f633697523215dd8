"""Objects in the store: decoded objects in, bytes at rest below, `Stored` values out.

A write is answered only after its commit and after this server's cache holds it. Reads come from the caches;
what other writers did meanwhile shows as `Mismatch` on the next write, with the entry as it is now.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.errors import AlreadyExists, already_exists, not_found
from pybernetes.api.schema import schema_for
from pybernetes.api.writing import writer
from pybernetes.api.written import written
from pybernetes.apiserver.cache import splice
from pybernetes.apiserver.cache.caches import Cache, Caches
from pybernetes.apiserver.cache.entry import CacheEntry, Head
from pybernetes.apiserver.discovery.storage_metrics import StoreTimes
from pybernetes.apiserver.resources import Resource
from pybernetes.store.interface import Mismatch, Store

Object = dict[str, Any]


class Stored:
    """An object as bytes at rest and its revision (0 when a dry run stored nothing)."""

    __slots__ = ("revision", "value")

    def __init__(self, value: bytes, revision: int) -> None:
        self.value = value
        self.revision = revision

    @property
    def item(self) -> bytes:
        """JSON with metadata.resourceVersion, without apiVersion and kind."""
        return splice.item(self.value, self.revision) if self.revision else self.value

    def served(self, head: Head) -> bytes:
        """JSON with apiVersion and kind: what a write answers."""
        return head.served(self.item)

    def object(self, head: Head) -> Object:
        """Decoded anew on each call, with apiVersion and kind."""
        return splice.decoded(self.value, self.revision, head)


_PEEKED = 512


class Registry:
    """The only part of handlers that calls the store."""

    def __init__(self, store: Store, caches: Caches) -> None:
        self.store = store
        self.caches = caches
        self.times = StoreTimes()
        self.gathered: dict[object, tuple[object, list[Object]]] = {}
        """What admission has gathered of namespaces (lookups.py), and of which state of the cache."""
        self._peeked: dict[tuple[CacheEntry, Resource], Object] = {}

    async def cache(self, resource: Resource) -> Cache:
        return await resource.cache(self.caches)

    async def find(self, resource: Resource, namespace: str, name: str) -> CacheEntry | None:
        cache = await resource.cache(self.caches)
        return cache.get(namespace, name)

    async def get(self, resource: Resource, namespace: str, name: str) -> CacheEntry:
        """The entry, or NotFound."""
        entry = await self.find(resource, namespace, name)
        if entry is None:
            raise not_found(resource.kind, name)
        return entry

    def peek(self, resource: Resource, entry: CacheEntry) -> Object:
        """An entry's object, decoded once however often it is asked for: not to be changed."""
        key = entry, resource
        obj = self._peeked.get(key)
        if obj is None:
            if len(self._peeked) >= _PEEKED:
                self._peeked.clear()
            obj = self._peeked[key] = self.decode(resource, Stored(entry.value, entry.revision))
        return obj

    async def current(self, resource: Resource, namespace: str, name: str) -> Stored:
        """The entry as bytes at rest, or NotFound."""
        entry = await self.get(resource, namespace, name)
        return Stored(entry.value, entry.revision)

    def at_rest(self, resource: Resource, obj: Object, known: Object | None = None) -> bytes:
        """`known` is what has been stored before: what both share has its form already."""
        schema = resource.schema
        if resource.conversion is not None:
            obj, known = resource.conversion.to_stored(obj), None
            schema = schema_for(resource.stored_as)
        if known is None and (write := writer(schema)) is not None:
            value = write(splice.stripped(obj))
            if value is not None:
                return splice.escaped(value)
        return splice.escaped(splice.at_rest(written(obj, schema, known)))

    def decode(self, resource: Resource, stored: Stored) -> Object:
        """The object in the served version; the caller may change it."""
        if resource.conversion is None:
            return stored.object(resource.head)
        stored_as = resource.conversion.stored_as
        return resource.conversion.from_stored(stored.object(Head(stored_as.api_version, stored_as.kind)))

    async def create(
        self, resource: Resource, namespace: str, name: str, value: bytes, ttl: float | None = None
    ) -> Stored:
        """Raises AlreadyExists."""
        await resource.cache(self.caches)
        start = self.caches.now()
        try:
            revision = await self.store.put(resource.key(namespace, name), value, 0, ttl=ttl)
        except Mismatch:
            raise await self.occupied(resource, namespace, name) from None
        self.times.note("create", resource, self.caches.now() - start)
        await self.caches.wait_for(revision)
        return Stored(value, revision)

    async def occupied(self, resource: Resource, namespace: str, name: str) -> AlreadyExists:
        """The error for a name that is taken; it says when the object there is about to go."""
        error = already_exists(resource.kind, name)
        entry = await self.find(resource, namespace, name)
        if entry is not None and b'"deletionTimestamp":"' in entry.value:
            metadata = self.decode(resource, Stored(entry.value, entry.revision))["metadata"]
            if metadata.get("deletionTimestamp"):
                error.status["message"] = f"object is being deleted: {error.message}"
        return error

    async def replace(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        value: bytes,
        expected: int,
        ttl: float | None = None,
    ) -> Stored:
        """Raises Mismatch when the revision is no longer `expected`."""
        await resource.cache(self.caches)
        start = self.caches.now()
        revision = await self.store.put(resource.key(namespace, name), value, expected, ttl=ttl)
        self.times.note("update", resource, self.caches.now() - start)
        await self.caches.wait_for(revision)
        return Stored(value, revision)

    async def delete(self, resource: Resource, namespace: str, name: str, expected: int) -> int:
        """The revision of the deletion. Raises Mismatch, also when there is nothing any more."""
        await resource.cache(self.caches)
        start = self.caches.now()
        revision = await self.store.delete(resource.key(namespace, name), expected)
        self.times.note("delete", resource, self.caches.now() - start)
        await self.caches.wait_for(revision)
        return revision
