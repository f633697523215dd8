"""Ingresses, network policies and endpoint slices: an annotation of old, addresses in odd spellings."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import ROOT, SPEC
from pybernetes.api.warnings.addresses import address, network

Object = dict[str, Any]

_CLASS = "kubernetes.io/ingress.class"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_OWN = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def ingress(new: Object, old: Object | None) -> list[str]:
    annotations = new["metadata"].get("annotations") or {}
    if (
        old is not None
        or _CLASS not in annotations
        or (new.get("spec") or {}).get("ingressClassName") is not None
    ):
        return []
    return [f"annotation \"{_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"]


def network_policy(new: Object, old: Object | None) -> list[str]:
    spec = new.get("spec") or {}
    found: list[str] = []
    for field, peers in (("ingress", "from"), ("egress", "to")):
        for position, rule in enumerate(spec.get(field) or ()):
            for number, peer in enumerate(rule.get(peers) or ()):
                block, path = peer.get("ipBlock"), SPEC.child(field).at(position).child(peers).at(number)
                if block is None:
                    continue
                where = path.child("ipBlock")
                found.extend(network(where.child("cidr"), block.get("cidr") or ""))
                for at, text in enumerate(block.get("except") or ()):
                    found.extend(network(where.child("except").at(at), text))
    return found


def endpoint_slice(new: Object, old: Object | None) -> list[str]:
    found: list[str] = []
    if old is None and new.get("addressType") == "FQDN":
        found.append("spec.addressType: FQDN endpoints are deprecated")
    if (new["metadata"].get("labels") or {}).get(_MANAGED_BY) in _OWN:
        return found
    for position, endpoint in enumerate(new.get("endpoints") or ()):
        path = ROOT.child("endpoints").at(position).child("addresses")
        for number, text in enumerate(endpoint.get("addresses") or ()):
            found.extend(address(path.at(number), text))
    return found
