"""What may be asked in a SubjectAccessReview and its kin: about a resource or a path, and about whom.

In: decoded reviews as they were sent. Out: field errors.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import FieldError, FieldPath, forbidden, invalid, required
from pybernetes.api.names import is_label_value, is_qualified_name

Object = dict[str, Any]

_SPEC = FieldPath("spec")
_RESOURCE = _SPEC.child("resourceAttributes")
_PATH = _SPEC.child("nonResourceAttributes")
_LISTS = frozenset(("In", "NotIn"))
_BARE = frozenset(("Exists", "DoesNotExist"))


def validate_self(review: Object) -> list[FieldError]:
    """A SelfSubjectAccessReview."""
    spec = review["spec"]
    return [*_attributes(spec), *_selectors(spec), *_metadata(review, "")]


def validate_subject(review: Object, namespace: str) -> list[FieldError]:
    """A SubjectAccessReview, or a LocalSubjectAccessReview in a namespace."""
    spec = review["spec"]
    errors = _attributes(spec)
    if not spec.get("user") and not spec.get("groups"):
        why = "at least one of user or group must be specified"
        errors.append(invalid(_SPEC.child("user"), spec.get("user", ""), why))
    errors.extend(_selectors(spec))
    errors.extend(_metadata(review, namespace))
    if not namespace:
        return errors
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and resource.get("namespace", "") != namespace:
        asked = resource.get("namespace", "")
        errors.append(invalid(_RESOURCE.child("namespace"), asked, "must match metadata.namespace"))
    if path is not None:
        errors.append(invalid(_PATH, _shown(path), "disallowed on this kind of request"))
    return errors


def _shown(path: Object) -> Object:
    return {"Path": path.get("path", ""), "Verb": path.get("verb", "")}


def _attributes(spec: Object) -> list[FieldError]:
    """Either a resource or a path is asked about."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        return [invalid(_PATH, _shown(path), "cannot be specified in combination with resourceAttributes")]
    if resource is None and path is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [invalid(_RESOURCE, None, why)]
    return []


def _metadata(review: Object, namespace: str) -> list[FieldError]:
    metadata = review.get("metadata") or {}
    ignored = ("managedFields", "namespace") if namespace else ("managedFields",)
    if not any(value for field, value in metadata.items() if field not in ignored):
        return []
    why = "must be empty except for namespace" if namespace else "must be empty"
    return [invalid("metadata", metadata, why)]


def _selectors(spec: Object) -> list[FieldError]:
    resource = spec.get("resourceAttributes") or {}
    errors: list[FieldError] = []
    for name, judge in (("fieldSelector", _field_requirement), ("labelSelector", _label_requirement)):
        selector = resource.get(name)
        if selector is None:
            continue
        path = _RESOURCE.child(name)
        raw, requirements = selector.get("rawSelector") or "", selector.get("requirements") or []
        if raw and requirements:
            why = "may not specified at the same time as requirements"
            errors.append(invalid(path.child("rawSelector"), raw, why))
        if not raw and not requirements:
            why = f"when {path} is specified, requirements or rawSelector is required"
            errors.append(required(path.child("requirements"), why))
        for position, one in enumerate(requirements):
            errors.extend(judge(one, path.child("requirements").at(position)))
    return errors


def _requirement(one: Object, path: FieldPath) -> list[FieldError]:
    operator, values = one.get("operator", ""), one.get("values") or []
    if operator in _LISTS and not values:
        return [required(path.child("values"), "must be specified when `operator` is 'In' or 'NotIn'")]
    if operator in _BARE and values:
        why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        return [forbidden(path.child("values"), why)]
    return []


def _field_requirement(one: Object, path: FieldPath) -> list[FieldError]:
    missing = [] if one.get("key") else [required(path.child("key"), "must be specified")]
    return [*missing, *_requirement(one, path)]


def _label_requirement(one: Object, path: FieldPath) -> list[FieldError]:
    key = one.get("key", "")
    errors = _requirement(one, path)
    errors.extend(invalid(path.child("key"), key, why) for why in is_qualified_name(key))
    for position, value in enumerate(one.get("values") or ()):
        errors.extend(invalid(path.child("values").at(position), value, why) for why in is_label_value(value))
    return errors
