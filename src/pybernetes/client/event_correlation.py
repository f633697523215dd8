"""What becomes of an occurrence: a new Event object, one more count on an earlier one, or nothing. Pure.

In: `Occurrence`s and the time. Out: a `Write` for the recorder to send, or None.
`CoreCorrelator` writes core/v1 Events as the kubelet and the controllers do (equal events are counted, more than
ten similar ones in ten minutes are combined, one object gets a burst of 25 and then one in five minutes);
`SeriesCorrelator` writes events.k8s.io/v1 Events as the scheduler does (repetitions become a series).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from pybernetes.api.kinds import CORE_EVENTS, EVENTS, Kind
from pybernetes.api.times import format_micro_time, format_time
from pybernetes.client.interface import Object

CACHE_SIZE = 4096
SIMILAR_LIMIT, SIMILAR_SECONDS = 10, 600.0
BURST, REFILL_SECONDS = 25, 300.0
SERIES_SECONDS, SERIES_REFRESH_SECONDS = 360.0, 1800.0
COMBINED = "(combined from similar events): "

V = TypeVar("V")


@dataclass(slots=True, frozen=True)
class Source:
    """Who reports: `kubelet` on `node-1`."""

    component: str
    host: str = ""


@dataclass(slots=True, frozen=True)
class Occurrence:
    """Something that happened to an object; `about` is an ObjectReference."""

    about: Object
    type: str
    reason: str
    message: str
    action: str
    when: datetime
    monotonic: float


@dataclass(slots=True)
class Write:
    """An Event to create, or, with `patch`, to change; `event` is the whole of it either way."""

    kind: Kind
    event: Object
    patch: Object | None = None


class _Recent(OrderedDict[Hashable, V], Generic[V]):
    """The last few thousand entries."""

    def remember(self, key: Hashable, value: V) -> V:
        self[key] = value
        self.move_to_end(key)
        if len(self) > CACHE_SIZE:
            self.popitem(last=False)
        return value


@dataclass(slots=True)
class _Similar:
    last: float
    messages: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Tokens:
    left: float
    last: float


def _about_key(about: Object) -> tuple[Any, ...]:
    return tuple(about.get(part, "") for part in ("kind", "namespace", "name", "uid", "apiVersion"))


def event_name(about: Object, when: datetime) -> str:
    """`web.18c1f0a5b2c3d4e5`: the object's name and the nanoseconds since 1970 in hexadecimal."""
    seconds = int(when.replace(microsecond=0).timestamp())
    return f"{about.get('name', '')}.{seconds * 10**9 + when.microsecond * 1000:x}"


class CoreCorrelator:
    """For core/v1 Events."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._similar: _Recent[_Similar] = _Recent()
        self._sent: _Recent[Object] = _Recent()
        self._tokens: _Recent[_Tokens] = _Recent()

    def correlate(self, what: Occurrence) -> Write | None:
        about = _about_key(what.about)
        group = (*about, what.about.get("fieldPath", ""), what.type, what.reason)
        message, key = self._aggregate(what, group)
        if not self._allowed(about, what.monotonic):
            return None
        sent = self._sent.get(key)
        if sent is None:
            return Write(CORE_EVENTS, self._sent.remember(key, self._event(what, message)))
        event = {
            **sent,
            "count": sent["count"] + 1,
            "lastTimestamp": format_time(what.when),
            "message": message,
        }
        self._sent.remember(key, event)
        patch = {name: event[name] for name in ("count", "lastTimestamp", "message")}
        return Write(CORE_EVENTS, event, patch)

    def forget(self, event: Object) -> None:
        """The server no longer has the event: the next occurrence starts a new one."""
        name = event["metadata"]["name"]
        for key, sent in list(self._sent.items()):
            if sent["metadata"]["name"] == name:
                del self._sent[key]

    def _aggregate(self, what: Occurrence, group: tuple[Any, ...]) -> tuple[str, Hashable]:
        similar = self._similar.get(group)
        if similar is None or what.monotonic - similar.last > SIMILAR_SECONDS:
            similar = _Similar(what.monotonic)
        similar.last = what.monotonic
        self._similar.remember(group, similar)
        similar.messages.add(what.message)
        if len(similar.messages) < SIMILAR_LIMIT:
            return what.message, (*group, what.message)
        similar.messages.pop()
        return COMBINED + what.message, group

    def _allowed(self, about: tuple[Any, ...], now: float) -> bool:
        tokens = self._tokens.get(about) or _Tokens(BURST, now)
        tokens.left = min(BURST, tokens.left + (now - tokens.last) / REFILL_SECONDS)
        tokens.last = now
        self._tokens.remember(about, tokens)
        if tokens.left < 1:
            return False
        tokens.left -= 1
        return True

    def _event(self, what: Occurrence, message: str) -> Object:
        when = format_time(what.when)
        source = {"component": self._source.component}
        if self._source.host:
            source["host"] = self._source.host
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": event_name(what.about, what.when),
                "namespace": what.about.get("namespace") or "default",
            },
            "involvedObject": what.about,
            "reason": what.reason,
            "message": message,
            "source": source,
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
            "type": what.type,
            "reportingComponent": self._source.component,
            "reportingInstance": self._source.host,
        }


@dataclass(slots=True)
class _Series:
    event: Object
    last: float
    sent: float


class SeriesCorrelator:
    """For events.k8s.io/v1 Events. A repetition is sent at once when it starts a series, then every half hour."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._series: _Recent[_Series] = _Recent()

    def correlate(self, what: Occurrence) -> Write | None:
        key = (*_about_key(what.about), what.type, what.reason, what.action)
        now = what.monotonic
        series = self._series.get(key)
        if series is None or now - series.last > SERIES_SECONDS:
            return Write(EVENTS, self._series.remember(key, _Series(self._event(what), now, now)).event)
        first = "series" not in series.event
        count = 2 if first else series.event["series"]["count"] + 1
        observed = {"count": count, "lastObservedTime": format_micro_time(what.when)}
        series.event = {**series.event, "series": observed}
        series.last = now
        self._series.move_to_end(key)
        if not first and now - series.sent < SERIES_REFRESH_SECONDS:
            return None
        series.sent = now
        return Write(EVENTS, series.event, {"series": observed})

    def forget(self, event: Object) -> None:
        name = event["metadata"]["name"]
        for key, series in list(self._series.items()):
            if series.event["metadata"]["name"] == name:
                del self._series[key]

    def _event(self, what: Occurrence) -> Object:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": event_name(what.about, what.when),
                "namespace": what.about.get("namespace") or "default",
            },
            "eventTime": format_micro_time(what.when),
            "reportingController": self._source.component,
            "reportingInstance": self._source.host,
            "action": what.action,
            "reason": what.reason,
            "regarding": what.about,
            "note": what.message,
            "type": what.type,
        }
