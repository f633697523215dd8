"""Leases, disruption budgets and priorities; endpoint slices have a file of their own."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    STATUS,
    FieldError,
    forbidden,
    invalid,
)
from pybernetes.api.validation.conditions import validate_conditions
from pybernetes.api.validation.differences import shown
from pybernetes.api.validation.endpointslices import endpoint_slice, update_endpoint_slice
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.values import (
    at_most_all,
    count_or_percent,
    immutable,
    not_negative,
    one_of,
    one_of_required,
)

Object = dict[str, Any]

HIGHEST_USER_PRIORITY = 1_000_000_000


def lease(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        errors.append(invalid(SPEC.child("leaseDurationSeconds"), seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        why = "must be greater than or equal to 0"
        errors.append(invalid(SPEC.child("leaseTransitions"), transitions, why))
    if spec.get("holderIdentity") == "" and spec.get("strategy"):
        errors.append(invalid(SPEC.child("holderIdentity"), "", "must not be empty"))
    return errors


def disruption_budget(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        errors.append(
            invalid(
                SPEC,
                shown(spec, "PodDisruptionBudgetSpec"),
                "minAvailable and maxUnavailable cannot be both set",
            )
        )
    for field in ("minAvailable", "maxUnavailable"):
        value = spec.get(field)
        if value is not None:
            errors.extend(count_or_percent(value, SPEC.child(field)))
            errors.extend(at_most_all(value, SPEC.child(field)))
    errors.extend(validate_label_selector(spec.get("selector"), SPEC.child("selector")))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None:
        choices = ("AlwaysAllow", "IfHealthyBudget")
        errors.extend(one_of(policy, choices, SPEC.child("unhealthyPodEvictionPolicy")))
    return errors


def update_disruption_budget(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource != "status":
        return disruption_budget(new)
    status, errors = new.get("status") or {}, validate_conditions(new)
    for field in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        errors.extend(not_negative(status, field, STATUS))
    return errors


def priority_class(obj: Object) -> list[FieldError]:
    name, value = obj["metadata"].get("name") or "", obj.get("value") or 0
    errors: list[FieldError] = []
    if name.startswith("system-"):
        known = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
        if known.get(name) != value:
            why = "priority class names with 'system-' prefix are reserved for system use only. error: "
            what = f"{name} is not a known system priority class"
            errors.append(forbidden(ROOT.child("metadata", "name"), why + what))
    elif value > HIGHEST_USER_PRIORITY:
        why = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        errors.append(forbidden(ROOT.child("value"), why))
    policy, where = obj.get("preemptionPolicy"), ROOT.child("preemptionPolicy")
    if policy is not None:
        errors.extend(one_of_required(policy, ("PreemptLowerPriority", "Never"), where))
    return errors


def update_priority_class(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if new.get("value") != old.get("value"):
        errors.append(forbidden(ROOT.child("value"), "may not be changed in an update."))
    return errors + immutable(new, old, "preemptionPolicy", ROOT)


CREATE = {
    "EndpointSlice": endpoint_slice,
    "Lease": lease,
    "PodDisruptionBudget": disruption_budget,
    "PriorityClass": priority_class,
}

UPDATE = {
    "EndpointSlice": update_endpoint_slice,
    "Lease": lambda new, old, subresource: lease(new),
    "PodDisruptionBudget": update_disruption_budget,
    "PriorityClass": update_priority_class,
}
