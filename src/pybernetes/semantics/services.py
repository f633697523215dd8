"""Services and the slices of their endpoints: which belongs to which, and at which addresses balancers are.

Objects are decoded JSON and are never changed.
Source: the Kubernetes documentation pages "Service" and "EndpointSlices".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]

SERVICE_NAME = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""
HEADLESS = "service.kubernetes.io/headless"
"""The label of the endpoints of a Service without an address of its own."""


def services_of(piece: Object) -> list[str]:
    """An informer index: the key of the Service that an EndpointSlice belongs to, if it says so."""
    meta = piece["metadata"]
    name = (meta.get("labels") or {}).get(SERVICE_NAME)
    return [f"{meta.get('namespace', '')}/{name}"] if name else []


def balancers_of(service: Object) -> list[dict[str, Any]]:
    """The entries of `status.loadBalancer.ingress` that have an address."""
    status = (service.get("status") or {}).get("loadBalancer") or {}
    return [one for one in status.get("ingress") or () if one.get("ip")]
