"""Defaults of custom resource definitions and API services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]

_HTTPS = 443


def custom_resource_definition(obj: Object) -> None:
    spec = obj.get("spec")
    if spec is None:
        return
    names = spec.setdefault("names", {})
    kind = names.get("kind") or ""
    if not names.get("singular"):
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = f"{kind}List"
    conversion = spec.setdefault("conversion", {"strategy": "None"})
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None:
        service.setdefault("port", _HTTPS)


def api_service(obj: Object) -> None:
    service = (obj.get("spec") or {}).get("service")
    if service is not None:
        service.setdefault("port", _HTTPS)


DEFAULTS: dict[str, Callable[[Object], None]] = {
    "CustomResourceDefinition": custom_resource_definition,
    "APIService": api_service,
}
