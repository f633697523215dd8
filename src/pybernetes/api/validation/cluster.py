"""Leases, endpoint slices, disruption budgets and priorities."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_many,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain, is_ip
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.values import (
    PROTOCOLS,
    at_most_all,
    count_or_percent,
    immutable,
    one_of,
)

Object = dict[str, Any]

_MAX_ENDPOINTS, _MAX_ADDRESSES, _MAX_PORTS = 1000, 100, 20000
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


def endpoint_slice(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = obj.get("addressType") or ""
    types = ("FQDN", "IPv4", "IPv6")
    if not kind:
        errors.append(required(ROOT.child("addressType")))
    elif kind not in types:
        errors.append(not_supported(ROOT.child("addressType"), kind, types))
    endpoints = obj.get("endpoints") or []
    path = ROOT.child("endpoints")
    if len(endpoints) > _MAX_ENDPOINTS:
        return [*errors, too_many(path, len(endpoints), _MAX_ENDPOINTS)]
    for position, endpoint in enumerate(endpoints):
        errors.extend(_endpoint(endpoint, kind, path.at(position)))
    return errors + _endpoint_ports(obj.get("ports") or [], ROOT.child("ports"))


def _endpoint(endpoint: Object, kind: str, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    addresses = endpoint.get("addresses") or []
    where = path.child("addresses")
    if not addresses:
        errors.append(required(where, "must contain at least 1 address"))
    elif len(addresses) > _MAX_ADDRESSES:
        errors.append(too_many(where, len(addresses), _MAX_ADDRESSES))
    for position, address in enumerate(addresses):
        if kind == "FQDN":
            errors.extend(invalid(where.at(position), address, why) for why in is_dns1123_subdomain(address))
        elif kind in ("IPv4", "IPv6"):
            wrong = is_ip(where.at(position), address)
            if not wrong and (":" in address) is (kind == "IPv4"):
                wrong = [invalid(where, address, f"must be a valid {kind} address")]
            errors.extend(wrong)
    name = endpoint.get("nodeName")
    if name:
        errors.extend(invalid(path.child("nodeName"), name, why) for why in is_dns1123_subdomain(name))
    host = endpoint.get("hostname")
    if host:
        errors.extend(invalid(path.child("hostname"), host, why) for why in is_dns1123_label(host))
    return errors


def _endpoint_ports(ports: list[Object], path: FieldPath) -> list[FieldError]:
    if len(ports) > _MAX_PORTS:
        return [too_many(path, len(ports), _MAX_PORTS)]
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, port in enumerate(ports):
        name = port.get("name") or ""
        where = path.at(position)
        if name:
            errors.extend(invalid(where.child("name"), name, why) for why in is_dns1123_label(name))
        if name in names:
            errors.append(duplicate(where.child("name"), name))
        names.add(name)
        if port.get("protocol") not in PROTOCOLS:
            errors.append(not_supported(where.child("protocol"), port.get("protocol") or "", PROTOCOLS))
    return errors


def update_endpoint_slice(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return endpoint_slice(new) + immutable(new, old, "addressType", ROOT)


def disruption_budget(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        errors.append(invalid(SPEC, spec, "minAvailable and maxUnavailable cannot be both set"))
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
    policy = obj.get("preemptionPolicy")
    if policy is not None:
        errors.extend(one_of(policy, ("Never", "PreemptLowerPriority"), ROOT.child("preemptionPolicy")))
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
    "PodDisruptionBudget": lambda new, old, subresource: (
        [] if subresource == "status" else disruption_budget(new)
    ),
    "PriorityClass": update_priority_class,
}
