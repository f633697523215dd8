"""The shell that every controller shares: keys from informers go through a queue to `sync`, errors come again later.

A controller subclasses `Reconciler`, adds handlers to informers in `watch`, and reconciles one key in `sync`. One
task takes keys off the queue and runs up to `workers` of them at a time: an idle controller costs one sleeping task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pybernetes.api.errors import AlreadyExists, APIError, Conflict, NotFound
from pybernetes.api.kinds import Kind
from pybernetes.client.interface import Client, Informer, Informers, Object, Queue, Recorder, object_key
from pybernetes.controllers.actions import Action, Create, Delete, Emit, Patch, Update
from pybernetes.controllers.options import Options
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """What the manager hands every controller. `recorder(component)` makes the recorder of one event source."""

    client: Client
    informers: Informers
    clock: Clock
    queue: Callable[[], Queue]
    recorder: Callable[[str], Recorder]
    options: Options
    followed: set[Kind] = field(default_factory=set)
    """The kinds that some controller has an informer of."""
    departures: list[Callable[[Kind, Object], None]] = field(default_factory=list)
    """Called for every object of any kind that has gone, as far as its metadata is known."""


class Reconciler:
    """One controller. `name` is upstream's name of it; `source` is what its events are reported by."""

    name = ""
    source = ""
    workers = 5

    def __init__(self, context: Context) -> None:
        self.context = context
        self.client = context.client
        self.clock = context.clock
        self.options = context.options
        self.queue: Queue = context.queue()
        self.recorder: Recorder = context.recorder(self.source or self.name)
        self.log = logging.getLogger(f"pybernetes.controllers.{self.name}")
        self.informers: list[Informer] = []
        self.watch()

    # What a controller fills in

    def watch(self) -> None:
        """Ask for informers and add handlers; called once, before the informers start."""
        raise RuntimeError(f"{self.name} watches nothing")

    async def sync(self, key: Any) -> None:
        """Bring one key's object to what it should be. An error makes the key come again, with back-off."""
        raise RuntimeError(f"{self.name} reconciles nothing")

    async def background(self, tasks: Tasks) -> None:
        """Start further tasks (timers) once the informers are filled."""

    # What it uses

    def informer(self, kind: Kind) -> Informer:
        found = self.context.informers.informer(kind)
        self.context.followed.add(kind)
        if found not in self.informers:
            self.informers.append(found)
        return found

    def enqueue(self, obj: Object) -> None:
        self.queue.add(object_key(obj))

    def enqueue_changes(self, informer: Informer) -> None:
        """Every change of an object of this kind puts its key in line."""
        informer.add_handler(
            added=self.enqueue, updated=lambda old, new: self.enqueue(new), deleted=self.enqueue
        )

    async def carry_out(self, actions: Iterable[Action]) -> None:
        """One action after the other; the first error ends it. What is already gone is no error."""
        for action in actions:
            await self.act(action)

    async def act(self, action: Action) -> Object | None:
        """The object as the server has it afterwards, where the action leaves one."""
        match action:
            case Create(kind, obj):
                return await self.client.create(kind, obj)
            case Update(kind, obj, "status"):
                return await self.client.update_status(kind, obj)
            case Update(kind, obj, subresource):
                return await self.client.update(kind, obj, subresource=subresource)
            case Patch(kind, namespace, name, patch, subresource):
                return await self.client.patch(kind, namespace, name, patch, subresource=subresource)
            case Delete():
                await self.delete(action)
            case Emit(about, type, reason, message):
                self.recorder.event(about, type, reason, message)
        return None

    async def delete(self, action: Delete) -> bool:
        """True when the object was there to be deleted."""
        try:
            await self.client.delete(
                action.kind,
                action.namespace,
                action.name,
                uid=action.uid,
                resource_version=action.resource_version,
                grace_period_seconds=action.grace_period_seconds,
                propagation_policy=action.propagation_policy,
            )
        except NotFound:
            return False
        return True

    # How it runs

    async def run(self, tasks: Tasks) -> None:
        """Wait for the informers, then reconcile until cancelled. The manager runs this as an eternal task."""
        await wait_for_all(self.informers)
        await self.background(tasks)
        running: set[asyncio.Task[None]] = set()
        slots = asyncio.Semaphore(self.workers)
        try:
            while True:
                await slots.acquire()
                key = await self.queue.get()
                task = asyncio.get_running_loop().create_task(self._one(key), name=f"{self.name}/{key}")
                running.add(task)
                task.add_done_callback(running.discard)
                task.add_done_callback(lambda _: slots.release())
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _one(self, key: Any) -> None:
        try:
            await self.sync(key)
        except (Conflict, NotFound, AlreadyExists) as error:
            self.log.debug("%s: %s; again with back-off", key, error)
            self.queue.add_rate_limited(key)
        except APIError as error:
            self.log.warning("%s: %s; again with back-off", key, error)
            self.queue.add_rate_limited(key)
        except Exception:
            self.log.exception("%s failed; again with back-off", key)
            self.queue.add_rate_limited(key)
        else:
            self.queue.forget(key)
        finally:
            self.queue.done(key)


async def wait_for_all(informers: Sequence[Informer]) -> None:
    for informer in informers:
        await informer.wait_synced()
