"""How endpoint slices, ingresses, network policies and address ranges are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cells,
    Column,
    Printer,
    age_of,
    name_of,
    selector_text,
    shorten,
)

Object = dict[str, Any]


def _endpoint_slice(obj: Object, now: datetime) -> Cells:
    ports = [str(port.get("port") or port.get("name", "*")) for port in obj.get("ports") or ()]
    addresses = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    return [
        name_of(obj),
        obj.get("addressType", ""),
        shorten(ports, 3) or UNSET,
        shorten(addresses, 3) or UNSET,
        age_of(obj, now),
    ]


def _ingress(obj: Object, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    given = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    addresses = [one.get("ip") or one.get("hostname") or "" for one in given]
    return [
        name_of(obj),
        spec.get("ingressClassName") or NONE,
        shorten(hosts, 3) or "*",
        ",".join(sorted({one for one in addresses if one})),
        "80, 443" if spec.get("tls") else "80",
        age_of(obj, now),
    ]


def _ingress_class(obj: Object, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    parameters = spec.get("parameters")
    shown = NONE
    if parameters:
        group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
        shown = f"{parameters.get('kind')}{group}/{parameters.get('name')}"
    return [name_of(obj), spec.get("controller", ""), shown, age_of(obj, now)]


def _network_policy(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), selector_text((obj.get("spec") or {}).get("podSelector")), age_of(obj, now)]


def _service_cidr(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), ",".join((obj.get("spec") or {}).get("cidrs") or ()), age_of(obj, now)]


def _ip_address(obj: Object, now: datetime) -> Cells:
    parent = (obj.get("spec") or {}).get("parentRef") or {}
    kind = ".".join(part for part in (parent.get("resource"), parent.get("group")) if part)
    shown = "/".join(part for part in (kind, parent.get("namespace"), parent.get("name")) if part)
    return [name_of(obj), shown or NONE]


PRINTERS = {
    "EndpointSlice": Printer(
        (
            NAME,
            Column("AddressType", description="@discovery.v1.EndpointSlice.addressType"),
            Column("Ports", description="@discovery.v1.EndpointSlice.ports"),
            Column("Endpoints", description="@discovery.v1.EndpointSlice.endpoints"),
            AGE,
        ),
        _endpoint_slice,
    ),
    "IPAddress": Printer(
        (NAME, Column("ParentRef", description="@networking.v1.IPAddressSpec.parentRef")), _ip_address
    ),
    "Ingress": Printer(
        (
            NAME,
            Column(
                "Class",
                description="The name of the IngressClass resource that should be used for additional configuration",
            ),
            Column(
                "Hosts",
                description="Hosts that incoming requests are matched against before the ingress rule",
            ),
            Column(
                "Address", description="Address is a list containing ingress points for the load-balancer"
            ),
            Column("Ports", description="Ports of TLS configurations that open"),
            AGE,
        ),
        _ingress,
    ),
    "IngressClass": Printer(
        (
            NAME,
            Column("Controller", description="Controller that is responsible for handling this class"),
            Column("Parameters", description="A reference to a resource with additional parameters"),
            AGE,
        ),
        _ingress_class,
    ),
    "NetworkPolicy": Printer(
        (NAME, Column("Pod-Selector", description="@networking.v1.NetworkPolicySpec.podSelector"), AGE),
        _network_policy,
    ),
    "ServiceCIDR": Printer(
        (NAME, Column("CIDRs", description="@networking.v1.ServiceCIDRSpec.cidrs"), AGE), _service_cidr
    ),
}
