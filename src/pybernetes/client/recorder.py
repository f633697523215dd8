"""Events about objects, sent in the background: `recorder.event(pod, "Warning", "BackOff", "...")`.

In: calls that never block and never raise. Out: Event objects, correlated by event_correlation.py. When the queue
is full or the server stays away, events are lost, and the log says so.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from datetime import timedelta
from typing import Literal

from pybernetes.api.errors import APIError, NotFound, ServiceUnavailable, Timeout
from pybernetes.client.event_correlation import CoreCorrelator, Occurrence, SeriesCorrelator, Source, Write
from pybernetes.client.interface import STRATEGIC_MERGE_PATCH, Client, Object
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks

log = logging.getLogger(__name__)

QUEUE_SIZE = 5000
TRIES, RETRY_SECONDS = 12, 10.0
MESSAGE_LIMIT = 1024
LANES = 8
"""Events of one object are sent in order, of several objects at the same time."""


def reference(obj: Object, field_path: str = "") -> Object:
    """The ObjectReference to an object; `field_path` such as `spec.containers{web}`."""
    meta = obj.get("metadata")
    if meta is None:
        return obj
    parts = {
        "kind": obj.get("kind"),
        "namespace": meta.get("namespace"),
        "name": meta.get("name"),
        "uid": meta.get("uid"),
        "apiVersion": obj.get("apiVersion"),
        "resourceVersion": meta.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {name: value for name, value in parts.items() if value}


class _Lane:
    """Occurrences in order, and the task that sends them."""

    def __init__(self) -> None:
        self.queue: deque[Occurrence] = deque()
        self.wake = asyncio.Event()
        self.running = False


class EventRecorder:
    """Implements `client.interface.Recorder`. Its tasks start with the first events."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        component: str,
        *,
        host: str = "",
        style: Literal["core", "events"] = "core",
    ) -> None:
        """`style` core is core/v1 (controllers, the kubelet), events is events.k8s.io/v1 (the scheduler)."""
        self._client = client
        self._clock = clock
        self._correlator: CoreCorrelator | SeriesCorrelator
        if style == "core":
            self._correlator = CoreCorrelator(Source(component, host))
        else:
            self._correlator = SeriesCorrelator(
                Source(component, f"{component}-{host or socket.gethostname()}")
            )
        self._lanes = [_Lane() for _ in range(LANES)]
        self._waiting = 0
        self._tasks = Tasks(f"events of {component}")
        self._lost = 0
        self._last = self._clock.now()

    def event(self, about: Object, type: str, reason: str, message: str, *, action: str = "") -> None:
        if self._waiting >= QUEUE_SIZE:
            self._lost += 1
            if self._lost == 1:
                log.warning("more than %d events are waiting to be sent: further ones are lost", QUEUE_SIZE)
            return
        when = max(self._clock.now(), self._last + timedelta(microseconds=1))
        self._last = when
        if len(message) > MESSAGE_LIMIT:
            message = message[: MESSAGE_LIMIT - 3] + "..."
        to = reference(about)
        occurrence = Occurrence(to, type, reason, message, action or reason, when, self._clock.monotonic())
        lane = self._lanes[hash(to.get("uid") or to.get("name")) % LANES]
        lane.queue.append(occurrence)
        lane.wake.set()
        self._waiting += 1
        if not lane.running:
            lane.running = True
            self._tasks.spawn(self._run(lane), "sender", eternal=True)

    @property
    def idle(self) -> bool:
        """Everything recorded has been sent or dropped."""
        return not self._waiting

    async def close(self) -> None:
        """Stop at once; what has not been sent is lost."""
        await self._tasks.close()

    async def _run(self, lane: _Lane) -> None:
        while True:
            while not lane.queue:
                lane.wake.clear()
                await lane.wake.wait()
            occurrence = lane.queue.popleft()
            try:
                write = self._correlator.correlate(occurrence)
                if write is not None:
                    await self._send(write)
            except Exception:
                log.exception("the event %s was not sent", occurrence.reason)
            finally:
                self._waiting -= 1
                self._lost = 0

    async def _send(self, write: Write) -> None:
        for attempt in range(TRIES):
            try:
                await self._write(write)
                return
            except (ServiceUnavailable, Timeout) as error:
                log.warning("an event was not sent: %s; again in %g s", error.message, RETRY_SECONDS)
                if attempt < TRIES - 1:
                    await self._clock.sleep(RETRY_SECONDS)
            except APIError as error:
                self._correlator.forget(write.event)
                log.info("the event %s was refused: %s", write.event["reason"], error.message)
                return
        log.error("the event %s was not sent after %d tries", write.event["reason"], TRIES)

    async def _write(self, write: Write) -> None:
        meta = write.event["metadata"]
        if write.patch is not None:
            try:
                await self._client.patch(
                    write.kind,
                    meta["namespace"],
                    meta["name"],
                    write.patch,
                    patch_type=STRATEGIC_MERGE_PATCH,
                )
                return
            except NotFound:
                log.debug("the event %s has expired, creating it again", meta["name"])
        await self._client.create(write.kind, write.event)
