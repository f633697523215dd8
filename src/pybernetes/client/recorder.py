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

QUEUE_SIZE = 1000
TRIES, RETRY_SECONDS = 12, 10.0
MESSAGE_LIMIT = 1024


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


class EventRecorder:
    """Implements `client.interface.Recorder`. Its task starts with the first event."""

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
        self._queue: deque[Occurrence] = deque()
        self._tasks = Tasks(f"events of {component}")
        self._wake = asyncio.Event()
        self._running = False
        self._sending = False
        self._lost = 0
        self._last_nanos = self._clock.now()

    def event(self, about: Object, type: str, reason: str, message: str, *, action: str = "") -> None:
        if len(self._queue) >= QUEUE_SIZE:
            self._lost += 1
            if self._lost == 1:
                log.warning("more than %d events are waiting to be sent: further ones are lost", QUEUE_SIZE)
            return
        when = max(self._clock.now(), self._last_nanos + timedelta(microseconds=1))
        self._last_nanos = when
        if len(message) > MESSAGE_LIMIT:
            message = message[: MESSAGE_LIMIT - 3] + "..."
        self._queue.append(
            Occurrence(
                reference(about), type, reason, message, action or reason, when, self._clock.monotonic()
            )
        )
        self._wake.set()
        if not self._running:
            self._running = True
            self._tasks.spawn(self._run(), "sender", eternal=True)

    @property
    def idle(self) -> bool:
        """Everything recorded has been sent or dropped."""
        return not self._queue and not self._sending

    async def close(self) -> None:
        """Stop at once; what has not been sent is lost."""
        await self._tasks.close()

    async def _run(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            self._sending = True
            self._lost = 0
            occurrence = self._queue.popleft()
            try:
                write = self._correlator.correlate(occurrence)
                if write is not None:
                    await self._send(write)
            except Exception:
                log.exception("the event %s was not sent", occurrence.reason)
            finally:
                self._sending = False

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
