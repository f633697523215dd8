"""The `kubernetes` service in the default namespace, the range that its address is from, and where it leads."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pybernetes.api.errors import Invalid
from pybernetes.api.kinds import ENDPOINT_SLICES, ENDPOINTS, SERVICE_CIDRS, SERVICES
from pybernetes.api.names import parse_ip
from pybernetes.api.times import now
from pybernetes.apiserver.housekeeping.ensuring import ensure as ensure_object
from pybernetes.client.interface import APPLY_PATCH

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

log = logging.getLogger(__name__)

Object = dict[str, Any]

NAME = "kubernetes"
NAMESPACE = "default"
PORT = 443


DNS_NAMESPACE, DNS_NAME = "kube-system", "kube-dns"
DNS_NUMBER = 10
"""The address of the range at which nodes answer DNS by themselves: its service has no selector."""


async def ensure(server: APIServer) -> None:
    await _ensure_range(server)
    await ensure_object(server.client, SERVICES, _service(server), lambda found: _mended(found, server))
    await _ensure_dns(server)
    if _reachable(server.options.advertise_address):
        endpoints, slice_ = _endpoints(server), _slice(server)
        await ensure_object(
            server.client, ENDPOINTS, endpoints, lambda found: _with(found, endpoints, "subsets")
        )
        await ensure_object(
            server.client, ENDPOINT_SLICES, slice_, lambda found: _with(found, slice_, "endpoints", "ports")
        )


async def _ensure_range(server: APIServer) -> None:
    """The server's own range. One of a single family may get a second one later."""
    wanted = _range(server)
    cidrs = wanted["spec"]["cidrs"]
    await ensure_object(
        server.client,
        SERVICE_CIDRS,
        wanted,
        lambda found: _with(found, wanted, "spec") if found["spec"].get("cidrs") == cidrs[:1] else None,
    )
    found = await server.client.get(SERVICE_CIDRS, None, NAME)
    ready = [one for one in (found.get("status") or {}).get("conditions") or () if one.get("type") == "Ready"]
    if ready or "deletionTimestamp" in found["metadata"] or found["spec"].get("cidrs") != cidrs:
        return
    condition = {
        "type": "Ready",
        "status": "True",
        "message": "Kubernetes default Service CIDR is ready",
        "lastTransitionTime": now(server.clock),
    }
    status = {**wanted, "status": {"conditions": [condition]}}
    del status["spec"]
    await server.client.patch(
        SERVICE_CIDRS,
        None,
        NAME,
        status,
        patch_type=APPLY_PATCH,
        subresource="status",
        field_manager="kubernetes-service-cidr-controller",
        force=True,
    )


def _reachable(address: str) -> bool:
    """Whether pods can be told to come here: a loopback address leads each of them to itself."""
    ip = parse_ip(address)
    return ip is not None and not ip.is_loopback and not ip.is_unspecified


async def _ensure_dns(server: APIServer) -> None:
    """Nodes answer without it; it makes `kube-dns` a name and keeps its address from being given away."""
    networks = [one.network for one in server.addresses.values()]
    addresses = [str(one[DNS_NUMBER]) for one in networks if one.num_addresses > DNS_NUMBER + 1]
    if not addresses:
        return
    try:
        await ensure_object(server.client, SERVICES, _dns(addresses))
    except Invalid as error:
        log.warning("the service %s/%s cannot be made: %s", DNS_NAMESPACE, DNS_NAME, error.message)


def _range(server: APIServer) -> Object:
    return {
        "apiVersion": SERVICE_CIDRS.api_version,
        "kind": SERVICE_CIDRS.kind,
        "metadata": {"name": NAME},
        "spec": {"cidrs": [str(one.network) for one in server.addresses.values()]},
    }


def _ports(server: APIServer) -> list[Object]:
    return [{"name": "https", "port": server.options.advertise_port, "protocol": "TCP"}]


def _service(server: APIServer) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": next(iter(server.addresses.values())).first,
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ports": [
                {
                    "name": "https",
                    "port": PORT,
                    "protocol": "TCP",
                    "targetPort": server.options.advertise_port,
                }
            ],
        },
    }


def _dns(addresses: list[str]) -> Object:
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    labels = {"k8s-app": DNS_NAME, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": DNS_NAME, "namespace": DNS_NAMESPACE, "labels": labels},
        "spec": {
            "clusterIP": addresses[0],
            "clusterIPs": addresses,
            "ipFamilyPolicy": "SingleStack" if len(addresses) == 1 else "PreferDualStack",
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ports": ports,
        },
    }


def _mended(found: Object, server: APIServer) -> Object | None:
    wanted = _service(server)["spec"]["ports"]
    if found["spec"].get("ports") == wanted:
        return None
    return {**found, "spec": {**found["spec"], "ports": wanted}}


def _endpoints(server: APIServer) -> Object:
    address = server.options.advertise_address
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [{"addresses": [{"ip": address}], "ports": _ports(server)}],
    }


def _slice(server: APIServer) -> Object:
    address = server.options.advertise_address
    return {
        "apiVersion": ENDPOINT_SLICES.api_version,
        "kind": ENDPOINT_SLICES.kind,
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": NAME},
        },
        "addressType": "IPv6" if ":" in address else "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": _ports(server),
    }


def _with(found: Object, wanted: Object, *fields: str) -> Object | None:
    if all(found.get(field) == wanted[field] for field in fields):
        return None
    return {**found, **{field: wanted[field] for field in fields}}
