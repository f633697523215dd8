"""What the API server fills in where a client said nothing: one file a group, functions by kind (`Job`) or
by kind and version.

`apply_defaults(kind, obj)` changes a decoded and checked object in place. It may run on anything that was
stored before: what is set stays. Defaults that depend on other objects (addresses, service accounts, the
namespace's limits) are admission's and the strategies'.
Source: the field descriptions of the Kubernetes API reference.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pybernetes.api.kinds import Kind

Object = dict[str, Any]
Default = Callable[[Object], None]

_FILES = {
    "": "core",
    "admissionregistration.k8s.io": "admissionregistration",
    "apiextensions.k8s.io": "extensions",
    "apiregistration.k8s.io": "extensions",
    "apps": "apps",
    "autoscaling": "autoscaling",
    "batch": "batch",
    "discovery.k8s.io": "discovery",
    "flowcontrol.apiserver.k8s.io": "flowcontrol",
    "networking.k8s.io": "networking",
    "rbac.authorization.k8s.io": "rbac",
    "resource.k8s.io": "resource",
    "scheduling.k8s.io": "scheduling",
    "storage.k8s.io": "storage",
}
_found: dict[Kind, Default | None] = {}


def defaults_for(kind: Kind) -> Default | None:
    """The function that fills in a kind's defaults, or None when it has none."""
    if kind not in _found:
        name = _FILES.get(kind.group)
        if name is None:
            _found[kind] = None
        else:
            table = import_module(f"pybernetes.api.defaults.{name}").DEFAULTS
            _found[kind] = table.get(f"{kind.kind}/{kind.version}") or table.get(kind.kind)
    return _found[kind]


def apply_defaults(kind: Kind, obj: Object) -> None:
    """Fill in what the object leaves open, in place."""
    fill = defaults_for(kind)
    if fill is not None:
        fill(obj)
