"""containerd's event stream: a hint for each container that started, exited, was removed or ran out of memory.

What comes out is `(kind, id)`; whoever receives it re-reads CRI. After each (re)connection `connected` is
called, because events of the time between are lost: the receiver then lists everything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from grpclib.client import UnaryStreamMethod
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError

from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.cri.messages import ENVELOPE, EVENT_TYPES, SUBSCRIBE_REQUEST
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock

log = logging.getLogger(__name__)

TOPICS = {
    "/tasks/start": "TaskStart",
    "/tasks/exit": "TaskExit",
    "/tasks/delete": "TaskDelete",
    "/tasks/oom": "TaskOOM",
}


def decode(envelope: Any) -> tuple[str, str] | None:
    """`("TaskExit", container id)` of an envelope; None when it is an exec's or of no interest."""
    kind = TOPICS.get(envelope.topic)
    if kind is None or envelope.namespace != "k8s.io":
        return None
    event = EVENT_TYPES[kind].FromString(envelope.event.value)
    process = getattr(event, "id", "")
    if process and process != event.container_id:
        return None  # a process started by exec
    return kind, event.container_id


class RuntimeEvents:
    """Follows the stream for ever; `changed(kind, container id)` and `connected()` run on the loop."""

    def __init__(
        self,
        cri: CRIClient,
        clock: Clock,
        changed: Callable[[str, str], None],
        connected: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._connected = connected
        self._subscribe = UnaryStreamMethod(
            cri.channel, "/containerd.services.events.v1.Events/Subscribe", SUBSCRIBE_REQUEST, ENVELOPE
        )

    async def run(self) -> None:
        backoff = Backoff(0.1, 5)
        filters = [f'topic=="{topic}",namespace=="k8s.io"' for topic in TOPICS]
        while True:
            try:
                async with self._subscribe.open() as stream:
                    await stream.send_message(SUBSCRIBE_REQUEST(filters=filters), end=True)
                    self._connected()
                    while (envelope := await stream.recv_message()) is not None:
                        backoff.forget("stream")
                        decoded = decode(envelope)
                        if decoded is not None:
                            self._changed(*decoded)
                error = "it ended"
            except (GRPCError, StreamTerminatedError, ProtocolError, OSError) as failure:
                error = str(failure) or type(failure).__name__
            delay = backoff.next("stream", self._clock.monotonic())
            log.warning("containerd's event stream broke (%s); subscribing again in %.1f s", error, delay)
            await self._clock.sleep(delay)
