"""Deployments, ReplicaSets, StatefulSets, DaemonSets and ControllerRevisions."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.validation.labels import is_empty_selector, validate_label_selector
from pybernetes.api.validation.persistentvolumes import validate_claim_spec
from pybernetes.api.validation.podspec import validate_template
from pybernetes.api.validation.values import (
    NOT_NEGATIVE,
    at_most_all,
    count_or_percent,
    immutable,
    is_zero,
    not_negative,
    one_of,
    selects,
)

Object = dict[str, Any]

_MISMATCH = "`selector` does not match template `labels`"


def _workload(spec: Object, kind: str, empty: str) -> list[FieldError]:
    """Selector and template, and that they fit."""
    errors: list[FieldError] = []
    selector, template = spec.get("selector"), spec.get("template")
    where = SPEC.child("selector")
    if selector is None:
        errors.append(required(where))
    else:
        errors.extend(validate_label_selector(selector, where))
        if is_empty_selector(selector):
            errors.append(invalid(where, selector, empty))
    errors.extend(_template(template, selector, kind))
    return errors


def _template(template: Object | None, selector: Object | None, kind: str) -> list[FieldError]:
    path = SPEC.child("template")
    errors = validate_template(template, path)
    if template is None:
        return errors
    labels, pod = (template.get("metadata") or {}).get("labels") or {}, template.get("spec") or {}
    if selector is not None and not is_empty_selector(selector) and not selects(selector, labels):
        errors.insert(0, invalid(path.child("metadata", "labels"), labels, _MISMATCH))
    if pod.get("restartPolicy") != "Always":
        supported = ("Always",)
        errors.append(
            not_supported(path.child("spec", "restartPolicy"), pod.get("restartPolicy") or "", supported)
        )
    if pod.get("activeDeadlineSeconds") is not None:
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden(path.child("spec", "activeDeadlineSeconds"), why))
    return errors


def _deployment(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = not_negative(spec, "replicas", SPEC)
    errors.extend(_workload(spec, "Deployment", "empty selector is invalid for deployment"))
    errors.extend(_strategy(spec.get("strategy") or {}, SPEC.child("strategy")))
    for field in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        errors.extend(not_negative(spec, field, SPEC))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        where = SPEC.child("progressDeadlineSeconds")
        errors.append(invalid(where, deadline, "must be greater than minReadySeconds"))
    return errors


def _strategy(strategy: Object, path: FieldPath) -> list[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            why = "may not be specified when strategy `type` is 'Recreate'"
            return [forbidden(path.child("rollingUpdate"), why)]
        return []
    if kind != "RollingUpdate":
        return [not_supported(path.child("type"), kind, ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required(path.child("rollingUpdate"), "this should be defaulted and never be nil")]
    return _rolling(rolling, path.child("rollingUpdate"))


def _rolling(rolling: Object, path: FieldPath) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = count_or_percent(unavailable, path.child("maxUnavailable"))
    errors.extend(count_or_percent(surge, path.child("maxSurge")))
    if is_zero(unavailable) and is_zero(surge):
        why = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid(path.child("maxUnavailable"), unavailable, why))
    errors.extend(at_most_all(unavailable, path.child("maxUnavailable")))
    return errors


def _update_deployment(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _counts(new, ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"))
    return _deployment(new) + immutable((new.get("spec") or {}), (old.get("spec") or {}), "selector", SPEC)


def _counts(obj: Object, fields: tuple[str, ...]) -> list[FieldError]:
    """The numbers in a status: none negative, none more than there are replicas."""
    status = obj.get("status") or {}
    where = ROOT.child("status")
    errors: list[FieldError] = []
    for field in fields:
        errors.extend(not_negative(status, field, where))
    total = status.get("replicas") or 0
    for field in fields[1:]:
        count = status.get(field) or 0
        if count > total:
            errors.append(invalid(where.child(field), count, "cannot be greater than status.replicas"))
    available, ready = status.get("availableReplicas") or 0, status.get("readyReplicas") or 0
    if available > ready:
        why = "cannot be greater than readyReplicas"
        errors.append(invalid(where.child("availableReplicas"), available, why))
    return errors


def _replica_set(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = not_negative(spec, "replicas", SPEC) + not_negative(spec, "minReadySeconds", SPEC)
    return errors + _workload(spec, "ReplicaSet", "empty selector is invalid for deployment")


def _update_replica_set(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _counts(new, ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"))
    return _replica_set(new) + immutable((new.get("spec") or {}), (old.get("spec") or {}), "selector", SPEC)


def _daemon_set(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = _workload(spec, "DaemonSet", "empty selector is invalid for daemonset")
    errors.extend(not_negative(spec, "minReadySeconds", SPEC))
    errors.extend(not_negative(spec, "revisionHistoryLimit", SPEC))
    strategy = spec.get("updateStrategy") or {}
    path = SPEC.child("updateStrategy")
    kind = strategy.get("type") or ""
    if kind == "RollingUpdate":
        rolling = strategy.get("rollingUpdate")
        if rolling is None:
            return [*errors, required(path.child("rollingUpdate"))]
        errors.extend(_daemon_rolling(rolling, path.child("rollingUpdate")))
    elif kind != "OnDelete":
        errors.append(not_supported(path.child("type"), kind, ("RollingUpdate", "OnDelete")))
    return errors


def _daemon_rolling(rolling: Object, path: FieldPath) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = count_or_percent(unavailable, path.child("maxUnavailable"))
    errors.extend(count_or_percent(surge, path.child("maxSurge")))
    if not is_zero(unavailable) and not is_zero(surge):
        errors.append(
            invalid(path.child("maxSurge"), surge, "may not be set when maxUnavailable is non-zero")
        )
    if is_zero(unavailable) and is_zero(surge):
        errors.append(required(path.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"))
    errors.extend(at_most_all(unavailable, path.child("maxUnavailable")))
    errors.extend(at_most_all(surge, path.child("maxSurge")))
    return errors


def _update_daemon_set(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return []
    return _daemon_set(new) + immutable((new.get("spec") or {}), (old.get("spec") or {}), "selector", SPEC)


_STATEFUL_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def _stateful_set(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = one_of(
        spec.get("podManagementPolicy"), ("OrderedReady", "Parallel"), SPEC.child("podManagementPolicy")
    )
    strategy = spec.get("updateStrategy") or {}
    path = SPEC.child("updateStrategy")
    kind = strategy.get("type") or ""
    if kind == "OnDelete":
        if strategy.get("rollingUpdate") is not None:
            why = "only allowed for updateStrategy 'RollingUpdate'"
            errors.append(invalid(path.child("rollingUpdate"), strategy["rollingUpdate"], why))
    elif kind == "RollingUpdate":
        partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
        if partition < 0:
            errors.append(invalid(path.child("rollingUpdate", "partition"), partition, NOT_NEGATIVE))
    elif not kind:
        errors.append(required(path))
    else:
        why = "must be 'RollingUpdate' or 'OnDelete'"
        errors.append(invalid(path, strategy, why))
    for field in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        errors.extend(not_negative(spec, field, SPEC))
    errors.extend(_workload(spec, "StatefulSet", "empty selector is invalid for statefulset"))
    for position, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        where = SPEC.child("volumeClaimTemplates").at(position).child("spec")
        errors.extend(validate_claim_spec(claim.get("spec") or {}, where))
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    where = SPEC.child("persistentVolumeClaimRetentionPolicy")
    for field in ("whenDeleted", "whenScaled"):
        if retention.get(field):
            errors.extend(one_of(retention[field], ("Retain", "Delete"), where.child(field)))
    return errors


def _update_stateful_set(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return []
    errors = _stateful_set(new)
    before = {key: value for key, value in (old.get("spec") or {}).items() if key not in _STATEFUL_CHANGEABLE}
    after = {key: value for key, value in (new.get("spec") or {}).items() if key not in _STATEFUL_CHANGEABLE}
    if before != after:
        shown = ", ".join(f"'{one}'" for one in _STATEFUL_CHANGEABLE[:-1])
        why = f"updates to statefulset spec for fields other than {shown} and 'minReadySeconds' are forbidden"
        errors.append(forbidden(SPEC, why))
    return errors


def _controller_revision(obj: Object) -> list[FieldError]:
    errors = [] if obj.get("data") is not None else [required(ROOT.child("data"), "data is mandatory")]
    return errors + not_negative(obj, "revision", ROOT)


def _update_controller_revision(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return _controller_revision(new) + immutable(new, old, "data", ROOT)


CREATE = {
    "ControllerRevision": _controller_revision,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
}

UPDATE = {
    "ControllerRevision": _update_controller_revision,
    "DaemonSet": _update_daemon_set,
    "Deployment": _update_deployment,
    "ReplicaSet": _update_replica_set,
    "StatefulSet": _update_stateful_set,
}
