"""What the connections of one server share: handler, clock, limits, and how they keep time and log.

`Site` is built by `Server` and handed to each `Connection`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from traceback import extract_tb
from typing import TYPE_CHECKING

from pybernetes.lib.clock import Clock, Timer
from pybernetes.lib.http.messages import Handler, Peer, Response, Upgrade
from pybernetes.lib.streams import ByteStream

if TYPE_CHECKING:
    from pybernetes.lib.http.connection import Connection

log = logging.getLogger(__name__)

_READ_SIZE = 64 * 1024

ErrorBody = Callable[[int, str], Response]


@dataclass(slots=True, frozen=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    head_bytes: int = 64 * 1024
    head_seconds: float = 32
    idle_seconds: float = 90
    body_seconds: float = 60
    write_seconds: float = 60
    linger_seconds: float = 2


@dataclass(slots=True)
class Site:
    """What all connections of one server share."""

    handler: Handler
    clock: Clock
    error_body: ErrorBody
    limits: Limits
    buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(_READ_SIZE)))
    connections: set[Connection] = field(default_factory=set)
    accepted: int = 0
    closing: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)


def _nothing() -> None:
    """What a cancelled deadline would do."""


class LazyDeadline:
    """A deadline that moves with every request, on one timer that is armed anew only when it would come too
    late: when it fires early, it looks at the deadline again."""

    __slots__ = ("_at", "_clock", "_expire", "_timer", "_timer_at")

    def __init__(self, clock: Clock, expire: Callable[[], None]) -> None:
        self._clock = clock
        self._expire = expire
        self._at: float | None = None
        self._timer: Timer | None = None
        self._timer_at = 0.0

    def set(self, seconds: float) -> None:
        self._at = at = self._clock.monotonic() + seconds
        if self._timer is None or at < self._timer_at:
            self.cancel_timer()
            self._arm(seconds, at)

    def clear(self) -> None:
        self._at = None

    def cancel(self) -> None:
        """For good: nothing will fire."""
        self._at = None
        self._expire = _nothing
        self.cancel_timer()

    def cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, seconds: float, at: float) -> None:
        self._timer_at = at
        self._timer = self._clock.call_later(seconds, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._at is None:
            return
        left = self._at - self._clock.monotonic()
        if left > 0:
            self._arm(left, self._at)
        else:
            self._at = None
            self._expire()


def peer_of(transport: asyncio.Transport) -> Peer:
    """Address and client certificate of whoever is at the other end."""
    tls = transport.get_extra_info("ssl_object")
    address = transport.get_extra_info("peername")
    return Peer(
        address=address[0] if isinstance(address, tuple) else "",
        certificate=tls.getpeercert(binary_form=True) if tls is not None else None,
        secure=tls is not None,
    )


def origin_form(target: str) -> str:
    """The path and query of a request target, which proxies may send with scheme and host in front."""
    if target.startswith("/") or "://" not in target:
        return target
    slash = target.find("/", target.index("://") + 3)
    return target[slash:] if slash >= 0 else "/"


async def run_upgraded(answer: Upgrade, stream: ByteStream) -> None:
    """Until the handler is done with the stream; that the other end has gone is no failure."""
    try:
        await answer.run(stream)
    except (ConnectionError, EOFError):
        pass
    except Exception as error:
        log_failure("an upgraded connection", error)
    finally:
        stream.close()


def log_failure(what: str, error: BaseException) -> None:
    """Where it happened and what it was, without its message: that may hold a part of the request."""
    frames = extract_tb(error.__traceback__)[-8:]
    where = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    log.error("%s failed with %s at %s", what, type(error).__name__, where)
