"""What the API server refuses with 422: rules for every built-in kind, one file a group.

`validate_create` and `validate_update` take objects that are decoded, checked against their schema and
defaulted, and answer a list of `FieldError`, empty when all is well. The rules of metadata hold for every
kind; those of a kind's own fields are in the file named in `_FILES`, imported when first needed.
Each such file has `CREATE` and `UPDATE`: functions by kind.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from pybernetes.api.fields import FieldError
from pybernetes.api.kinds import Kind
from pybernetes.api.validation.metadata import validate_metadata, validate_metadata_update
from pybernetes.api.validation.names import name_rule, prefix_rule

Object = dict[str, Any]

_FILES = {
    "": "core",
    "admissionregistration.k8s.io": "admissionpolicies",
    "apiextensions.k8s.io": "extensions",
    "apiregistration.k8s.io": "extensions",
    "apps": "apps",
    "autoscaling": "autoscaling",
    "batch": "batch",
    "certificates.k8s.io": "certificates",
    "coordination.k8s.io": "cluster",
    "discovery.k8s.io": "cluster",
    "events.k8s.io": "events",
    "flowcontrol.apiserver.k8s.io": "flowcontrol",
    "networking.k8s.io": "networking",
    "node.k8s.io": "runtimes",
    "policy": "cluster",
    "rbac.authorization.k8s.io": "rbac",
    "resource.k8s.io": "devices",
    "scheduling.k8s.io": "cluster",
    "storage.k8s.io": "storage",
}


_PREFIX_AGAIN = frozenset(
    (
        "ConfigMap",
        "Endpoints",
        "LimitRange",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "Secret",
        "ServiceAccount",
    )
)
"""Kinds whose metadata.generateName is looked at in updates, too."""


def validate_create(kind: Kind, obj: Object) -> list[FieldError]:
    """What is wrong with a new object."""
    errors = validate_metadata(
        obj.get("metadata") or {},
        kind.namespaced,
        name_rule(kind.group, kind.kind),
        prefix_rule=prefix_rule(kind.group, kind.kind),
        any_finalizer=kind.kind == "Event",
    )
    rules = _rules(kind, "CREATE")
    if rules is not None:
        own: list[FieldError] = rules(obj)
        if own and kind.kind == "Event" and not kind.group:
            # Upstream looks at the metadata of what is right otherwise.
            return own
        errors.extend(own)
    return errors


def validate_update(kind: Kind, new: Object, old: Object, subresource: str = "") -> list[FieldError]:
    """What is wrong with a change from `old` to `new` through the object itself or a subresource."""
    metadata = new.get("metadata") or {}
    if metadata.get("generateName") and not subresource and not kind.group and kind.kind in _PREFIX_AGAIN:
        rule = name_rule(kind.group, kind.kind)
        errors = validate_metadata_update(metadata, old.get("metadata") or {}, rule=rule)
    else:
        errors = validate_metadata_update(metadata, old.get("metadata") or {})
    rules = _rules(kind, "UPDATE")
    if rules is not None:
        errors.extend(rules(new, old, subresource))
    return errors


@cache
def _rules(kind: Kind, table: str) -> Any:
    name = _FILES.get(kind.group)
    if name is None:
        return None
    module = import_module(f"pybernetes.api.validation.{name}")
    return getattr(module, table).get(kind.kind)
