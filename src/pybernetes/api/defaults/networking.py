"""Defaults of NetworkPolicy, Ingress and IngressClass."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _network_policy(policy: Object) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for field in ("ingress", "egress"):
        for rule in spec.get(field) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _ingress(ingress: Object) -> None:
    ingress.setdefault("spec", {})
    ingress.setdefault("status", {}).setdefault("loadBalancer", {})


def _ingress_class(ingress_class: Object) -> None:
    parameters = ingress_class.setdefault("spec", {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")


DEFAULTS = {"Ingress": _ingress, "IngressClass": _ingress_class, "NetworkPolicy": _network_policy}
