"""How API services are shown: which service answers for a group and version, and whether it can."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import AGE, NAME, Cells, Column, Printer, age_of, name_of

Object = dict[str, Any]


def _api_service(obj: Object, now: datetime) -> Cells:
    service = (obj.get("spec") or {}).get("service")
    backend = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    return [name_of(obj), backend, _available(obj), age_of(obj, now)]


def _available(obj: Object) -> str:
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Available":
            status, reason = condition.get("status", ""), condition.get("reason")
            return f"{status} ({reason})" if status != "True" and reason else str(status)
    return "Unknown"


PRINTERS: dict[str, Printer] = {
    "APIService": Printer(
        (
            NAME,
            Column("Service", description="The reference to the service that hosts this API endpoint."),
            Column("Available", description="Whether this service is available."),
            AGE,
        ),
        _api_service,
    ),
}
