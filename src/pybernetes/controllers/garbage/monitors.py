"""Following every kind that can be deleted, as cheaply as possible.

In: the kinds that discovery finds. Out: calls of `changed(kind, object)` and `gone(kind, object)`. Kinds
that another controller follows anyway share its informer; of the others only the metadata that collecting
needs is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from pybernetes.api.kinds import CORE_EVENTS, EVENTS, Kind
from pybernetes.client.informer import SharedInformer
from pybernetes.client.interface import Informer, Object
from pybernetes.client.store import Slimmer
from pybernetes.controllers.reconciler import Context
from pybernetes.lib.tasks import Tasks

IGNORED = frozenset((CORE_EVENTS.group_resource, EVENTS.group_resource))
_NEEDED = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "ownerReferences",
    "finalizers",
    "deletionTimestamp",
)


class MetadataOnly(Slimmer):
    """Keeps of an object what the graph is made of."""

    def slim(self, obj: Object, old: Object | None) -> Object:
        meta = obj["metadata"]
        return {"metadata": {field: meta[field] for field in _NEEDED if field in meta}}


def can_be_collected(kind: Kind) -> bool:
    return {"list", "watch", "delete"} <= set(kind.verbs) and kind.group_resource not in IGNORED


class Monitors:
    """One for each kind; `set_kinds` starts and ends them as kinds come and go."""

    def __init__(
        self,
        context: Context,
        shared: Collection[Kind],
        changed: Callable[[Kind, Object], None],
        gone: Callable[[Kind, Object], None],
    ) -> None:
        self._context = context
        self._shared = shared
        self._changed = changed
        self._gone = gone
        self._running: dict[Kind, tuple[Informer | SharedInformer, asyncio.Task[Any] | None]] = {}

    def set_kinds(self, kinds: Collection[Kind], tasks: Tasks) -> list[Kind]:
        """Follow exactly these; answers those that are no longer followed."""
        wanted = {kind for kind in kinds if can_be_collected(kind)}
        ended = [kind for kind in self._running if kind not in wanted]
        for kind in ended:
            _, task = self._running.pop(kind)
            if task is not None:
                task.cancel()
        for kind in wanted:
            if kind not in self._running:
                self._running[kind] = self._start(kind, tasks)
        return ended

    def _start(self, kind: Kind, tasks: Tasks) -> tuple[Informer | SharedInformer, asyncio.Task[Any] | None]:
        informer: Informer | SharedInformer
        task: asyncio.Task[Any] | None = None
        if kind in self._shared:
            informer = self._context.informers.informer(kind)
        else:
            own = SharedInformer(self._context.client, kind, self._context.clock, slimmer=MetadataOnly())
            task = tasks.spawn(own.run(), f"metadata of {kind.group_resource}")
            informer = own

        def changed(obj: Object) -> None:
            if kind in self._running:
                self._changed(kind, obj)

        def gone(obj: Object) -> None:
            if kind in self._running:
                self._gone(kind, obj)
                for hear in self._context.departures:
                    hear(kind, obj)

        self._running[kind] = (informer, task)
        informer.add_handler(added=changed, updated=lambda old, new: changed(new), deleted=gone)
        return informer, task

    async def wait_synced(self) -> None:
        for informer, _ in list(self._running.values()):
            await informer.wait_synced()

    @property
    def synced(self) -> bool:
        return all(informer.synced for informer, _ in self._running.values())
