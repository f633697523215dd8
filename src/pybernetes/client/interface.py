"""What every component sees of the cluster: a client, informers, a work queue and an event recorder.

Implementations are in this folder; a component takes these as constructor arguments, and tests hand
in the same classes over the in-process transport. Objects are plain dicts; what an informer hands out
is shared and never changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pybernetes.api.kinds import Kind

Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(slots=True, frozen=True)
class WatchEvent:
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK; an ERROR event is raised as its APIError instead."""

    type: str
    object: Object


class Client(Protocol):
    """One call is one request. Raises `pybernetes.api.errors.APIError` and its family; a server that
    cannot be reached is `ServiceUnavailable`. A namespace of None means cluster scoped, or all for lists."""

    async def get(self, kind: Kind, namespace: str | None, name: str, *, subresource: str = "") -> Object: ...

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        limit: int = 0,
        continue_: str = "",
    ) -> Object:
        """The List object; `["items"]` have apiVersion and kind filled in."""
        ...

    async def create(
        self, kind: Kind, obj: Object, namespace: str | None = None, *, name: str = "", subresource: str = ""
    ) -> Object:
        """The namespace defaults to the object's own; `name` and `subresource` are for pods/eviction."""
        ...

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        """Replace; with metadata.resourceVersion set, only if nothing else has written (Conflict)."""
        ...

    async def update_status(self, kind: Kind, obj: Object) -> Object: ...

    async def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        patch: Any,
        *,
        patch_type: str = MERGE_PATCH,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Object: ...

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
    ) -> Object: ...

    async def delete_collection(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
    ) -> Object: ...

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        allow_bookmarks: bool = True,
        send_initial_events: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """Ends when the server closes it; raises Gone when the version is too old: list again."""
        ...

    async def raw(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Any request: the HTTP status and the body as it came; never raises for a status."""
        ...

    async def close(self) -> None: ...


class Lister(Protocol):
    """The objects that an informer holds. Keys are `namespace/name`, or `name` when cluster scoped."""

    def get(self, key: str) -> Object | None: ...

    def keys(self) -> Iterable[str]: ...

    def by_index(self, index: str, value: str) -> list[Object]: ...

    def list(self, namespace: str | None = None) -> list[Object]: ...


class Informer(Protocol):
    """A local, indexed copy of one kind that follows the server; shared by all who ask the factory for it."""

    kind: Kind
    store: Lister

    def add_handler(
        self,
        *,
        added: Callable[[Object], None] | None = None,
        updated: Callable[[Object, Object], None] | None = None,
        deleted: Callable[[Object], None] | None = None,
    ) -> None:
        """Called in order, on the loop, one at a time: `added(obj)`, `updated(old, new)`, `deleted(obj)`.
        A handler added late is told of everything already there."""
        ...

    def add_index(self, name: str, values: Callable[[Object], Iterable[str]]) -> None: ...

    @property
    def synced(self) -> bool: ...

    async def wait_synced(self) -> None: ...


class Slims(Protocol):
    """Makes an arriving object smaller before it is kept, in place; `old` is the version before, if any."""

    def slim(self, obj: Object, old: Object | None) -> Object: ...


class Informers(Protocol):
    """One informer for each kind (and selection); started by the process, not by a controller."""

    def informer(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        field_selector: str = "",
        label_selector: str = "",
        slimmer: Slims | None = None,
    ) -> Informer:
        """With a slimmer, an informer of its own that keeps less; shared by all who bring one of that class."""
        ...

    async def start(self) -> None: ...

    async def wait_synced(self) -> None: ...

    async def close(self) -> None: ...


class Queue(Protocol):
    """Keys to reconcile: each at most once in line and never handled by two workers at a time."""

    def add(self, key: Hashable) -> None: ...

    def add_after(self, key: Hashable, seconds: float) -> None: ...

    def add_rate_limited(self, key: Hashable) -> None:
        """Again, after the key's own exponential back-off (5 ms to 1000 s)."""
        ...

    def forget(self, key: Hashable) -> None: ...

    async def get(self) -> Any: ...

    def done(self, key: Hashable) -> None: ...

    def close(self) -> None: ...


class Recorder(Protocol):
    """Events about objects, aggregated and rate limited as upstream does; never blocks, never raises."""

    def event(self, about: Object, type: str, reason: str, message: str, *, action: str = "") -> None:
        """`type` is Normal or Warning; `about` has apiVersion, kind and metadata, or is a reference."""
        ...


def object_key(obj: Object) -> str:
    """`namespace/name`, or `name` for what has no namespace."""
    meta = obj["metadata"]
    namespace = meta.get("namespace")
    return f"{namespace}/{meta['name']}" if namespace else str(meta["name"])


def split_key(key: str) -> tuple[str | None, str]:
    namespace, slash, name = key.rpartition("/")
    return (namespace, name) if slash else (None, name)
