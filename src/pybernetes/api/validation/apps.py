"""Deployments, ReplicaSets, StatefulSets, DaemonSets and ControllerRevisions."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label
from pybernetes.api.validation.claims import validate_claim_spec
from pybernetes.api.validation.differences import SELECTOR, shown
from pybernetes.api.validation.labels import is_empty_selector, validate_label_selector, validate_labels
from pybernetes.api.validation.metadata import validate_annotations
from pybernetes.api.validation.podspec import validate_template
from pybernetes.api.validation.values import (
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


def _selector(spec: Object, empty: str, broken: str | None) -> tuple[list[FieldError], bool]:
    """What is wrong with the selector, and whether it can be used. `broken` is said of one that cannot; None says
    nothing more."""
    selector, where = spec.get("selector"), SPEC.child("selector")
    if selector is None:
        return [required(where)], True
    errors = validate_label_selector(selector, where)
    usable = not errors
    if is_empty_selector(selector):
        errors.append(invalid(where, shown(selector, SELECTOR), empty))
    if not usable and broken is not None:
        errors.append(invalid(where, shown(selector, SELECTOR), broken))
    return errors, usable


def _mismatch(spec: Object) -> list[FieldError]:
    """A selector that is not there selects nothing, an empty one everything."""
    selector = spec.get("selector")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if selector is not None and selects(selector, labels):
        return []
    return [invalid(SPEC.child("template", "metadata", "labels"), labels, _MISMATCH)]


def _lasting(spec: Object, kind: str) -> list[FieldError]:
    """Pods that are to run for good."""
    pod, path = (spec.get("template") or {}).get("spec") or {}, SPEC.child("template", "spec")
    errors: list[FieldError] = []
    if pod.get("restartPolicy") != "Always":
        policy = pod.get("restartPolicy") or ""
        errors.append(not_supported(path.child("restartPolicy"), policy, ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden(path.child("activeDeadlineSeconds"), why))
    return errors


def _replicated(spec: Object) -> list[FieldError]:
    """Selector and template of Deployments and ReplicaSets, and that they fit."""
    errors, usable = _selector(spec, "empty selector is invalid for deployment", "invalid label selector")
    if not usable:
        return errors
    errors.extend(_mismatch(spec))
    errors.extend(validate_template(spec.get("template"), SPEC.child("template")))
    return errors + _lasting(spec, "ReplicaSet")


def _deployment(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = not_negative(spec, "replicas", SPEC)
    errors.extend(_replicated(spec))
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
        return [not_supported(path, shown(strategy, "DeploymentStrategy"), ("Recreate", "RollingUpdate"))]
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


_DEPLOYMENT_COUNTS = (
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
)
_REPLICA_SET_COUNTS = (
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
    "terminatingReplicas",
)
_STATEFUL_SET_COUNTS = (
    "replicas",
    "readyReplicas",
    "currentReplicas",
    "updatedReplicas",
    "availableReplicas",
    "observedGeneration",
    "collisionCount",
)
_PARTS = frozenset(
    ("availableReplicas", "currentReplicas", "fullyLabeledReplicas", "readyReplicas", "updatedReplicas")
)
"""Counts of pods that are among the replicas."""


def _update_deployment(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _counts(new, _DEPLOYMENT_COUNTS) + _collisions(new, old)
    return _deployment(new) + immutable(
        (new.get("spec") or {}), (old.get("spec") or {}), "selector", SPEC, SELECTOR
    )


def _not_negative_status(obj: Object, fields: tuple[str, ...]) -> list[FieldError]:
    status = obj.get("status") or {}
    return [error for field in fields for error in not_negative(status, field, STATUS)]


def _counts(obj: Object, fields: tuple[str, ...], ready: str = "readyReplicas") -> list[FieldError]:
    """The numbers in a status: none negative, none more than there are replicas."""
    status = obj.get("status") or {}
    errors = _not_negative_status(obj, fields)
    total = status.get("replicas") or 0
    for field in fields:
        count = status.get(field) or 0
        if field in _PARTS and count > total:
            errors.append(invalid(STATUS.child(field), count, "cannot be greater than status.replicas"))
    available = status.get("availableReplicas") or 0
    if available > (status.get("readyReplicas") or 0):
        why = f"cannot be greater than {ready}"
        errors.append(invalid(STATUS.child("availableReplicas"), available, why))
    return errors


def _collisions(new: Object, old: Object) -> list[FieldError]:
    now, before = ((one.get("status") or {}).get("collisionCount") for one in (new, old))
    if before is None or (now is not None and now >= before):
        return []
    return [invalid(STATUS.child("collisionCount"), now or 0, "cannot be decremented")]


def _replica_set(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = not_negative(spec, "replicas", SPEC) + not_negative(spec, "minReadySeconds", SPEC)
    return errors + _replicated(spec)


def _update_replica_set(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _counts(new, _REPLICA_SET_COUNTS)
    return _replica_set(new) + immutable(
        (new.get("spec") or {}), (old.get("spec") or {}), "selector", SPEC, SELECTOR
    )


def _daemon_set(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    selector = spec.get("selector")
    errors = validate_label_selector(selector, SPEC.child("selector"))
    if not errors:
        errors.extend(_mismatch(spec))
    if selector is not None and is_empty_selector(selector):
        why = "empty selector is invalid for daemonset"
        errors.append(invalid(SPEC.child("selector"), selector, why))
    errors.extend(validate_template(spec.get("template"), SPEC.child("template")))
    errors.extend(_lasting(spec, "DaemonSet"))
    errors.extend(not_negative(spec, "minReadySeconds", SPEC))
    errors.extend(_daemon_strategy(spec.get("updateStrategy") or {}, SPEC.child("updateStrategy")))
    return errors + not_negative(spec, "revisionHistoryLimit", SPEC)


def _daemon_strategy(strategy: Object, path: FieldPath) -> list[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        return [not_supported(path, shown(strategy, "DeploymentStrategy"), ("RollingUpdate", "OnDelete"))]
    if rolling is None:
        return [required(path.child("rollingUpdate"))]
    return _daemon_rolling(rolling, path.child("rollingUpdate"))


def _daemon_rolling(rolling: Object, path: FieldPath) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = count_or_percent(unavailable, path.child("maxUnavailable"))
    errors.extend(count_or_percent(surge, path.child("maxSurge")))
    errors.extend(at_most_all(unavailable, path.child("maxUnavailable")))
    errors.extend(at_most_all(surge, path.child("maxSurge")))
    if not is_zero(unavailable) and not is_zero(surge):
        errors.append(
            invalid(path.child("maxSurge"), surge, "may not be set when maxUnavailable is non-zero")
        )
    if is_zero(unavailable) and is_zero(surge):
        errors.append(required(path.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"))
    return errors


def _update_daemon_set(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _not_negative_status(new, _DAEMON_COUNTS) + _collisions(new, old)
    return immutable(
        (new.get("spec") or {}), (old.get("spec") or {}), "selector", SPEC, SELECTOR
    ) + _daemon_set(new)


_DAEMON_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


_STATEFUL_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def _stateful_set(obj: Object, new: bool = True) -> list[FieldError]:
    """`new`: what cannot change any more is not looked at again."""
    spec = obj.get("spec") or {}
    policy, where = spec.get("podManagementPolicy") or "", SPEC.child("podManagementPolicy")
    errors: list[FieldError] = []
    if not policy:
        errors.append(required(where))
    elif policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid(where, policy, "must be 'OrderedReady' or 'Parallel'"))
    errors.extend(_stateful_strategy(spec.get("updateStrategy") or {}, SPEC.child("updateStrategy")))
    retention = spec.get("persistentVolumeClaimRetentionPolicy")
    where = SPEC.child("persistentVolumeClaimRetentionPolicy")
    for field in ("whenDeleted", "whenScaled") if retention is not None else ():
        errors.extend(one_of((retention or {}).get(field), ("Retain", "Delete"), where.child(field)))
    for position, claim in enumerate((spec.get("volumeClaimTemplates") or ()) if new else ()):
        where = SPEC.child("volumeClaimTemplates").at(position).child("spec")
        errors.extend(validate_claim_spec(claim.get("spec") or {}, where))
    for field in ("replicas", "minReadySeconds"):
        errors.extend(not_negative(spec, field, SPEC))
    errors.extend(not_negative(spec.get("ordinals") or {}, "start", SPEC.child("ordinals")))
    service = spec.get("serviceName")
    if new and service:
        errors.extend(invalid(SPEC.child("serviceName"), service, why) for why in is_dns1123_label(service))
    wrong, usable = _selector(spec, "empty selector is invalid for statefulset", "")
    errors.extend(wrong)
    if usable:
        errors.extend(_mismatch(spec))
        errors.extend(_stateful_template(spec, SPEC.child("template")))
    return errors + _lasting(spec, "StatefulSet")


def _stateful_strategy(strategy: Object, path: FieldPath) -> list[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    where = path.child("rollingUpdate")
    if kind == "OnDelete":
        why = "only allowed for updateStrategy 'RollingUpdate'"
        value = shown(rolling, "RollingUpdateStatefulSetStrategy")
        return [invalid(where, value, why)] if rolling is not None else []
    if kind == "RollingUpdate":
        return not_negative(rolling or {}, "partition", where)
    if not kind:
        return [required(path)]
    return [
        invalid(path, shown(strategy, "StatefulSetUpdateStrategy"), "must be 'RollingUpdate' or 'OnDelete'")
    ]


def _stateful_template(spec: Object, path: FieldPath) -> list[FieldError]:
    """The template with what each pod will get: volumes for its claims, and a name in the service."""
    template = spec.get("template") or {}
    metadata, claims = template.get("metadata") or {}, spec.get("volumeClaimTemplates") or []
    pod = {
        name: value
        for name, value in (template.get("spec") or {}).items()
        if name not in ("hostname", "subdomain")
    }
    names = [(claim.get("metadata") or {}).get("name") or "" for claim in claims]
    if names:
        others = [volume for volume in pod.get("volumes") or () if volume.get("name") not in names]
        own = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in dict.fromkeys(names)]
        pod["volumes"] = own + others
    errors = validate_template({**template, "spec": pod}, path)
    errors.extend(validate_labels(metadata.get("labels") or {}, path.child("labels")))
    return errors + validate_annotations(metadata.get("annotations") or {}, path.child("annotations"))


def _update_stateful_set(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _counts(new, _STATEFUL_SET_COUNTS, "status.readyReplicas") + _collisions(new, old)
    errors = _stateful_set(new, new=False)
    before = {key: value for key, value in (old.get("spec") or {}).items() if key not in _STATEFUL_CHANGEABLE}
    after = {key: value for key, value in (new.get("spec") or {}).items() if key not in _STATEFUL_CHANGEABLE}
    if before != after:
        shown = ", ".join(f"'{one}'" for one in _STATEFUL_CHANGEABLE[:-1])
        why = f"updates to statefulset spec for fields other than {shown} and 'minReadySeconds' are forbidden"
        errors.append(forbidden(SPEC, why))
    return errors


def _controller_revision(obj: Object) -> list[FieldError]:
    errors, data = not_negative(obj, "revision", ROOT), obj.get("data")
    if data is None:
        errors.append(required(ROOT.child("data"), "data is mandatory"))
    elif not isinstance(data, dict):
        errors.append(required(ROOT.child("data"), "data must be a valid JSON object"))
    return errors


def _update_controller_revision(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return not_negative(new, "revision", ROOT) + immutable(new, old, "data", ROOT)


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
