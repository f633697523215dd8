"""The rules of the core group, by kind."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import ROOT, SPEC, FieldError, invalid, required
from pybernetes.api.validation import (
    claims,
    config,
    endpoints,
    events,
    nodes,
    persistentvolumes,
    pods,
    services,
)
from pybernetes.api.validation.podspec import validate_template
from pybernetes.api.validation.values import not_negative, one_of, selects

Object = dict[str, Any]


def _replication_controller(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = not_negative(spec, "replicas", SPEC) + not_negative(spec, "minReadySeconds", SPEC)
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        errors.append(required(SPEC.child("selector")))
    path = SPEC.child("template")
    errors.extend(validate_template(template, path))
    if template is not None:
        labels = (template.get("metadata") or {}).get("labels") or {}
        if selector and not selects({"matchLabels": selector}, labels):
            why = "`selector` does not match template `labels`"
            errors.append(invalid(path.child("metadata", "labels"), labels, why))
        policy = (template.get("spec") or {}).get("restartPolicy")
        errors.extend(one_of(policy, ("Always",), path.child("spec", "restartPolicy")))
    return errors


def _update_replication_controller(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return [] if subresource == "status" else _replication_controller(new)


def _pod_template(obj: Object) -> list[FieldError]:
    return validate_template(obj.get("template"), ROOT.child("template"))


def _update_pod_template(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return _pod_template(new)


CREATE = {
    "ConfigMap": config.config_map,
    "Endpoints": endpoints.endpoints,
    "Event": events.core_event,
    "LimitRange": config.limit_range,
    "Namespace": config.namespace,
    "Node": nodes.create,
    "PersistentVolume": persistentvolumes.volume,
    "PersistentVolumeClaim": claims.claim,
    "Pod": pods.create,
    "PodTemplate": _pod_template,
    "ReplicationController": _replication_controller,
    "ResourceQuota": config.resource_quota,
    "Secret": config.secret,
    "Service": services.create,
}

UPDATE = {
    "ConfigMap": config.update_config_map,
    "Endpoints": endpoints.update_endpoints,
    "Event": lambda new, old, subresource: events.core_event(new),
    "LimitRange": config.update_limit_range,
    "Namespace": config.update_namespace,
    "Node": nodes.update,
    "PersistentVolume": persistentvolumes.update_volume,
    "PersistentVolumeClaim": claims.update_claim,
    "Pod": pods.update,
    "PodTemplate": _update_pod_template,
    "ReplicationController": _update_replication_controller,
    "ResourceQuota": config.update_resource_quota,
    "Secret": config.update_secret,
    "Service": services.update,
}
