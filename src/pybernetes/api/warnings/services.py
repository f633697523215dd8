"""Services: what is ignored, out of use or oddly spelt."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import SPEC
from pybernetes.api.warnings.addresses import address, network

Object = dict[str, Any]

_HINTS, _MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"


def service(new: Object, old: Object | None) -> list[str]:
    spec = new.get("spec") or {}
    found: list[str] = []
    if _HINTS in (new["metadata"].get("annotations") or {}):
        found.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    if spec.get("clusterIP") not in (None, "", "None"):
        for position, text in enumerate(spec.get("clusterIPs") or ()):
            found.extend(address(SPEC.child("clusterIPs").at(position), text))
    named = spec.get("type") == "ExternalName"
    headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    outside = spec.get("externalIPs")
    if headless:
        found.extend(
            f"spec.{field} is ignored for headless services"
            for field, ignored in (
                ("loadBalancerIP", spec.get("loadBalancerIP")),
                ("externalIPs", outside),
                ("SessionAffinity", spec.get("sessionAffinity") != "None"),
            )
            if ignored
        )
    for position, text in enumerate(outside or ()):
        found.extend(address(SPEC.child("externalIPs").at(position), text))
    if outside and not headless and not named:
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        found.extend(address(SPEC.child("loadBalancerIP"), spec["loadBalancerIP"]))
    for position, text in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        found.extend(network(SPEC.child("loadBalancerSourceRanges").at(position), text))
    if named and outside:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not named and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found
