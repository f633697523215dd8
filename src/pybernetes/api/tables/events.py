"""How events are shown, of the core group and of events.k8s.io."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import NAME, Cells, Column, Printer, name_of, wide
from pybernetes.api.times import age

Object = dict[str, Any]

COLUMNS = (
    Column("Last Seen", description="@core.v1.Event.lastTimestamp"),
    Column("Type", description="@core.v1.Event.type"),
    Column("Reason", description="@core.v1.Event.reason"),
    Column("Object", description="@core.v1.Event.involvedObject"),
    wide("Subobject", "@core.v1.ObjectReference.fieldPath"),
    wide("Source", "@core.v1.Event.source"),
    Column("Message", description="@core.v1.Event.message"),
    wide("First Seen", "@core.v1.Event.firstTimestamp"),
    wide("Count", "@core.v1.Event.count"),
    Column("Name", description=NAME.description, priority=1, format="name"),
)


def _cells(event: Object, now: datetime) -> Cells:
    involved = event.get("involvedObject") or event.get("regarding") or {}
    first_time = event.get("firstTimestamp") or event.get("deprecatedFirstTimestamp")
    last_time = event.get("lastTimestamp") or event.get("deprecatedLastTimestamp")
    first = age(first_time or event.get("eventTime"), now)
    last = age(last_time, now) if last_time else first
    count = event.get("count") or event.get("deprecatedCount") or 0
    series = event.get("series")
    if series:
        last, count = age(series.get("lastObservedTime"), now), series.get("count", 0)
    kind = str(involved.get("kind", "")).lower()
    message = event.get("message") or event.get("note") or ""
    return [
        last,
        event.get("type", ""),
        event.get("reason", ""),
        f"{kind}/{involved['name']}" if involved.get("name") else kind,
        involved.get("fieldPath", ""),
        _source(event),
        message.strip(),
        first,
        count or 1,
        name_of(event),
    ]


def _source(event: Object) -> str:
    source = event.get("source") or event.get("deprecatedSource") or {}
    component = source.get("component") or event.get("reportingComponent") or event.get("reportingController")
    host = source.get("host") or event.get("reportingInstance")
    if not component:
        return ""
    return f"{component}, {host}" if host else str(component)


PRINTER = Printer(COLUMNS, _cells)
PRINTERS = {"Event": PRINTER}
