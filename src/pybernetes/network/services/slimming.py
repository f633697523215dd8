"""What a node keeps of EndpointSlices: addresses, nodes, conditions, hints and host names of endpoints.

Who stands behind an endpoint (its pod, with a uid of its own) is most of a slice and of no use here. What many
endpoints have in common is one and the same object.
"""

from __future__ import annotations

import sys
from typing import Any

from pybernetes.client.interface import Object
from pybernetes.client.store import Slimmer

META = ("name", "namespace", "uid", "resourceVersion", "labels")


class EndpointSliceSlimmer(Slimmer):
    """Changes the slice in place."""

    def __init__(self) -> None:
        super().__init__()
        self._shared: dict[str, Any] = {}

    def slim(self, obj: Object, old: Object | None) -> Object:
        meta = obj["metadata"]
        obj["metadata"] = {field: meta[field] for field in META if field in meta}
        if obj.get("endpoints"):
            obj["endpoints"] = [self._endpoint(one) for one in obj["endpoints"]]
        return super().slim(obj, old)

    def _endpoint(self, endpoint: Object) -> Object:
        kept: Object = {"addresses": endpoint.get("addresses") or []}
        if endpoint.get("nodeName"):
            kept["nodeName"] = sys.intern(endpoint["nodeName"])
        if endpoint.get("hostname"):
            kept["hostname"] = endpoint["hostname"]
        for field in ("conditions", "hints"):
            if endpoint.get(field):
                kept[field] = self._one(endpoint[field])
        return kept

    def _one(self, value: Any) -> Any:
        """The first of all equal ones."""
        if len(self._shared) > 10_000:
            self._shared.clear()
        return self._shared.setdefault(repr(value), value)
