"""Small questions about objects that every controller asks: names, ages, conditions. Pure.

In: objects as dicts, as they come out of an informer (never changed here). Out: facts, or new values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pybernetes.api.kinds import Kind
from pybernetes.api.times import parse_time
from pybernetes.semantics.owners import controller_ref
from pybernetes.semantics.pods import available_at, get_condition

Object = dict[str, Any]

FOREGROUND_FINALIZER = "foregroundDeletion"
ORPHAN_FINALIZER = "orphan"


def name_of(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def namespace_of(obj: Object) -> str:
    return str(obj["metadata"].get("namespace") or "")


def uid_of(obj: Object) -> str:
    return str(obj["metadata"].get("uid") or "")


def labels_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def is_deleting(obj: Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def controller_key(obj: Object, kind: Kind) -> str | None:
    """The key of the object's controller, None when that is of another kind or there is none."""
    reference = controller_ref(obj)
    if reference is None or reference.get("kind") != kind.kind:
        return None
    if reference.get("apiVersion", "").rpartition("/")[0] != kind.group:
        return None
    return f"{namespace_of(obj)}/{reference['name']}"


def created_at(obj: Object) -> datetime | None:
    text = obj["metadata"].get("creationTimestamp")
    return parse_time(text) if text else None


def with_kind(obj: Object, kind: Kind) -> Object:
    """The object with apiVersion and kind, which cached objects may lack; a shallow rebuild."""
    if obj.get("kind") and obj.get("apiVersion"):
        return obj
    return {"apiVersion": kind.api_version, "kind": kind.kind, **obj}


def with_metadata(obj: Object, **changes: Any) -> Object:
    """A shallow rebuild of the object with fields of its metadata replaced; None removes a field."""
    metadata = {**obj["metadata"], **changes}
    for field in [field for field, value in changes.items() if value is None]:
        del metadata[field]
    return {**obj, "metadata": metadata}


def condition_status(status: Mapping[str, Any] | None, type: str) -> str:
    """`True`, `False`, `Unknown`, or "" when there is no such condition."""
    condition = get_condition(status, type)
    return str(condition.get("status", "")) if condition else ""


def without_condition(conditions: Iterable[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [condition for condition in conditions if condition.get("type") != type]


def available_in(pods: Iterable[Object], min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until the next ready pod becomes available; None when none is waiting for that."""
    moments = (available_at(pod, min_ready_seconds) for pod in pods)
    waits = [(moment - now).total_seconds() for moment in moments if moment is not None and moment > now]
    return min(waits) if waits else None


def compact(status: dict[str, Any]) -> dict[str, Any]:
    """A status without its empty fields, the way the API stores it: for comparing and for writing."""
    return {field: value for field, value in status.items() if value not in (None, 0, "", [], {})}
