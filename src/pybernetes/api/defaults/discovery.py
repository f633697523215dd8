"""Defaults of EndpointSlice."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _endpoint_slice(endpoint_slice: Object) -> None:
    for port in endpoint_slice.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


DEFAULTS = {"EndpointSlice": _endpoint_slice}
