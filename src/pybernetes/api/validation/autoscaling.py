"""Autoscalers: bounds, what they scale, the metrics that decide and how fast they may."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label, is_path_segment
from pybernetes.api.validation.resources import validate_container_resource_name
from pybernetes.api.validation.values import NOT_NEGATIVE, not_negative, one_of

Object = dict[str, Any]

_LONGEST_WINDOW, _LONGEST_PERIOD = 3600, 1800
_POLICIES = ("Percent", "Pods")
_SELECTIONS = ("Disabled", "Max", "Min")
_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_ORDER = ("object", "external", "pods", "resource", "containerResource")


def autoscaler(obj: Object) -> list[FieldError]:
    """Either version; v1 knows one metric, which is shown as v2 shows it."""
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        errors.append(invalid(SPEC.child("minReplicas"), least, "must be greater than or equal to 1"))
    where = SPEC.child("maxReplicas")
    if most == 0:
        errors.append(required(where, "must be set and greater than 0"))
    elif most < 0:
        errors.append(invalid(where, most, "must be greater than or equal to 1"))
    if least is not None and most < least:
        errors.append(invalid(where, most, "must be greater than or equal to `minReplicas`"))
    errors.extend(_reference(spec.get("scaleTargetRef") or {}, SPEC.child("scaleTargetRef"), grouped=True))
    metrics, where = _metrics(spec), SPEC.child("metrics")
    for position, metric in enumerate(metrics):
        errors.extend(_metric(metric, where.at(position)))
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        why = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden(where, why))
    behavior = spec.get("behavior") or {}
    for field in ("scaleUp", "scaleDown"):
        if behavior.get(field) is not None:
            errors.extend(_rules(behavior[field], SPEC.child("behavior", field)))
    return errors


def _metrics(spec: Object) -> list[Object]:
    share = spec.get("targetCPUUtilizationPercentage")
    if share is None:
        return spec.get("metrics") or []
    target = {"type": "Utilization", "averageUtilization": share}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _reference(reference: Object, path: FieldPath, grouped: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("kind", "name"):
        text = reference.get(field) or ""
        if not text:
            errors.append(required(path.child(field)))
        else:
            errors.extend(invalid(path.child(field), text, why) for why in is_path_segment(text))
    version, where = reference.get("apiVersion") or "", path.child("apiVersion")
    if version.count("/") > 1:
        errors.append(invalid(where, version, f"unexpected GroupVersion string: {version}"))
    elif grouped and "/" not in version and reference.get("kind") != "ReplicationController":
        errors.append(invalid(where, version, "apiVersion must specify API group"))
    return errors


def _metric(metric: Object, path: FieldPath) -> list[FieldError]:
    kind = metric.get("type") or ""
    errors = [] if kind else [required(path.child("type"), "must specify a metric source type")]
    if kind not in _SOURCES:
        errors.append(not_supported(path.child("type"), kind, sorted(_SOURCES)))
    present = [field for field in _ORDER if metric.get(field) is not None]
    if present:
        errors.extend(_source(present[0], metric[present[0]], path.child(present[0])))
    expected = _SOURCES.get(kind)
    if expected is None:
        errors.append(not_supported(path.child("type"), kind, sorted(_SOURCES)))
    elif expected not in present:
        why = "must populate information for the given metric source"
        errors.append(required(path.child(expected), why))
    if len(present) > 1:
        why = "must populate the given metric source only"
        errors.extend(forbidden(path.child(field), why) for field in present if field != expected)
    return errors


def _source(field: str, source: Object, path: FieldPath) -> list[FieldError]:
    target, where = source.get("target") or {}, path.child("target")
    value, average = target.get("value"), target.get("averageValue")
    share = target.get("averageUtilization")
    errors: list[FieldError] = []
    if field in ("resource", "containerResource"):
        errors.extend(_resource(field, source, path))
        errors.extend(_target(target, where))
        if share is None and average is None:
            why = "must set either a target raw value or a target utilization"
            errors.append(required(where.child("averageUtilization"), why))
        if share is not None and average is not None:
            why = "may not set both a target raw value and a target utilization"
            errors.append(forbidden(where.child("averageValue"), why))
        return errors
    if field == "object":
        described = source.get("describedObject") or {}
        errors.extend(_reference(described, path.child("describedObject"), grouped=False))
    errors.extend(_identifier(source.get("metric") or {}, path.child("metric")))
    errors.extend(_target(target, where))
    missing = {
        "object": "must set either a target value or averageValue",
        "external": "must set either a target value for metric or a per-pod target",
        "pods": "must specify a positive target averageValue",
    }[field]
    if average is None and (field == "pods" or value is None):
        errors.append(required(where.child("averageValue"), missing))
    if field == "external" and value is not None and average is not None:
        why = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden(where.child("value"), why))
    return errors


def _resource(field: str, source: Object, path: FieldPath) -> list[FieldError]:
    name = source.get("name") or ""
    errors: list[FieldError] = []
    if not name:
        errors.append(required(path.child("name"), "must specify a resource name"))
    if field == "containerResource":
        if name:
            errors.extend(validate_container_resource_name(name, path.child("name")))
        container, where = source.get("container") or "", path.child("container")
        if not container:
            errors.append(required(where, "must specify a container"))
        else:
            errors.extend(invalid(where, container, why) for why in is_dns1123_label(container))
    return errors


def _identifier(metric: Object, path: FieldPath) -> list[FieldError]:
    name = metric.get("name") or ""
    errors = [invalid(path.child("name"), name, why) for why in is_path_segment(name)] if name else []
    if not name:
        errors.append(required(path.child("name"), "must specify a metric name"))
    return errors


def _target(target: Object, path: FieldPath) -> list[FieldError]:
    kind = target.get("type") or ""
    errors: list[FieldError] = []
    if not kind:
        errors.append(required(path.child("type"), "must specify a metric target type"))
    if kind not in ("Utilization", "Value", "AverageValue"):
        why = "must be either Utilization, Value, or AverageValue"
        errors.append(invalid(path.child("type"), kind, why))
    for field in ("value", "averageValue"):
        amount = target.get(field)
        if amount is not None and quantity.nano_value(amount) <= 0:
            errors.append(invalid(path.child(field), amount, "must be positive"))
    share = target.get("averageUtilization")
    if share is not None and share < 1:
        errors.append(invalid(path.child("averageUtilization"), share, "must be greater than 0"))
    return errors


def _rules(rules: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    window, where = rules.get("stabilizationWindowSeconds"), path.child("stabilizationWindowSeconds")
    if window is not None and window < 0:
        errors.append(invalid(where, window, "must be greater than or equal to zero"))
    if window is not None and window > _LONGEST_WINDOW:
        errors.append(invalid(where, window, f"must be less than or equal to {_LONGEST_WINDOW}"))
    if rules.get("selectPolicy") is not None:
        errors.extend(one_of(rules["selectPolicy"], _SELECTIONS, path.child("selectPolicy")))
    policies, where = rules.get("policies") or [], path.child("policies")
    if not policies:
        errors.append(required(where, "must specify at least one Policy"))
    for position, policy in enumerate(policies):
        here = where.at(position)
        errors.extend(one_of(policy.get("type"), _POLICIES, here.child("type")))
        for field in ("value", "periodSeconds"):
            if (policy.get(field) or 0) <= 0:
                errors.append(invalid(here.child(field), policy.get(field) or 0, "must be greater than zero"))
        period = policy.get("periodSeconds") or 0
        if period > _LONGEST_PERIOD:
            why = f"must be less than or equal to {_LONGEST_PERIOD}"
            errors.append(invalid(here.child("periodSeconds"), period, why))
    tolerance = rules.get("tolerance")
    if tolerance is not None and quantity.nano_value(tolerance) < 0:
        errors.append(invalid(path.child("tolerance"), tolerance, NOT_NEGATIVE))
    return errors


def update_autoscaler(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        status = new.get("status") or {}
        return not_negative(status, "currentReplicas", STATUS) + not_negative(
            status, "desiredReplicas", STATUS
        )
    return autoscaler(new)


CREATE = {"HorizontalPodAutoscaler": autoscaler}
UPDATE = {"HorizontalPodAutoscaler": update_autoscaler}
