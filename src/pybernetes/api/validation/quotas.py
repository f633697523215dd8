"""ResourceQuotas and LimitRanges."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    IMMUTABLE,
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    required,
)
from pybernetes.api.names import is_qualified_name
from pybernetes.api.validation.resources import (
    OF_QUOTAS,
    can_overcommit,
    validate_amount,
    validate_container_resource_name,
    validate_resource_name,
)

Object = dict[str, Any]

_OF_PODS = frozenset(
    ("pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory")
)
_OF_CLAIMS = frozenset(("persistentvolumeclaims", "requests.storage"))
_SCOPES = {
    "Terminating": _OF_PODS,
    "NotTerminating": _OF_PODS,
    "NotBestEffort": _OF_PODS,
    "PriorityClass": _OF_PODS,
    "CrossNamespacePodAffinity": _OF_PODS,
    "BestEffort": frozenset(("pods",)),
    "VolumeAttributesClass": _OF_CLAIMS,
}
"""What can be counted in each scope."""
_EXIST_ONLY = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_OPPOSITES = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")


def resource_quota(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = _amounts(spec.get("hard") or {}, SPEC.child("hard"))
    errors += _scopes(spec)
    return errors + _selector(spec) if spec.get("scopeSelector") is not None else errors


def _amounts(amounts: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, amount in amounts.items():
        where = path.key(name)
        errors += validate_resource_name(name, where)
        if "/" not in name and not _countable(name):
            why = "must be a standard resource for quota"
            errors.append(invalid(where, name, why))
        errors += validate_amount(name, amount, where)
    return errors


def _countable(name: str) -> bool:
    return name in OF_QUOTAS or name.removeprefix("requests.").startswith("hugepages-")


def _unfit(scope: str, spec: Object) -> int:
    """How many of the counted resources the scope is not for."""
    counted = _SCOPES.get(scope)
    if counted is None:
        return 0
    return sum(_countable(name) and name not in counted for name in spec.get("hard") or ())


def _opposed(scopes: set[str], spec: Object) -> list[FieldError]:
    where, shown = SPEC.child("scopes"), spec.get("scopes")
    return [invalid(where, shown, "conflicting scopes") for pair in _OPPOSITES if scopes.issuperset(pair)]


def _scopes(spec: Object) -> list[FieldError]:
    scopes, where = spec.get("scopes") or [], SPEC.child("scopes")
    errors: list[FieldError] = []
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid(where, scopes, "unsupported scope"))
        why = "unsupported scope applied to resource"
        errors += [invalid(where, scopes, why) for _ in range(_unfit(scope, spec))]
    return errors + _opposed(set(scopes), spec)


def _selector(spec: Object) -> list[FieldError]:
    where = SPEC.child("scopeSelector", "matchExpressions")
    errors: list[FieldError] = []
    scopes: set[str] = set()
    for requirement in spec["scopeSelector"].get("matchExpressions") or ():
        scope, operator = requirement.get("scopeName") or "", requirement.get("operator") or ""
        values = requirement.get("values") or []
        scopes.add(scope)
        if scope not in _SCOPES:
            errors.append(invalid(where.child("scopeName"), scope, "unsupported scope"))
        why = "unsupported scope applied to resource"
        errors += [invalid(where, spec["scopeSelector"], why) for _ in range(_unfit(scope, spec))]
        if scope in _EXIST_ONLY and operator != "Exists":
            why = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                "ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            errors.append(invalid(where.child("operator"), operator, why))
        if operator in ("In", "NotIn"):
            if not values:
                why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                errors.append(required(where.child("values"), why))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                errors.append(invalid(where.child("values"), values, why))
        else:
            errors.append(invalid(where.child("operator"), operator, "not a valid selector operator"))
    return errors + _opposed(scopes, spec)


def update_resource_quota(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        status = new.get("status") or {}
        return _amounts(status.get("hard") or {}, STATUS.child("hard")) + _amounts(
            status.get("used") or {}, STATUS.child("used")
        )
    errors = resource_quota(new)
    scopes = (new.get("spec") or {}).get("scopes") or []
    if set(scopes) != set((old.get("spec") or {}).get("scopes") or ()):
        errors.append(invalid(SPEC.child("scopes"), scopes or None, IMMUTABLE))
    return errors


def limit_range(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        where = SPEC.child("limits").at(position)
        kind = item.get("type") or ""
        wrong = is_qualified_name(kind)
        errors += [invalid(where.child("type"), kind, why) for why in wrong]
        if not wrong and "/" not in kind and kind not in _LIMIT_TYPES:
            why = "must be a standard limit type or fully qualified"
            errors.append(invalid(where.child("type"), kind, why))
        if kind in seen:
            errors.append(duplicate(where.child("type"), kind))
        seen.add(kind)
        errors += _limits(item, kind, where)
    return errors


def _limits(item: Object, kind: str, path: FieldPath) -> list[FieldError]:
    rule = validate_container_resource_name if kind in ("Pod", "Container") else validate_resource_name
    errors: list[FieldError] = []

    def names(*fields: str) -> None:
        for field in fields:
            for name in item.get(field) or ():
                errors.extend(rule(name, path.child(field).key(name)))

    names("max", "min")
    if kind == "Pod":
        why = "may not be specified when `type` is 'Pod'"
        errors += [forbidden(path.child(one), why) for one in ("default", "defaultRequest") if item.get(one)]
    else:
        names("default", "defaultRequest")
    least, most = item.get("min") or {}, item.get("max") or {}
    if kind == "PersistentVolumeClaim" and "storage" not in least and "storage" not in most:
        why = "either minimum or maximum storage value is required, but neither was provided"
        errors.append(required(path.child("limits"), why))
    names("maxLimitRequestRatio")
    fields = ["max", "min", "maxLimitRequestRatio"]
    fields += [] if kind == "Pod" else ["default", "defaultRequest"]
    for name in dict.fromkeys(name for field in fields for name in item.get(field) or ()):
        found = {field: (item.get(field) or {}).get(name) for field in fields}
        errors += _amounts_fit(name, found, path)
    return errors


_ORDER = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip
"""Of two amounts the lower and the higher one, the field that is blamed, the value shown, and the words."""


def _amounts_fit(name: str, found: dict[str, Any], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    shown = {field: quantity.canonical(amount) for field, amount in found.items() if amount is not None}
    for lower, higher, blamed, value, words in _ORDER:
        if lower in shown and higher in shown and quantity.compare(shown[lower], shown[higher]) > 0:
            why = words.format(shown[lower], shown[higher])
            errors.append(invalid(path.child(blamed).key(name), shown[value], why))
    ratio = shown.get("maxLimitRequestRatio")
    if ratio is not None:
        errors += _ratio(ratio, shown, path.child("maxLimitRequestRatio").key(name))
    default, request = shown.get("default"), shown.get("defaultRequest")
    if default and request and not can_overcommit(name) and quantity.compare(default, request) != 0:
        why = f"default value {default} must equal to defaultRequest value {request} in {name}"
        errors.append(invalid(path.child("defaultRequest").key(name), request, why))
    return errors


def _ratio(ratio: str, shown: dict[str, str], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if quantity.compare(ratio, "1") < 0:
        errors.append(invalid(path, ratio, f"ratio {ratio} is less than 1"))
    least, most = shown.get("min"), shown.get("max")
    if least is not None and most is not None:
        low, high = quantity.parse(least).nanos, quantity.parse(most).nanos
        limit = high / low if low else float("inf")
        if quantity.parse(ratio).nanos / quantity.NANO > limit:
            errors.append(invalid(path, ratio, f"ratio {ratio} is greater than max/min = {limit:f}"))
    return errors


def update_limit_range(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return limit_range(new)
