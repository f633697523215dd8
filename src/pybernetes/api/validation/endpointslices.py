"""Endpoint slices: which addresses, of which type, at which ports, and for whom they are hints."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    ROOT,
    FieldError,
    FieldPath,
    duplicate,
    internal,
    invalid,
    not_supported,
    required,
    too_many,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain, is_label_value, is_qualified_name
from pybernetes.api.validation.addresses import canonical_ip, check_ip
from pybernetes.api.validation.endpoints import reachable
from pybernetes.api.validation.labels import validate_labels
from pybernetes.api.validation.values import PROTOCOLS, immutable

Object = dict[str, Any]

_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_ENDPOINTS, _MAX_ADDRESSES, _MAX_PORTS, _MAX_LABELS, _MAX_HINTS = 1000, 100, 20000, 16, 8
_ZONE = "topology.kubernetes.io/zone"


def endpoint_slice(obj: Object, old: Object | None = None) -> list[FieldError]:
    kind = obj.get("addressType") or ""
    errors: list[FieldError] = []
    if not kind:
        errors.append(required(ROOT.child("addressType")))
    elif kind not in _TYPES:
        errors.append(not_supported(ROOT.child("addressType"), kind, _TYPES))
    errors.extend(_ports(obj.get("ports") or [], ROOT.child("ports")))
    endpoints = obj.get("endpoints") or []
    if old is not None and endpoints == (old.get("endpoints") or []):
        return errors
    path = ROOT.child("endpoints")
    if len(endpoints) > _MAX_ENDPOINTS:
        return [*errors, too_many(path, len(endpoints), _MAX_ENDPOINTS)]
    for position, endpoint in enumerate(endpoints):
        errors.extend(_endpoint(endpoint, kind, path.at(position)))
    return errors


def update_endpoint_slice(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return endpoint_slice(new, old) + immutable(new, old, "addressType", ROOT)


def _endpoint(endpoint: Object, kind: str, path: FieldPath) -> list[FieldError]:
    addresses, where = endpoint.get("addresses") or [], path.child("addresses")
    errors: list[FieldError] = []
    if not addresses:
        errors.append(required(where, "must contain at least 1 address"))
    elif len(addresses) > _MAX_ADDRESSES:
        errors.append(too_many(where, len(addresses), _MAX_ADDRESSES))
    for position, address in enumerate(addresses):
        errors.extend(_address(address, kind, where, position))
    node, host = endpoint.get("nodeName"), endpoint.get("hostname")
    if node is not None:
        errors.extend(invalid(path.child("nodeName"), node, why) for why in is_dns1123_subdomain(node))
    labels, where = endpoint.get("deprecatedTopology") or {}, path.child("deprecatedTopology")
    if len(labels) > _MAX_LABELS:
        errors.append(too_many(where, len(labels), _MAX_LABELS))
    errors.extend(validate_labels(labels, where))
    if _ZONE in labels:
        errors.append(internal(where.key(_ZONE), "reserved key was not removed in conversion"))
    if host is not None:
        errors.extend(invalid(path.child("hostname"), host, why) for why in is_dns1123_label(host))
    return errors + _hints(endpoint.get("hints") or {}, path.child("hints"))


def _address(address: str, kind: str, path: FieldPath, position: int) -> list[FieldError]:
    where = path.at(position)
    if kind == "FQDN":
        return _domain(address, where)
    if kind not in ("IPv4", "IPv6"):
        return []
    wrong = check_ip(address, where) if kind == "IPv4" else canonical_ip(address, where)
    if wrong:
        return wrong
    if (":" in address) is (kind == "IPv4"):
        wrong.append(invalid(path, address, f"must be an {kind} address"))
    return wrong + reachable(address, where)


def _domain(name: str, path: FieldPath) -> list[FieldError]:
    if not name:
        return [required(path)]
    name = name.removesuffix(".")
    wrong = is_dns1123_subdomain(name)
    if wrong:
        return [invalid(path, name, ",".join(wrong))]
    if "." not in name:
        return [invalid(path, name, "should be a domain with at least two segments separated by dots")]
    return [
        invalid(path, part, ",".join(faults))
        for part in name.split(".")
        if (faults := is_dns1123_label(part))
    ]


def _hints(hints: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, rule in (("forZones", is_label_value), ("forNodes", is_dns1123_subdomain)):
        entries, where = hints.get(field) or [], path.child(field)
        if len(entries) > _MAX_HINTS:
            return [*errors, too_many(where, len(entries), _MAX_HINTS)]
        seen: set[str] = set()
        for position, entry in enumerate(entries):
            name, here = entry.get("name") or "", where.at(position).child("name")
            if name in seen:
                errors.append(duplicate(here, name))
            seen.add(name)
            errors.extend(invalid(here, name, why) for why in rule(name))
    return errors


def _ports(ports: list[Object], path: FieldPath) -> list[FieldError]:
    if len(ports) > _MAX_PORTS:
        return [too_many(path, len(ports), _MAX_PORTS)]
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, port in enumerate(ports):
        name, where = port.get("name") or "", path.at(position)
        if name:
            errors.extend(invalid(where.child("name"), name, why) for why in is_dns1123_label(name))
        if name in names:
            errors.append(duplicate(where.child("name"), name))
        names.add(name)
        protocol = port.get("protocol")
        if protocol is None:
            errors.append(required(where.child("protocol")))
        elif protocol not in PROTOCOLS:
            errors.append(not_supported(where.child("protocol"), protocol, PROTOCOLS))
        application = port.get("appProtocol")
        if application is not None:
            errors.extend(
                invalid(where.child("appProtocol"), application, why)
                for why in is_qualified_name(application)
            )
    return errors
