"""What drivers say of themselves: storage drivers and the devices of others."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import go_quote

Object = dict[str, Any]

_TOKENS = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible "
    "logging of tokens in volume attributes"
)


def csi_driver(new: Object, old: Object | None) -> list[str]:
    spec, before = new.get("spec") or {}, (old or {}).get("spec") or {}
    requests = spec.get("tokenRequests") or []
    if not requests or spec.get("serviceAccountTokenInSecrets") is not None:
        return []
    if old is not None and requests == (before.get("tokenRequests") or []):
        return []
    return [_TOKENS]


def resource_slice(new: Object, old: Object | None) -> list[str]:
    name = (new.get("spec") or {}).get("driver") or ""
    if name == name.lower():
        return []
    why = f"driver names should be lowercase; {go_quote(name)} contains uppercase characters"
    return [f"spec.driver: {why}"]
