"""Devices: classes, claims and their templates, and the slices in which drivers publish what they have.

Expressions are checked for being there; whether they compile is for whoever allocates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    FieldError,
    FieldPath,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from pybernetes.api.names import is_c_identifier, is_dns1123_label, is_dns1123_subdomain
from pybernetes.api.validation.placement import validate_node_selector
from pybernetes.api.validation.storage import driver_name
from pybernetes.api.validation.values import immutable

Object = dict[str, Any]
Check = Callable[[Any, FieldPath], list[FieldError]]

_MOST = 32
_MOST_ALTERNATIVES = 8
_MOST_DEVICES = 128
_LONGEST_EXPRESSION = 10 * 1024
_LONGEST_POOL = 253
_MODES = ("All", "ExactCount")
_REFERENCE = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)


def _each(items: list[Any], most: int, path: FieldPath, check: Check) -> list[FieldError]:
    errors = [too_many(path, len(items), most)] if len(items) > most else []
    for position, item in enumerate(items):
        errors.extend(check(item, path.at(position)))
    return errors


def _named(items: list[Object], most: int, path: FieldPath, check: Check) -> list[FieldError]:
    """As `_each`, of items that have a name each of its own."""
    errors = _each(items, most, path, check)
    names = [item.get("name") or "" for item in items]
    for position, name in enumerate(names):
        if name in names[:position]:
            errors.append(duplicate(path.at(position).child("name"), name))
    return errors


def device_class(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = _each(spec.get("selectors") or [], _MOST, SPEC.child("selectors"), _selector)
    return errors + _each(spec.get("config") or [], _MOST, SPEC.child("config"), _configuration)


def claim(obj: Object) -> list[FieldError]:
    return _claim_spec(obj.get("spec") or {}, SPEC)


def update_claim(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return [] if subresource else immutable(new, old, "spec", ROOT)


def template(obj: Object) -> list[FieldError]:
    return _claim_spec((obj.get("spec") or {}).get("spec") or {}, SPEC.child("spec"))


def update_template(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return immutable(new, old, "spec", ROOT)


def _claim_spec(spec: Object, path: FieldPath) -> list[FieldError]:
    devices, where = spec.get("devices") or {}, path.child("devices")
    requests = devices.get("requests") or []
    names = {one.get("name") or "" for one in requests}
    for one in requests:
        names |= {f"{one.get('name')}/{sub.get('name')}" for sub in one.get("firstAvailable") or ()}

    def reference(name: str, path: FieldPath) -> list[FieldError]:
        errors = [invalid(path, part, why) for part in name.split("/")[:2] for why in is_dns1123_label(part)]
        return errors if name in names else [*errors, invalid(path, name, _REFERENCE)]

    def constraint(one: Object, path: FieldPath) -> list[FieldError]:
        errors = _each(one.get("requests") or [], _MOST, path.child("requests"), reference)
        attributes = [
            field for field in ("matchAttribute", "distinctAttribute") if one.get(field) is not None
        ]
        if not attributes:
            errors.append(required(path.child("matchAttribute")))
        for field in attributes:
            errors.extend(_attribute(one[field], path.child(field)))
        return errors

    def configuration(one: Object, path: FieldPath) -> list[FieldError]:
        errors = _each(one.get("requests") or [], _MOST, path.child("requests"), reference)
        return errors + _configuration(one, path)

    errors = _named(requests, _MOST, where.child("requests"), _request)
    errors.extend(_each(devices.get("constraints") or [], _MOST, where.child("constraints"), constraint))
    return errors + _each(devices.get("config") or [], _MOST, where.child("config"), configuration)


def _request(request: Object, path: FieldPath) -> list[FieldError]:
    errors = _request_name(request, path)
    alternatives, exactly = request.get("firstAvailable") or [], request.get("exactly")
    words = "exactly one of `exactly` or `firstAvailable` is required"
    if not alternatives and exactly is None:
        errors.append(required(path, words))
    elif alternatives and exactly is not None:
        errors.append(invalid(path, None, f"{words}, but multiple fields are set"))
    elif exactly is not None:
        errors.extend(_exact(exactly, path.child("exactly")))
    else:
        where = path.child("firstAvailable")
        errors.extend(_named(alternatives, _MOST_ALTERNATIVES, where, _alternative))
    return errors


def _request_name(request: Object, path: FieldPath) -> list[FieldError]:
    name = request.get("name") or ""
    return [invalid(path.child("name"), name, why) for why in is_dns1123_label(name)]


def _alternative(request: Object, path: FieldPath) -> list[FieldError]:
    return _request_name(request, path) + _exact(request, path)


def _exact(request: Object, path: FieldPath) -> list[FieldError]:
    name, where = request.get("deviceClassName") or "", path.child("deviceClassName")
    errors = [] if name else [required(where)]
    if name:
        errors.extend(invalid(where, name, why) for why in is_dns1123_subdomain(name))
    errors.extend(_each(request.get("selectors") or [], _MOST, path.child("selectors"), _selector))
    mode, count = request.get("allocationMode") or "", request.get("count") or 0
    if mode == "All" and count:
        why = "must not be specified when allocationMode is 'All'"
        errors.append(invalid(path.child("count"), count, why))
    elif mode == "ExactCount" and count <= 0:
        errors.append(invalid(path.child("count"), count, "must be greater than zero"))
    elif mode not in _MODES:
        errors.append(not_supported(path.child("allocationMode"), mode, _MODES))
    return errors


def _selector(selector: Object, path: FieldPath) -> list[FieldError]:
    cel, where = selector.get("cel"), path.child("cel")
    if cel is None:
        return [required(where)]
    expression = cel.get("expression") or ""
    if len(expression) > _LONGEST_EXPRESSION:
        return [too_long(where.child("expression"), _LONGEST_EXPRESSION)]
    return [] if expression.strip() else [required(where.child("expression"))]


def _configuration(config: Object, path: FieldPath) -> list[FieldError]:
    opaque, where = config.get("opaque"), path.child("opaque")
    if opaque is None:
        return [required(where)]
    errors = driver_name(opaque.get("driver") or "", where.child("driver"))
    parameters = opaque.get("parameters")
    if parameters is None:
        errors.append(required(where.child("parameters")))
    elif not isinstance(parameters, dict):
        errors.append(invalid(where.child("parameters"), "<value omitted>", "must be a valid JSON object"))
    return errors


def _attribute(name: str, path: FieldPath) -> list[FieldError]:
    """`domain/identifier`"""
    domain, found, own = name.partition("/")
    if not found:
        return [invalid(path, name, "must include a domain")]
    errors = [invalid(path, domain, why) for why in is_dns1123_subdomain(domain)]
    return errors + [invalid(path, own, why) for why in is_c_identifier(own)]


def resource_slice(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = driver_name(spec.get("driver") or "", SPEC.child("driver"))
    errors.extend(_pool(spec.get("pool") or {}, SPEC.child("pool")))
    chosen = [
        field
        for field in ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
        if spec.get(field)
    ]
    words = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
    if not chosen:
        errors.append(required(SPEC, words))
    elif len(chosen) > 1:
        listed = "{" + ", ".join(f"`{field}`" for field in chosen) + "}"
        errors.append(invalid(SPEC, listed, f"{words}, but multiple fields are set"))
    if spec.get("nodeSelector"):
        errors.extend(validate_node_selector(spec["nodeSelector"], SPEC.child("nodeSelector")))
    devices = spec.get("devices") or []
    return errors + _named(devices, _MOST_DEVICES, SPEC.child("devices"), _request_name)


def _pool(pool: Object, path: FieldPath) -> list[FieldError]:
    name, where = pool.get("name") or "", path.child("name")
    errors: list[FieldError] = []
    if not name:
        errors.append(required(where))
    else:
        if len(name) > _LONGEST_POOL:
            errors.append(too_long(where, _LONGEST_POOL))
        parts = name.split("/")
        errors.extend(invalid(where, part, why) for part in parts for why in is_dns1123_subdomain(part))
    count, generation = pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if count <= 0:
        errors.append(invalid(path.child("resourceSliceCount"), count, "must be greater than zero"))
    if generation < 0:
        why = "must be greater than or equal to zero"
        errors.append(invalid(path.child("generation"), generation, why))
    return errors


def update_resource_slice(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = resource_slice(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for field in ("driver", "nodeName"):
        errors.extend(immutable(after, before, field, SPEC))
    pools = (after.get("pool") or {}, before.get("pool") or {})
    return errors + immutable(*pools, "name", SPEC.child("pool"))


CREATE = {
    "DeviceClass": device_class,
    "ResourceClaim": claim,
    "ResourceClaimTemplate": template,
    "ResourceSlice": resource_slice,
}

UPDATE = {
    "DeviceClass": lambda new, old, subresource: device_class(new),
    "ResourceClaim": update_claim,
    "ResourceClaimTemplate": update_template,
    "ResourceSlice": update_resource_slice,
}
