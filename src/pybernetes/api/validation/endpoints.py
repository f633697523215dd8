"""Endpoints: addresses that can be sent to, and ports with names where there are several."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import ROOT, FieldError, FieldPath, invalid, required
from pybernetes.api.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_ip,
    is_port_number,
    is_qualified_name,
    parse_ip,
)
from pybernetes.api.validation.values import PROTOCOLS, one_of_required

Object = dict[str, Any]


def endpoints(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, subset in enumerate(obj.get("subsets") or ()):
        path = ROOT.child("subsets").at(position)
        ready, waiting = subset.get("addresses") or [], subset.get("notReadyAddresses") or []
        if not ready and not waiting:
            errors.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
        for field, addresses in (("addresses", ready), ("notReadyAddresses", waiting)):
            for number, address in enumerate(addresses):
                errors.extend(_address(address, path.child(field).at(number)))
        ports = subset.get("ports") or []
        for number, port in enumerate(ports):
            errors.extend(_port(port, len(ports) > 1, path.child("ports").at(number)))
    return errors


def _address(address: Object, path: FieldPath) -> list[FieldError]:
    ip = address.get("ip") or ""
    errors = is_ip(path.child("ip"), ip)
    unreachable = reachable(ip, path.child("ip"))
    if errors:
        unreachable = [invalid(path.child("ip"), ip, "must be a valid IP address")]
    host, node = address.get("hostname") or "", address.get("nodeName")
    if host:
        errors.extend(invalid(path.child("hostname"), host, why) for why in is_dns1123_label(host))
    if node is not None:
        errors.extend(invalid(path.child("nodeName"), node, why) for why in is_dns1123_subdomain(node))
    return errors + unreachable


def reachable(text: str, path: FieldPath) -> list[FieldError]:
    """Addresses that mean something else on every machine cannot be endpoints."""
    ip = parse_ip(text)
    if ip is None:
        return []
    errors: list[FieldError] = []
    if ip.is_unspecified:
        errors.append(invalid(path, text, f"may not be unspecified ({text})"))
    if ip.is_loopback:
        errors.append(invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if ip.is_link_local:
        errors.append(invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    nearby = ip.is_multicast and (
        ip.packed[:3] == b"\xe0\x00\x00" if ip.version == 4 else ip.packed[1] & 15 == 2
    )
    if nearby:
        why = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        errors.append(invalid(path, text, why))
    return errors


def _port(port: Object, named: bool, path: FieldPath) -> list[FieldError]:
    name, protocol = port.get("name") or "", port.get("appProtocol")
    errors: list[FieldError] = []
    if named and not name:
        errors.append(required(path.child("name")))
    elif name:
        errors.extend(invalid(path.child("name"), name, why) for why in is_dns1123_label(name))
    number = port.get("port") or 0
    errors.extend(invalid(path.child("port"), number, why) for why in is_port_number(number))
    errors.extend(one_of_required(port.get("protocol"), PROTOCOLS, path.child("protocol")))
    if protocol is not None:
        errors.extend(
            invalid(path.child("appProtocol"), protocol, why) for why in is_qualified_name(protocol)
        )
    return errors


def update_endpoints(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return endpoints(new)
