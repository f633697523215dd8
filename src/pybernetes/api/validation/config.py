"""ConfigMaps, Secrets, ServiceAccounts, Namespaces and quotas."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from pybernetes.api.fields import ROOT, SPEC, FieldError, FieldPath, forbidden, invalid, required, too_long
from pybernetes.api.names import is_config_key, is_qualified_name
from pybernetes.api.validation.resources import validate_amount, validate_resource_name
from pybernetes.api.validation.values import immutable

Object = dict[str, Any]

MAX_SIZE = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"

_NEEDED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"


def _decoded_size(text: str) -> int:
    return len(text) * 3 // 4 - text.count("=", max(len(text) - 2, 0))


def config_map(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    total = 0
    for key, text in data.items():
        errors.extend(invalid(ROOT.child("data").key(key), key, why) for why in is_config_key(key))
        if key in binary:
            errors.append(invalid(ROOT.child("data").key(key), key, "duplicate of key present in binaryData"))
        total += len(text) if text.isascii() else len(text.encode())
    for key, text in binary.items():
        errors.extend(invalid(ROOT.child("binaryData").key(key), key, why) for why in is_config_key(key))
        total += _decoded_size(text)
    if total > MAX_SIZE:
        errors.append(too_long("[]", MAX_SIZE))
    return errors


def secret(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    data = obj.get("data") or {}
    where = ROOT.child("data")
    total = 0
    for key, text in data.items():
        errors.extend(invalid(where.key(key), key, why) for why in is_config_key(key))
        total += _decoded_size(text)
    if total > MAX_SIZE:
        errors.append(too_long(where, MAX_SIZE))
    kind = obj.get("type") or ""
    if kind == "kubernetes.io/service-account-token":
        annotations = (obj.get("metadata") or {}).get("annotations") or {}
        if not annotations.get(_ACCOUNT_ANNOTATION):
            errors.append(required(ROOT.child("metadata", "annotations").key(_ACCOUNT_ANNOTATION)))
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            errors.extend(required(where.key(key)) for key in ("username", "password"))
    else:
        for key in _NEEDED_KEYS.get(kind, ()):
            if key not in data:
                errors.append(required(where.key(key)))
            elif key.startswith(".docker") and not _is_json(data[key]):
                shown = "<secret contents redacted>"
                errors.append(invalid(where.key(key), shown, "invalid character in secret: not JSON"))
    return errors


def _is_json(text: str) -> bool:
    try:
        json.loads(base64.b64decode(text))
    except (binascii.Error, ValueError):
        return False
    return True


def _frozen(new: Object, old: Object, fields: tuple[str, ...]) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    errors = [] if new.get("immutable") else [forbidden(ROOT.child("immutable"), _FROZEN)]
    errors.extend(
        forbidden(ROOT.child(field), _FROZEN)
        for field in fields
        if (new.get(field) or {}) != (old.get(field) or {})
    )
    return errors


def update_config_map(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return _frozen(new, old, ("data", "binaryData")) + config_map(new)


def update_secret(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = immutable(new, old, "type", ROOT)
    return errors + _frozen(new, old, ("data",)) + secret(new)


def namespace(obj: Object) -> list[FieldError]:
    return _finalizers((obj.get("spec") or {}).get("finalizers") or [], SPEC.child("finalizers"))


def _finalizers(finalizers: list[str], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for finalizer in finalizers:
        errors.extend(invalid(path, finalizer, why) for why in is_qualified_name(finalizer))
        if "/" not in finalizer and finalizer not in ("kubernetes", "orphan", "foregroundDeletion"):
            why = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid(path, finalizer, why))
    return errors


def update_namespace(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return namespace(new) if subresource == "finalize" else []


def resource_quota(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, amount in ((obj.get("spec") or {}).get("hard") or {}).items():
        where = SPEC.child("hard").key(name)
        errors.extend(validate_resource_name(name, where))
        errors.extend(validate_amount("", amount, where))
    return errors


def update_resource_quota(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = resource_quota(new) if subresource != "status" else []
    if set((new.get("spec") or {}).get("scopes") or ()) != set((old.get("spec") or {}).get("scopes") or ()):
        errors.append(
            invalid(SPEC.child("scopes"), (new.get("spec") or {}).get("scopes"), "field is immutable")
        )
    return errors


def limit_range(obj: Object) -> list[FieldError]:
    from pybernetes.api import quantity

    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        where = SPEC.child("limits").at(position)
        kind = item.get("type") or ""
        if not kind:
            errors.append(required(where.child("type")))
        if kind in seen:
            errors.append(FieldError("FieldValueDuplicate", where.child("type"), kind))
        seen.add(kind)
        least, most = item.get("min") or {}, item.get("max") or {}
        for name in sorted({*least, *most}):
            if name in least and name in most and quantity.compare(least[name], most[name]) > 0:
                why = f"min value {least[name]} is greater than max value {most[name]}"
                errors.append(invalid(where.child("min").key(name), least[name], why))
        if kind == "Pod":
            errors.extend(
                forbidden(where.child(field), "may not be specified when `type` is 'Pod'")
                for field in ("default", "defaultRequest")
                if item.get(field)
            )
    return errors


def update_limit_range(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return limit_range(new)
