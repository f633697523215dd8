"""Runtime classes: which handler runs their pods, what that costs, and where it is to be had."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import ROOT, FieldError, duplicate, invalid, required
from pybernetes.api.names import is_dns1123_label
from pybernetes.api.validation.differences import shown
from pybernetes.api.validation.labels import validate_labels
from pybernetes.api.validation.placement import validate_tolerations
from pybernetes.api.validation.resources import validate_requirements
from pybernetes.api.validation.values import immutable

Object = dict[str, Any]


def runtime_class(obj: Object) -> list[FieldError]:
    handler, where = obj.get("handler") or "", ROOT.child("handler")
    errors = (
        [invalid(where, handler, why) for why in is_dns1123_label(handler)] if handler else [required(where)]
    )
    overhead = obj.get("overhead")
    if overhead is not None:
        limits = {"limits": overhead.get("podFixed") or {}}
        errors.extend(validate_requirements(limits, ROOT.child("overhead")))
    scheduling = obj.get("scheduling")
    if scheduling is not None:
        path = ROOT.child("scheduling")
        errors.extend(validate_labels(scheduling.get("nodeSelector") or {}, path.child("nodeSelector")))
        errors.extend(_tolerations(scheduling.get("tolerations") or []))
    return errors


def _tolerations(tolerations: list[Object]) -> list[FieldError]:
    path = ROOT.child("scheduling", "tolerations")
    errors = validate_tolerations(tolerations, path)
    seen: set[tuple[Any, ...]] = set()
    for position, one in enumerate(tolerations):
        key = tuple(one.get(field) or "" for field in ("key", "operator", "value", "effect"))
        if key in seen:
            errors.append(duplicate(path.at(position), shown(one, "Toleration")))
        seen.add(key)
    return errors


def update_runtime_class(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return runtime_class(new) + immutable(new, old, "handler", ROOT)


CREATE = {"RuntimeClass": runtime_class}
UPDATE = {"RuntimeClass": update_runtime_class}
