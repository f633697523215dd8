"""ConfigMaps, Secrets and Namespaces."""

from __future__ import annotations

import base64
import json
from typing import Any

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    required,
    too_long,
)
from pybernetes.api.names import is_config_key, is_qualified_name
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
            if key not in data or (key == "ssh-privatekey" and not data[key]):
                errors.append(required(where.key(key)))
            elif key.startswith(".docker"):
                why = _json_fault(base64.b64decode(data[key]))
                if why:
                    errors.append(invalid(where.key(key), "<secret contents redacted>", why))
    return errors


def _json_fault(data: bytes) -> str:
    """What keeps bytes from being a JSON object, in the words of Go's library; "" when nothing does."""
    from pybernetes.api.json_errors import json_word, what_is_wrong

    wrong = what_is_wrong(data)
    if wrong:
        return wrong
    found = json.loads(data)
    if found is None or isinstance(found, dict):
        return ""
    return f"json: cannot unmarshal {json_word(found)} into Go value of type map[string]interface {{}}"


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
    if subresource == "status":
        return _phase(new)
    if subresource != "finalize":
        return []
    finalizers = (new.get("spec") or {}).get("finalizers") or []
    where = SPEC.child("finalizers")
    return [error for at, one in enumerate(finalizers) for error in _finalizers([one], where.at(at))]


def _phase(new: Object) -> list[FieldError]:
    ends = (new.get("metadata") or {}).get("deletionTimestamp") is not None
    phase, expected = (new.get("status") or {}).get("phase") or "", "Terminating" if ends else "Active"
    if phase == expected:
        return []
    why = f"may only be '{expected}' if `deletionTimestamp` is {'not ' if ends else ''}empty"
    return [invalid(STATUS.child("Phase"), phase, why)]
