"""Services and EndpointSlices for tests, with as few words as possible."""

from __future__ import annotations

from typing import Any

from pybernetes.network.services.model import Place
from pybernetes.semantics.services import SERVICE_NAME

Object = dict[str, Any]

PLACE = Place(
    node="n1",
    zone="z1",
    family=4,
    addresses=("10.209.0.11",),
    pods=("10.244.0.0/16",),
    services=("10.96.0.0/16",),
    answered=("10.96.0.10",),
)


def service(name: str, address: str, *, ingress: list[str] | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ports": [{"port": 80, "protocol": "TCP"}],
            **spec,
        },
        "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ingress or []]}},
    }


def endpoint(address: str, node: str = "n1", **more: Any) -> Object:
    conditions = {key: more.pop(key) for key in ("ready", "serving", "terminating") if key in more}
    return {"addresses": [address], "nodeName": node, "conditions": conditions, **more}


def slice_of(name: str, *endpoints: Object, port: int = 8080, family: str = "IPv4", **more: Any) -> Object:
    return {
        "metadata": {"name": f"{name}-abcde", "namespace": "default", "labels": {SERVICE_NAME: name}},
        "addressType": family,
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
        "endpoints": list(endpoints),
        **more,
    }
