"""Kinds that are served in more than one form and stored in one: how to get from one to the other.

`CONVERSIONS` maps (group, version, resource) to (stored kind, to the stored form, from the stored form).
The functions are pure: objects in, new objects out, sharing what does not change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pybernetes.api.kinds import (
    CORE_EVENTS,
    EVENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    HORIZONTAL_POD_AUTOSCALERS_V1,
    Kind,
)
from pybernetes.api.schema import schema_for

Object = dict[str, Any]

# events.k8s.io/v1 name -> core/v1 name; fields of the same name are not listed
_EVENT_FIELDS = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_CORE_FIELDS = {core: name for name, core in _EVENT_FIELDS.items()}

_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"
_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
_COUNTS = ("currentReplicas", "desiredReplicas")
"""What a v1 status always has."""
_STATUS_ORDER = ("observedGeneration", "lastScaleTime", *_COUNTS)


def event_to_core(event: Object) -> Object:
    renamed = {_EVENT_FIELDS.get(name, name): value for name, value in event.items()}
    return {**renamed, "apiVersion": CORE_EVENTS.api_version, "kind": CORE_EVENTS.kind}


def event_from_core(event: Object) -> Object:
    renamed = {_CORE_FIELDS.get(name, name): value for name, value in event.items()}
    renamed |= {"apiVersion": EVENTS.api_version, "kind": EVENTS.kind}
    order = schema_for(EVENTS).order
    for name in ("reportingController", "reportingInstance"):
        if not renamed.get(name):
            renamed.pop(name, None)
    return {name: renamed[name] for name in (*order, *renamed) if name in renamed}


def _is_cpu(metric: Object) -> bool:
    return metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def autoscaler_from_v2(stored: Object) -> Object:
    """What v1 has no field for goes into annotations, as upstream does it."""
    spec, status = dict(stored.get("spec") or {}), dict(stored.get("status") or {})
    annotations = dict(stored["metadata"].get("annotations") or {})
    others = []
    for metric in spec.pop("metrics", None) or ():
        target = (metric.get("resource") or {}).get("target") or {}
        if _is_cpu(metric) and "averageUtilization" in target:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
        else:
            others.append(metric)
    if others:
        annotations[_METRICS] = _encoded(others)
    if spec.get("behavior"):
        annotations[_BEHAVIOR] = _encoded(spec["behavior"])
    spec.pop("behavior", None)
    for metric in status.get("currentMetrics") or ():
        current = (metric.get("resource") or {}).get("current") or {}
        if _is_cpu(metric) and "averageUtilization" in current:
            status["currentCPUUtilizationPercentage"] = current["averageUtilization"]
    for name, annotation in (("currentMetrics", _CURRENT_METRICS), ("conditions", _CONDITIONS)):
        value = status.pop(name, None)
        if value:
            annotations[annotation] = _encoded(value)
    if "status" in stored:
        status = _ordered({**status, **{name: status.get(name) or 0 for name in _COUNTS}}, _STATUS_ORDER)
    return _autoscaler(stored, HORIZONTAL_POD_AUTOSCALERS_V1, spec, status, annotations)


def autoscaler_to_v2(obj: Object) -> Object:
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    annotations = dict(obj["metadata"].get("annotations") or {})
    metrics = _taken(annotations, _METRICS, [])
    cpu = spec.pop("targetCPUUtilizationPercentage", None)
    if cpu is not None:
        target = {"type": "Utilization", "averageUtilization": cpu}
        metrics = [*metrics, {"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if metrics:
        spec["metrics"] = metrics
    behavior = _taken(annotations, _BEHAVIOR, None)
    if behavior:
        spec["behavior"] = behavior
    used = status.pop("currentCPUUtilizationPercentage", None)
    for name, annotation in (("currentMetrics", _CURRENT_METRICS), ("conditions", _CONDITIONS)):
        value = _taken(annotations, annotation, None)
        if value:
            status[name] = value
    known = status.get("currentMetrics") or []
    if used is not None and not any(map(_is_cpu, known)):
        current = {"name": "cpu", "current": {"averageUtilization": used}}
        status["currentMetrics"] = [*known, {"type": "Resource", "resource": current}]
    return _autoscaler(obj, HORIZONTAL_POD_AUTOSCALERS, spec, status, annotations)


def _taken(annotations: dict[str, str], name: str, default: Any) -> Any:
    text = annotations.pop(name, None)
    if text is None:
        return default
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return default


def _ordered(fields: Object, order: tuple[str, ...]) -> Object:
    return {name: fields[name] for name in (*order, *fields) if name in fields}


def _autoscaler(obj: Object, kind: Kind, spec: Object, status: Object, annotations: dict[str, str]) -> Object:
    metadata = dict(obj["metadata"])
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    result = {**obj, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}
    if status or "status" in obj:
        result["status"] = status
    return result


Convert = Callable[[Object], Object]

CONVERSIONS: dict[tuple[str, str, str], tuple[Kind, Convert, Convert]] = {
    (EVENTS.group, EVENTS.version, EVENTS.resource): (CORE_EVENTS, event_to_core, event_from_core),
    ("autoscaling", "v1", "horizontalpodautoscalers"): (
        HORIZONTAL_POD_AUTOSCALERS,
        autoscaler_to_v2,
        autoscaler_from_v2,
    ),
}
