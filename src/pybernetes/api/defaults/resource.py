"""Defaults of resource claims (dynamic resource allocation)."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _claim_spec(spec: Object) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        exactly = request.get("exactly")
        if exactly is not None:
            _device_request(exactly)
        for one in request.get("firstAvailable") or ():
            _device_request(one)


def _device_request(request: Object) -> None:
    if not request.get("allocationMode"):
        request["allocationMode"] = "ExactCount"
    if request["allocationMode"] == "ExactCount" and not request.get("count"):
        request["count"] = 1
    for toleration in request.get("tolerations") or ():
        toleration.setdefault("operator", "Equal")


def _claim(claim: Object) -> None:
    _claim_spec(claim.setdefault("spec", {}))
    claim.setdefault("status", {})


def _claim_template(template: Object) -> None:
    _claim_spec(template.setdefault("spec", {}).setdefault("spec", {}))


DEFAULTS = {"ResourceClaim": _claim, "ResourceClaimTemplate": _claim_template}
