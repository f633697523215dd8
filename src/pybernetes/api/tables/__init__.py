"""Objects as rows: what `kubectl get` shows of each kind, printed by the server.

`columns_for(kind)` answers the column definitions of a `meta.k8s.io/v1` Table, `row(kind, obj, now)` the
cells of one object. One file a group of kinds; a kind without columns of its own shows its name and when it
was created.
"""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from typing import Any

from pybernetes.api.kinds import Kind
from pybernetes.api.tables.columns import CREATED_AT, NAME, Cells, Printer

_FILES = {
    "": "core",
    "admissionregistration.k8s.io": "admission",
    "apiregistration.k8s.io": "extensions",
    "apps": "workloads",
    "autoscaling": "scaling",
    "batch": "workloads",
    "certificates.k8s.io": "access",
    "coordination.k8s.io": "cluster",
    "discovery.k8s.io": "network",
    "events.k8s.io": "events",
    "flowcontrol.apiserver.k8s.io": "cluster",
    "networking.k8s.io": "network",
    "node.k8s.io": "cluster",
    "policy": "scaling",
    "rbac.authorization.k8s.io": "access",
    "resource.k8s.io": "cluster",
    "scheduling.k8s.io": "cluster",
    "storage.k8s.io": "storage",
}
_printers: dict[Kind, Printer] = {}


def _default_cells(obj: dict[str, Any], now: datetime) -> Cells:
    metadata = obj["metadata"]
    return [metadata.get("name", ""), metadata.get("creationTimestamp") or "<unknown>"]


_DEFAULT = Printer((NAME, CREATED_AT), _default_cells)


def printer_for(kind: Kind) -> Printer:
    """The columns of a kind and the function that fills them."""
    found = _printers.get(kind)
    if found is None:
        name = _FILES.get(kind.group)
        printers: dict[str, Printer] = (
            import_module(f"pybernetes.api.tables.{name}").PRINTERS if name is not None else {}
        )
        found = _printers[kind] = printers.get(kind.kind, _DEFAULT)
    return found


def columns_for(kind: Kind) -> list[dict[str, Any]]:
    """The `columnDefinitions` of a Table of this kind."""
    return [column.definition() for column in printer_for(kind).columns]


def row(kind: Kind, obj: dict[str, Any], now: datetime) -> Cells:
    """The cells of one object, in the order of the columns; ages are as of `now`."""
    return printer_for(kind).cells(obj, now)
