"""Devices: classes, claims and their templates; the slices in which drivers publish them have a file of their own.

Expressions are checked for being there; whether they compile is for whoever allocates.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    FieldError,
    FieldPath,
    invalid,
    not_supported,
    required,
    too_long,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain, is_qualified_name
from pybernetes.api.resource_names import is_extended
from pybernetes.api.validation.claims import validate_template_metadata
from pybernetes.api.validation.devicenames import each, fully_qualified_name, named, toleration
from pybernetes.api.validation.deviceslices import resource_slice, update_resource_slice
from pybernetes.api.validation.storage import driver_name
from pybernetes.api.validation.values import immutable

Object = dict[str, Any]

_MOST = 32
_MOST_ALTERNATIVES = 8
_LONGEST_EXPRESSION = 10 * 1024
_MODES = ("All", "ExactCount")
_REFERENCE = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)


def device_class(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = each(spec.get("selectors") or [], _MOST, SPEC.child("selectors"), _selector)
    errors.extend(each(spec.get("config") or [], _MOST, SPEC.child("config"), _configuration))
    name = spec.get("extendedResourceName")
    if name is not None and (not is_extended(name) or is_qualified_name(f"requests.{name}")):
        why = "must be a valid extended resource name"
        errors.append(invalid(SPEC.child("extendedResourceName"), name, why))
    return errors


def claim(obj: Object) -> list[FieldError]:
    return _claim_spec(obj.get("spec") or {}, SPEC)


def update_claim(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return [] if subresource else immutable(new, old, "spec", ROOT)


def template(obj: Object) -> list[FieldError]:
    spec, where = obj.get("spec") or {}, SPEC.child("metadata")
    errors = validate_template_metadata(spec.get("metadata") or {}, where)
    return errors + _claim_spec(spec.get("spec") or {}, SPEC.child("spec"))


def update_template(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return template(new) + immutable(new, old, "spec", ROOT)


def _claim_spec(spec: Object, path: FieldPath) -> list[FieldError]:
    devices, where = spec.get("devices") or {}, path.child("devices")
    requests = devices.get("requests") or []
    names = {one.get("name") or "" for one in requests}
    for one in requests:
        names |= {f"{one.get('name')}/{sub.get('name')}" for sub in one.get("firstAvailable") or ()}

    def reference(name: str, path: FieldPath) -> list[FieldError]:
        if name.count("/") > 1:
            return [invalid(path, name, _REFERENCE)]
        errors = [invalid(path, part, why) for part in name.split("/") for why in is_dns1123_label(part)]
        return errors if name in names else [*errors, invalid(path, name, _REFERENCE)]

    def constraint(one: Object, path: FieldPath) -> list[FieldError]:
        errors = named(one.get("requests") or [], _MOST, path.child("requests"), reference)
        for field in ("matchAttribute", "distinctAttribute"):
            if one.get(field) is not None:
                return errors + fully_qualified_name(one[field], path.child(field))
        why = (
            'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
        )
        return [*errors, required(path, why)]

    def configuration(one: Object, path: FieldPath) -> list[FieldError]:
        errors = named(one.get("requests") or [], _MOST, path.child("requests"), reference)
        return errors + _configuration(one, path)

    errors = named(requests, _MOST, where.child("requests"), _request)
    errors.extend(each(devices.get("constraints") or [], _MOST, where.child("constraints"), constraint))
    return errors + each(devices.get("config") or [], _MOST, where.child("config"), configuration)


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
        errors.extend(named(alternatives, _MOST_ALTERNATIVES, where, _alternative))
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
    errors.extend(each(request.get("selectors") or [], _MOST, path.child("selectors"), _selector))
    mode, count = request.get("allocationMode") or "", request.get("count") or 0
    if mode == "All" and count:
        why = "must not be specified when allocationMode is 'All'"
        errors.append(invalid(path.child("count"), count, why))
    elif mode == "ExactCount" and count <= 0:
        errors.append(invalid(path.child("count"), count, "must be greater than zero"))
    elif mode not in _MODES:
        errors.append(not_supported(path.child("allocationMode"), mode, _MODES))
    tolerations, where = request.get("tolerations") or [], path.child("tolerations")
    return errors + [error for at, one in enumerate(tolerations) for error in toleration(one, where.at(at))]


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
