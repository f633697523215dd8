"""A local copy of one kind that follows the server: initial state, then a watch, for ever.

In: `Client.watch` (and `Client.list` where the server has no streaming lists). Out: a `Lister`, and handlers
called in order on the loop. A watch that ends is renewed from the last version seen; Gone starts over
from a fresh list, and the handlers hear only of what differs.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from pybernetes.api.errors import APIError, BadRequest, Gone, Invalid, NotFound, Timeout
from pybernetes.api.kinds import Kind, by_resource
from pybernetes.client.interface import Client, Lister, Object, Slims, object_key
from pybernetes.client.store import ObjectStore, Slimmer
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock

log = logging.getLogger(__name__)

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
BACKOFF_INITIAL, BACKOFF_LIMIT, BACKOFF_RESET = 0.8, 30.0, 120.0
SLICE = 200
INITIAL_TIMEOUT = 60.0
"""Seconds until a streamed list that does not end is given up for an ordinary one."""


@dataclass(slots=True)
class _Handler:
    added: Callable[[Object], None] | None
    updated: Callable[[Object, Object], None] | None
    deleted: Callable[[Object], None] | None


class _StartOver(Exception):
    """The version is too old (or from another history): list again."""


class SharedInformer:
    """Implements `client.interface.Informer`. `run` is its eternal task."""

    def __init__(
        self,
        client: Client,
        kind: Kind,
        clock: Clock,
        *,
        namespace: str | None = None,
        field_selector: str = "",
        label_selector: str = "",
        slimmer: Slims | None = None,
    ) -> None:
        self.kind = kind
        self._objects = ObjectStore()
        self.store: Lister = self._objects
        self._client = client
        self._clock = clock
        self._namespace = namespace
        self._field_selector = field_selector
        self._label_selector = label_selector
        self._slimmer: Slims = slimmer or Slimmer(
            share=by_resource(kind.group, kind.version, kind.resource) is not None
        )
        self._handlers: list[_Handler] = []
        self._synced = asyncio.Event()
        self._version = ""
        self._listed_once = False
        self._streaming_lists = True

    # for components

    def add_handler(
        self,
        *,
        added: Callable[[Object], None] | None = None,
        updated: Callable[[Object, Object], None] | None = None,
        deleted: Callable[[Object], None] | None = None,
    ) -> None:
        handler = _Handler(added, updated, deleted)
        self._handlers.append(handler)
        if added is not None:
            for obj in self.store.list():
                self._call(added, obj)

    def add_index(self, name: str, values: Callable[[Object], Iterable[str]]) -> None:
        self._objects.add_index(name, values)

    @property
    def synced(self) -> bool:
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    @property
    def resource_version(self) -> str:
        """The last version seen; "" before the first list."""
        return self._version

    # following the server

    async def run(self) -> None:
        backoff = Backoff(BACKOFF_INITIAL, BACKOFF_LIMIT, BACKOFF_RESET)
        while True:
            started = self._clock.monotonic()
            try:
                await self._follow()
                if self._clock.monotonic() - started >= 1:
                    continue
                why = "the watch ended at once"
            except _StartOver as error:
                log.info("%s: listing again: %s", self.kind.group_resource, error)
                self._version = ""
                if self._clock.monotonic() - started >= 1:
                    continue
                why = str(error)
            except APIError as error:
                why = error.message
            now = self._clock.monotonic()
            delay = backoff.next("", now) * (1 + random.random())
            log.warning("%s: %s; again in %.1f s", self.kind.group_resource, why, delay)
            await self._clock.sleep(delay)

    async def _follow(self) -> None:
        """One list if there is none yet, and one watch until it ends."""
        if not self._version:
            if self._streaming_lists:
                try:
                    await self._stream_and_watch()
                    return
                except (BadRequest, Invalid) as error:
                    log.info("%s: no streaming lists here (%s)", self.kind.group_resource, error.message)
                    self._streaming_lists = False
                except TimeoutError:
                    log.warning(
                        "%s: the streamed list did not end within %g s, listing",
                        self.kind.group_resource,
                        INITIAL_TIMEOUT,
                    )
                    self._streaming_lists = False
            await self._list()
        await self._watch()

    async def _stream_and_watch(self) -> None:
        events = self._client.watch(self.kind, self._namespace, send_initial_events=True, **self._selection())
        found: dict[str, Object] = {}
        async with aclosing(cast(Any, events)) as stream:
            async with self._clock.timeout(INITIAL_TIMEOUT):
                async for event in stream:
                    if event.type == "BOOKMARK":
                        annotations = event.object["metadata"].get("annotations") or {}
                        if annotations.get(INITIAL_EVENTS_END) == "true":
                            self._version = event.object["metadata"]["resourceVersion"]
                            break
                    elif event.type == "DELETED":
                        found.pop(object_key(event.object), None)
                    else:
                        key = object_key(event.object)
                        found[key] = self._slimmer.slim(event.object, self.store.get(key))
                else:
                    return
            await self._replace(found)
            await self._handle(stream)

    async def _list(self) -> None:
        version = "" if self._listed_once else "0"
        answer = await self._client.list(
            self.kind, self._namespace, resource_version=version, **self._selection()
        )
        self._listed_once = True
        self._version = answer["metadata"]["resourceVersion"]
        found = {object_key(item): item for item in answer["items"]}
        for key, item in found.items():
            self._slimmer.slim(item, self.store.get(key))
        await self._replace(found)

    async def _watch(self) -> None:
        events = self._client.watch(
            self.kind, self._namespace, resource_version=self._version, **self._selection()
        )
        async with aclosing(cast(Any, events)) as stream:
            await self._handle(stream)

    def _selection(self) -> dict[str, Any]:
        return {"label_selector": self._label_selector, "field_selector": self._field_selector}

    async def _handle(self, stream: Any) -> None:
        try:
            async for event in stream:
                obj = event.object
                type_ = event.type
                if type_ == "DELETED":
                    self._remove(object_key(obj), obj)
                elif type_ != "BOOKMARK":
                    key = object_key(obj)
                    self._put(key, self._slimmer.slim(obj, self.store.get(key)))
                self._version = obj["metadata"]["resourceVersion"]
        except (Gone, NotFound) as error:
            raise _StartOver(error.message) from error
        except Timeout as error:
            if "Too large resource version" in error.message:
                raise _StartOver(error.message) from error
            raise

    # telling the handlers

    async def _replace(self, found: dict[str, Object]) -> None:
        """The state is now this, slimmed already; everybody else gets a turn after some hundred objects."""
        for key in set(self.store.keys()).difference(found):
            self._remove(key, None)
        for key, obj in found.items():
            old = self.store.get(key)
            if old is None or old["metadata"].get("resourceVersion") != obj["metadata"].get(
                "resourceVersion"
            ):
                self._put(key, obj)
        self._synced.set()

    def _put(self, key: str, obj: Object) -> None:
        old = self.store.get(key)
        if old is not None and old["metadata"].get("uid") != obj["metadata"].get("uid"):
            self._remove(key, None)
            old = None
        self._objects.put(key, obj)
        for handler in self._handlers:
            if old is None:
                if handler.added is not None:
                    self._call(handler.added, obj)
            elif handler.updated is not None:
                self._call(handler.updated, old, obj)

    def _remove(self, key: str, last: Object | None) -> None:
        old = self._objects.remove(key)
        if old is None:
            return
        if last is not None:
            last = self._slimmer.slim(last, old)
        for handler in self._handlers:
            if handler.deleted is not None:
                self._call(handler.deleted, last or old)

    def _call(self, function: Callable[..., None], *args: Object) -> None:
        try:
            function(*args)
        except Exception:
            log.exception("a handler of %s failed on %s", self.kind.group_resource, object_key(args[-1]))
