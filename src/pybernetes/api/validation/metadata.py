"""The rules of `metadata`, the same for every kind: names, labels, annotations, owners, finalizers, what
stays.

Source: the Kubernetes documentation pages "Object Names and IDs", "Labels and Selectors", "Annotations",
"Finalizers" and "Owners and Dependents".
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    IMMUTABLE,
    METADATA,
    FieldError,
    FieldPath,
    forbidden,
    go_quote,
    invalid,
    required,
    too_long,
)
from pybernetes.api.names import is_dns1123_label, is_path_segment, is_qualified_name
from pybernetes.api.validation.labels import validate_labels
from pybernetes.api.validation.names import NameRule

MAX_ANNOTATIONS = 256 * 1024
_IMMUTABLE_FIELDS = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_PARTS = frozenset(("generation", "labels", "annotations", "ownerReferences"))
"""What is looked at again when it has changed; what was stored before has been found right."""
_STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))

Object = dict[str, Any]


def validate_metadata(
    metadata: Object,
    namespaced: bool,
    rule: NameRule,
    path: FieldPath = METADATA,
    *,
    prefix_rule: NameRule | None = None,
    any_finalizer: bool = False,
) -> list[FieldError]:
    """The metadata of a new object. `prefix_rule` is for generateName when it has another one than the name;
    `any_finalizer`: also one that is neither a standard one nor has a domain."""
    errors: list[FieldError] = []
    prefix = metadata.get("generateName")
    if prefix:
        errors.extend(
            invalid(path.child("generateName"), prefix, why) for why in (prefix_rule or rule)(_masked(prefix))
        )
    name = metadata.get("name")
    if not name:
        errors.append(required(path.child("name"), "name or generateName is required"))
    else:
        errors.extend(invalid(path.child("name"), name, why) for why in rule(name))
    namespace = metadata.get("namespace")
    if namespaced:
        if not namespace:
            errors.append(required(path.child("namespace")))
        else:
            errors.extend(
                invalid(path.child("namespace"), namespace, why) for why in is_dns1123_label(namespace)
            )
    elif namespace:
        errors.append(forbidden(path.child("namespace"), "not allowed on this type"))
    errors.extend(_validate_parts(metadata, path))
    finalizers = metadata.get("finalizers")
    if finalizers:
        errors.extend(_validate_finalizers(finalizers, path.child("finalizers"), any_finalizer))
    return errors


def _masked(prefix: str) -> str:
    """It may end in "-", which the appended characters make good."""
    return prefix[:-1] + "a" if prefix.endswith("-") and len(prefix) > 1 else prefix


def _anything(name: str) -> list[str]:
    return []


def validate_metadata_update(
    new: Object, old: Object, path: FieldPath = METADATA, rule: NameRule = _anything
) -> list[FieldError]:
    """The metadata of an object that changes. `rule` is for the prefix of a name, of kinds that look at it again."""
    errors: list[FieldError] = []
    prefix = new.get("generateName")
    if prefix:
        errors.extend(
            invalid(path.child("generateName"), prefix, why) for why in is_path_segment(_masked(prefix))
        )
    if old.get("deletionTimestamp") is not None:
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            shown = ", ".join(go_quote(one) for one in added)
            why = (
                f"no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{shown}}}"
            )
            errors.append(forbidden(path.child("finalizers"), why))
    if not new.get("resourceVersion"):
        why = "must be specified for an update"
        errors.append(invalid(path.child("resourceVersion"), new.get("resourceVersion") or "", why))
    generation = new.get("generation") or 0
    if generation < (old.get("generation") or 0):
        errors.append(invalid(path.child("generation"), generation, "must not be decremented"))
    for field in _IMMUTABLE_FIELDS:
        if new.get(field) != old.get(field):
            errors.append(invalid(path.child(field), new.get(field), IMMUTABLE))
    changed = {part: value for part, value in new.items() if part in _PARTS and value != old.get(part)}
    if changed:
        errors.extend(_validate_parts(changed, path))
    if prefix and prefix != old.get("generateName"):
        errors.extend(invalid(path.child("generateName"), prefix, why) for why in rule(_masked(prefix)))
    finalizers = new.get("finalizers")
    if finalizers and finalizers != old.get("finalizers"):
        errors.extend(_validate_finalizers(finalizers, path.child("finalizers")))
    return errors


def _validate_parts(metadata: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    generation = metadata.get("generation") or 0
    if generation < 0:
        errors.append(invalid(path.child("generation"), generation, "must be greater than or equal to 0"))
    labels = metadata.get("labels")
    if labels:
        errors.extend(validate_labels(labels, path.child("labels")))
    annotations = metadata.get("annotations")
    if annotations:
        errors.extend(validate_annotations(annotations, path.child("annotations")))
    references = metadata.get("ownerReferences")
    if references:
        errors.extend(_validate_owners(references, path.child("ownerReferences")))
    return errors


def validate_annotations(annotations: dict[str, str], path: FieldPath) -> list[FieldError]:
    """Keys are qualified names in any case; all texts together stay under 256 KiB."""
    errors: list[FieldError] = []
    total = 0
    for key, value in annotations.items():
        errors.extend(invalid(path, key, why) for why in is_qualified_name(key.lower()))
        total += len(key) + len(value)
        if not (key.isascii() and value.isascii()):
            total += len(key.encode()) - len(key) + len(value.encode()) - len(value)
    if total > MAX_ANNOTATIONS:
        errors.append(too_long(path, MAX_ANNOTATIONS))
    return errors


def _validate_owners(references: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    controller = ""
    for reference in references:
        # Upstream does not say which of the references these are about.
        version = reference.get("apiVersion") or ""
        if version.count("/") > 1:
            why = f"unexpected GroupVersion string: {version}"
            errors.append(invalid(path.child("apiVersion"), version, why))
        elif not version.rpartition("/")[2]:
            errors.append(invalid(path.child("apiVersion"), version, "version must not be empty"))
        errors.extend(
            invalid(path.child(field), "", "must not be empty")
            for field in ("kind", "name", "uid")
            if not reference.get(field)
        )
        if version == "v1" and reference.get("kind") == "Event":
            why = "/v1, Kind=Event is disallowed from being an owner"
            errors.append(invalid(path, reference, why))
        if reference.get("controller"):
            this = f"{reference.get('kind')}/{reference.get('name')}"
            if controller:
                why = (
                    'Only one reference can have Controller set to true. Found "true" in references for '
                    f"{controller} and {this}"
                )
                errors.append(invalid(path, references, why))
            controller = this
    return errors


def _validate_finalizers(finalizers: list[str], path: FieldPath, any_name: bool = False) -> list[FieldError]:
    errors: list[FieldError] = []
    for finalizer in finalizers:
        errors.extend(invalid(path, finalizer, why) for why in is_qualified_name(finalizer))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid(path, finalizers, why))
    for position, finalizer in enumerate(() if any_name else finalizers):
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid(path.at(position), finalizer, why))
    return errors
