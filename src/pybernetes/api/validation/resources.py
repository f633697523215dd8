"""Resource lists: names, amounts, and requests that limits must allow."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label, is_qualified_name
from pybernetes.api.resource_names import is_extended, is_hugepages, is_native
from pybernetes.api.validation.values import NOT_NEGATIVE

Object = dict[str, Any]

_FOR_CONTAINERS = frozenset(("cpu", "memory", "ephemeral-storage"))
_FOR_PODS = ("cpu", "hugepages-", "memory")
_NOT_INTEGER = "must be an integer"
_WHOLE = frozenset(
    (
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    )
)
OF_QUOTAS = (
    _WHOLE
    | frozenset(
        prefix + name
        for prefix in ("", "requests.", "limits.")
        for name in ("cpu", "memory", "ephemeral-storage")
    )
    | {"requests.storage"}
)
"""Names without a domain that a quota can count."""
_STANDARD = OF_QUOTAS | {"storage"}


def can_overcommit(name: str) -> bool:
    return is_native(name) and not is_hugepages(name)


def validate_resource_name(name: str, path: FieldPath) -> list[FieldError]:
    """A name that any resource may have."""
    wrong = is_qualified_name(name)
    if wrong:
        return [invalid(path, name, why) for why in wrong]
    if (
        "/" not in name
        and name not in _STANDARD
        and not name.removeprefix("requests.").startswith("hugepages-")
    ):
        return [invalid(path, name, "must be a standard resource type or fully qualified")]
    return []


def validate_container_resource_name(name: str, path: FieldPath) -> list[FieldError]:
    if name in _FOR_CONTAINERS:
        return []
    wrong = validate_resource_name(name, path)
    if "/" not in name and not is_hugepages(name):
        return [*wrong, invalid(path, name, "must be a standard resource for containers")]
    if not is_native(name) and (not is_extended(name) or is_qualified_name(f"requests.{name}")):
        return [*wrong, invalid(path, name, "doesn't follow extended resource name standard")]
    return wrong


def _pod_resource_name(name: str, path: FieldPath) -> list[FieldError]:
    wrong = validate_resource_name(name, path)
    if wrong or name in ("cpu", "memory") or is_hugepages(name):
        return wrong
    return [not_supported(path, name, _FOR_PODS)]


def validate_amount(name: str, amount: object, path: FieldPath) -> list[FieldError]:
    """Not negative; whole for everything that cannot be divided."""
    try:
        parsed = quantity.parse(amount)
    except ValueError as error:
        return [invalid(path, amount, str(error))]
    errors = []
    if parsed.nanos < 0:
        errors.append(invalid(path, quantity.canonical(amount), NOT_NEGATIVE))
    if parsed.nanos % quantity.NANO and (name in _WHOLE or is_extended(name)):
        errors.append(invalid(path, quantity.canonical(amount), _NOT_INTEGER))
    return errors


def validate_requirements(requirements: Object, path: FieldPath, *, of_pod: bool = False) -> list[FieldError]:
    """`resources` of a container, or of a pod: names and amounts, requests within limits."""
    name_rule = _pod_resource_name if of_pod else validate_container_resource_name
    errors: list[FieldError] = []
    limits, requests = requirements.get("limits") or {}, requirements.get("requests") or {}
    limit_path, request_path = path.child("limits"), path.child("requests")
    for name, amount in limits.items():
        where = limit_path.key(name)
        errors.extend(name_rule(name, where))
        errors.extend(validate_amount(name, amount, where))
        if is_hugepages(name):
            errors.extend(_pages(name, amount, where))
    for name, amount in requests.items():
        where = request_path.key(name)
        errors.extend(name_rule(name, where))
        errors.extend(validate_amount(name, amount, where))
        errors.extend(_within(name, amount, limits.get(name), request_path, limit_path))
        if is_hugepages(name):
            errors.extend(_pages(name, amount, where))
    names = {*limits, *requests}
    if any(map(is_hugepages, names)) and not names & {"cpu", "memory"}:
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    return errors


def _pages(name: str, amount: object, path: FieldPath) -> list[FieldError]:
    shown = quantity.canonical(amount)
    try:
        size = quantity.parse(name.removeprefix("hugepages-")).nanos
    except ValueError:
        size = 0
    if size > 0 and quantity.parse(amount).nanos % size == 0:
        return []
    return [invalid(path, shown, f"{shown} is not positive integer multiple of {name}")]


def _within(
    name: str, amount: object, limit: object, request_path: FieldPath, limit_path: FieldPath
) -> list[FieldError]:
    if limit is None:
        if not can_overcommit(name):
            return [required(limit_path, "Limit must be set for non overcommitable resources")]
        return []
    try:
        order = quantity.compare(amount, limit)
    except ValueError:
        return []
    shown = quantity.canonical(limit)
    if not can_overcommit(name) and order != 0:
        why = f"must be equal to {name} limit of {shown}"
        return [invalid(request_path, quantity.canonical(amount), why)]
    if order > 0:
        why = f"must be less than or equal to {name} limit of {shown}"
        return [invalid(request_path, quantity.canonical(amount), why)]
    return []


def validate_claims(requirements: Object, spec: Object, path: FieldPath) -> list[FieldError]:
    """What a container takes of the pod's resource claims."""
    errors: list[FieldError] = []
    names: set[str] = set()
    known = sorted({claim["name"] for claim in spec.get("resourceClaims") or () if claim.get("name")})
    for position, claim in enumerate(requirements.get("claims") or ()):
        where = path.at(position)
        name, request = claim.get("name") or "", claim.get("request") or ""
        if not name:
            errors.append(required(where))
            continue
        if name in names:
            errors.append(duplicate(where, name))
        else:
            key = f"{name}/{request}" if request else name
            if request:
                place = where.child("request")
                errors += [invalid(place, request, why) for why in is_dns1123_label(request)]
            if key in names:
                errors.append(duplicate(where, key))
            elif not request:
                errors += [duplicate(where, name) for other in names if other.startswith(f"{name}/")]
            names.add(key)
        if name not in known:
            missing = not_found(where, name)
            missing.detail = "must be one of the names in pod.spec.resourceClaims"
            missing.detail += f": {', '.join(known)}" if known else " which is empty"
            errors.append(missing)
    return errors


def validate_pod_requirements(spec: Object, path: FieldPath) -> list[FieldError]:
    """`spec.resources`: what all containers together have."""
    resources = spec["resources"]
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(path, "may not be set for a windows pod")]
    errors: list[FieldError] = []
    if resources.get("claims"):
        errors.append(forbidden(path.child("claims"), "claims may not be set for Resources at pod-level"))
    errors += validate_requirements(resources, path, of_pod=True)
    asked, limits = resources.get("requests") or {}, resources.get("limits") or {}
    containers = spec.get("containers") or []
    together = quantity.sum_resources(
        [(one.get("resources") or {}).get("requests") or {} for one in containers]
    )
    for name, amount in together.items():
        if name in asked and quantity.compare(amount, asked[name]) > 0:
            why = f"must be greater than or equal to aggregate container requests of {amount}"
            errors.append(invalid(path.child("requests").key(name), quantity.canonical(asked[name]), why))
    for position, container in enumerate(containers):
        for name, amount in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and quantity.compare(amount, limits[name]) > 0:
                where = path.child("containers").at(position).key(name).child("limits")
                why = f"must be less than or equal to pod limits of {quantity.canonical(limits[name])}"
                errors.append(invalid(where, quantity.canonical(amount), why))
    return errors
