"""Objects as a meta.k8s.io Table: columns and cells come from api/tables, this adds the frame and the row's object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pybernetes.api.kinds import Kind
from pybernetes.api.tables import columns_for, row

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """What kind of objects, what of each its row carries (`includeObject`: Metadata, Object, None), and the present."""

    kind: Kind
    include: str
    now: datetime


def table(
    columns: Columns, objects: Iterable[Object], version: str, *, metadata: Object, headed: bool = True
) -> Object:
    """`headed` False leaves out the column definitions, as in all but the first event of a watch."""
    frame = table_frame(columns, version, metadata, headed)
    return {**frame, "rows": [table_row(columns, obj, version) for obj in objects]}


def table_frame(columns: Columns, version: str, metadata: Object, headed: bool = True) -> Object:
    """A Table that lacks its rows, which come last."""
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata,
        "columnDefinitions": columns_for(columns.kind) if headed else None,
    }


def table_row(columns: Columns, obj: Object, version: str) -> Object:
    return {"cells": row(columns.kind, obj, columns.now), "object": _included(obj, columns.include, version)}


def bookmark_table(bookmark: Object, version: str) -> Object:
    """A bookmark in a watch of Tables: one row without cells."""
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": {"resourceVersion": bookmark["metadata"]["resourceVersion"]},
        "columnDefinitions": None,
        "rows": [{"cells": None, "object": bookmark}],
    }


def _included(obj: Object, include: str, version: str) -> Object | None:
    if include == "Object":
        return obj
    if include == "None":
        return None
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj.get("metadata", {}),
    }
