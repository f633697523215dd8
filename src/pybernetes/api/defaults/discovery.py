"""Defaults of EndpointSlice."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _endpoint_slice(endpoint_slice: Object) -> None:
    endpoint_slice.setdefault("endpoints", [])
    ports = endpoint_slice.setdefault("ports", [])
    for port in ports or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


DEFAULTS = {"EndpointSlice": _endpoint_slice}
