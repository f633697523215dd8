"""Events, in both of their forms: what is reported, by whom, and that a report does not change afterwards."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import IMMUTABLE, ROOT, FieldError, invalid, required
from pybernetes.api.names import is_dns1123_subdomain, is_qualified_name

Object = dict[str, Any]

_LIMIT = 128
_NOTE_LIMIT = 1024
_FIXED = {
    "regarding": "involvedObject",
    "reason": "reason",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "type": "type",
    "eventTime": "eventTime",
    "action": "action",
    "related": "related",
    "reportingController": "reportingController",
    "reportingInstance": "reportingInstance",
}
"""Fields of events.k8s.io/v1 that stay, by the names under which errors know them."""
_UNSET = {
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "deprecatedSource": "source",
}


def _sound(obj: Object, involved: Object, reporter: str, note: str) -> list[FieldError]:
    """The rules of both forms; those for who reports hold once there is an eventTime."""
    namespace, own = involved.get("namespace") or "", obj["metadata"].get("namespace") or ""
    where = ROOT.child("involvedObject", "namespace")
    fault = invalid(where, namespace, "does not match event.namespace")
    errors: list[FieldError] = []
    if not obj.get("eventTime"):
        if (own != namespace) if namespace else own not in ("", "default"):
            errors.append(fault)
    else:
        if not namespace and own not in ("default", "kube-system"):
            errors.append(fault)
        errors.extend(_report(obj, reporter, note))
    return errors + [invalid(ROOT.child("namespace"), own, why) for why in is_dns1123_subdomain(own)]


def _report(obj: Object, reporter: str, note: str) -> list[FieldError]:
    errors: list[FieldError] = []
    name, where = obj.get(reporter) or "", ROOT.child(reporter)
    if not name:
        errors.append(required(where))
    errors.extend(invalid(where, name, why) for why in is_qualified_name(name))
    for field in ("reportingInstance", "action", "reason"):
        text = obj.get(field) or ""
        if not text:
            errors.append(required(ROOT.child(field)))
        if len(text.encode()) > _LIMIT:
            errors.append(invalid(ROOT.child(field), "", f"can have at most {_LIMIT} characters"))
    if len((obj.get(note) or "").encode()) > _NOTE_LIMIT:
        errors.append(invalid(ROOT.child("message"), "", f"can have at most {_NOTE_LIMIT} characters"))
    return errors


def core_event(obj: Object) -> list[FieldError]:
    return _sound(obj, obj.get("involvedObject") or {}, "reportingComponent", "message")


def event(obj: Object) -> list[FieldError]:
    """events.k8s.io/v1 is strict: nothing of the old form, and all of the new."""
    errors = _sound(obj, obj.get("regarding") or {}, "reportingController", "note") + _series(obj)
    if not obj.get("eventTime"):
        errors.append(required(ROOT.child("eventTime")))
    kind = obj.get("type") or ""
    if kind not in ("Normal", "Warning"):
        errors.append(invalid(ROOT.child("type"), "", f"has invalid value: {kind}"))
    for field, shown in _UNSET.items():
        value = obj.get(field)
        if any(value.values()) if isinstance(value, dict) else value:
            errors.append(invalid(ROOT.child(shown), "", "needs to be unset"))
    return errors


def _series(obj: Object) -> list[FieldError]:
    series = obj.get("series")
    if series is None:
        return []
    errors: list[FieldError] = []
    if (series.get("count") or 0) < 2:
        errors.append(invalid(ROOT.child("series", "count"), "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(required(ROOT.child("series", "lastObservedTime")))
    return errors


def update_event(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = _sound(new, new.get("regarding") or {}, "reportingController", "note")
    if new.get("series") != old.get("series"):
        errors.extend(_series(new))
    for field, shown in _FIXED.items():
        if (new.get(field) or None) != (old.get(field) or None):
            errors.append(invalid(ROOT.child(shown), new.get(field), IMMUTABLE))
    return errors


CREATE = {"Event": event}
UPDATE = {"Event": update_event}
