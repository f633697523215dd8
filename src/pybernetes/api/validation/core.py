"""The rules of the core group, by kind."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import ROOT, SPEC, STATUS, FieldError, forbidden, invalid, required
from pybernetes.api.validation import (
    claims,
    config,
    endpoints,
    events,
    nodes,
    persistentvolumes,
    pods,
    quotas,
    services,
)
from pybernetes.api.validation.podspec import validate_template
from pybernetes.api.validation.values import not_negative, one_of

Object = dict[str, Any]


def _replication_controller(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = not_negative(spec, "minReadySeconds", SPEC)
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        errors.append(required(SPEC.child("selector")))
    errors += not_negative(spec, "replicas", SPEC)
    path = SPEC.child("template")
    if template is None:
        return [*errors, required(path)]
    labels = (template.get("metadata") or {}).get("labels")
    if selector and any((labels or {}).get(key) != value for key, value in selector.items()):
        why = "`selector` does not match template `labels`"
        errors.append(invalid(path.child("metadata", "labels"), labels, why))
    errors.extend(validate_template(template, path))
    pod = template.get("spec") or {}
    errors.extend(one_of(pod.get("restartPolicy"), ("Always",), path.child("spec", "restartPolicy")))
    if pod.get("activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in ReplicationController is not Supported"
        errors.append(forbidden(path.child("spec", "activeDeadlineSeconds"), why))
    return errors


def _update_replication_controller(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return _controller_status(new) if subresource == "status" else _replication_controller(new)


def _controller_status(new: Object) -> list[FieldError]:
    status = new.get("status") or {}
    counts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    errors: list[FieldError] = []
    for field in ("replicas", *counts, "observedGeneration"):
        errors += not_negative(status, field, STATUS)
    total, ready = status.get("replicas") or 0, status.get("readyReplicas") or 0
    for field in counts:
        count = status.get(field) or 0
        if count > total:
            errors.append(invalid(STATUS.child(field), count, "cannot be greater than status.replicas"))
    available = status.get("availableReplicas") or 0
    if available > ready:
        why = "cannot be greater than readyReplicas"
        errors.append(invalid(STATUS.child("availableReplicas"), available, why))
    return errors


def _pod_template(obj: Object) -> list[FieldError]:
    return validate_template(obj.get("template"), ROOT.child("template"))


def _update_pod_template(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return _pod_template(new)


CREATE = {
    "ConfigMap": config.config_map,
    "Endpoints": endpoints.endpoints,
    "Event": events.core_event,
    "LimitRange": quotas.limit_range,
    "Namespace": config.namespace,
    "Node": nodes.create,
    "PersistentVolume": persistentvolumes.volume,
    "PersistentVolumeClaim": claims.claim,
    "Pod": pods.create,
    "PodTemplate": _pod_template,
    "ReplicationController": _replication_controller,
    "ResourceQuota": quotas.resource_quota,
    "Secret": config.secret,
    "Service": services.create,
}

UPDATE = {
    "ConfigMap": config.update_config_map,
    "Endpoints": endpoints.update_endpoints,
    "Event": lambda new, old, subresource: events.core_event(new),
    "LimitRange": quotas.update_limit_range,
    "Namespace": config.update_namespace,
    "Node": nodes.update,
    "PersistentVolume": persistentvolumes.update_volume,
    "PersistentVolumeClaim": claims.update_claim,
    "Pod": pods.update,
    "PodTemplate": _update_pod_template,
    "ReplicationController": _update_replication_controller,
    "ResourceQuota": quotas.update_resource_quota,
    "Secret": config.update_secret,
    "Service": services.update,
}
