"""Ingresses, ingress classes, network policies, addresses and their ranges."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from pybernetes.api.fields import SPEC, FieldError, FieldPath, forbidden, invalid, not_supported, required
from pybernetes.api.names import is_cidr, is_dns1123_subdomain, is_port_name, is_wildcard_subdomain, parse_ip
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.values import PROTOCOLS, immutable, one_of, port_number, port_or_name

Object = dict[str, Any]

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def _ingress(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        errors.append(
            invalid(SPEC, spec.get("rules"), "either `defaultBackend` or `rules` must be specified")
        )
    if spec.get("defaultBackend") is not None:
        errors.extend(_backend(spec["defaultBackend"], SPEC.child("defaultBackend")))
    for position, rule in enumerate(spec.get("rules") or ()):
        errors.extend(_rule(rule, SPEC.child("rules").at(position)))
    name = spec.get("ingressClassName")
    if name is not None:
        errors.extend(
            invalid(SPEC.child("ingressClassName"), name, why) for why in is_dns1123_subdomain(name)
        )
    return errors


def _rule(rule: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    host = rule.get("host") or ""
    if host:
        where = path.child("host")
        if parse_ip(host) is not None:
            errors.append(invalid(where, host, "must be a DNS name, not an IP address"))
        else:
            wrong = is_wildcard_subdomain(host) if "*" in host else is_dns1123_subdomain(host)
            errors.extend(invalid(where, host, why) for why in wrong)
    http = rule.get("http")
    if http is not None:
        where = path.child("http", "paths")
        if not http.get("paths"):
            errors.append(required(where))
        for position, one in enumerate(http.get("paths") or ()):
            place = where.at(position)
            kind, target = one.get("pathType"), one.get("path") or ""
            if kind is None:
                errors.append(required(place.child("pathType"), "pathType must be specified"))
            elif kind not in _PATH_TYPES:
                errors.append(not_supported(place.child("pathType"), kind, _PATH_TYPES))
            elif kind != "ImplementationSpecific" and not target.startswith("/"):
                errors.append(invalid(place.child("path"), target, "must be an absolute path"))
            errors.extend(_backend(one.get("backend") or {}, place.child("backend")))
    return errors


def _backend(backend: Object, path: FieldPath) -> list[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if service is None and resource is None:
        return [required(path, "resource or service backend is required")]
    if service is None:
        return []
    errors: list[FieldError] = []
    if not service.get("name"):
        errors.append(required(path.child("service", "name")))
    port = service.get("port") or {}
    where = path.child("service", "port")
    if port.get("name") and port.get("number"):
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif port.get("name"):
        errors.extend(invalid(where.child("name"), port["name"], why) for why in is_port_name(port["name"]))
    elif port.get("number"):
        errors.extend(port_number(port["number"], where.child("number")))
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def _network_policy(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = validate_label_selector(spec.get("podSelector"), SPEC.child("podSelector"))
    for field, peers in (("ingress", "from"), ("egress", "to")):
        for position, rule in enumerate(spec.get(field) or ()):
            where = SPEC.child(field).at(position)
            for number, port in enumerate(rule.get("ports") or ()):
                errors.extend(_policy_port(port, where.child("ports").at(number)))
            for number, peer in enumerate(rule.get(peers) or ()):
                errors.extend(_peer(peer, where.child(peers).at(number)))
    types = spec.get("policyTypes") or []
    if len(types) > 2:
        errors.append(invalid(SPEC.child("policyTypes"), types, "may not specify more than two policyTypes"))
    else:
        for position, kind in enumerate(types):
            errors.extend(one_of(kind, ("Egress", "Ingress"), SPEC.child("policyTypes").at(position)))
    return errors


def _policy_port(port: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    protocol = port.get("protocol")
    if protocol is not None and protocol not in PROTOCOLS:
        errors.append(not_supported(path.child("protocol"), protocol, ("TCP", "UDP", "SCTP")))
    number, end = port.get("port"), port.get("endPort")
    if number is not None:
        errors.extend(port_or_name(number, path.child("port")))
    if end is not None:
        where = path.child("endPort")
        if number is None:
            errors.append(required(path.child("port"), "must be specified when `endPort` is specified"))
        elif isinstance(number, str):
            errors.append(
                invalid(path.child("port"), number, "must be an integer when `endPort` is specified")
            )
        elif end < number:
            errors.append(invalid(where, end, "must be greater than or equal to `port`"))
        errors.extend(port_number(end, where))
    return errors


def _peer(peer: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("podSelector", "namespaceSelector"):
        errors.extend(validate_label_selector(peer.get(field), path.child(field)))
    block = peer.get("ipBlock")
    found = [
        field for field in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(field) is not None
    ]
    if not found:
        errors.append(required(path, "must specify a peer"))
    elif block is not None and len(found) > 1:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    if block is not None:
        errors.extend(_ip_block(block, path.child("ipBlock")))
    return errors


def _ip_block(block: Object, path: FieldPath) -> list[FieldError]:
    text = block.get("cidr") or ""
    if not text:
        return [required(path.child("cidr"))]
    errors = is_cidr(path.child("cidr"), text)
    if errors:
        return errors
    outer = ip_network(text, strict=False)
    for position, one in enumerate(block.get("except") or ()):
        where = path.child("except").at(position)
        wrong = is_cidr(where, one)
        if wrong:
            errors.extend(wrong)
            continue
        inner = ip_network(one, strict=False)
        inside = (
            inner.version == outer.version
            and inner.prefixlen > outer.prefixlen
            and inner.network_address in outer
        )
        if not inside:
            errors.append(invalid(where, one, "must be a strict subset of `cidr`"))
    return errors


def _ingress_class(obj: Object) -> list[FieldError]:
    controller = (obj.get("spec") or {}).get("controller") or ""
    if not controller:
        return [required(SPEC.child("controller"))]
    if "/" not in controller:
        why = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [invalid(SPEC.child("controller"), controller, why)]
    return []


def _update_ingress_class(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return _ingress_class(new) + immutable(
        (new.get("spec") or {}), (old.get("spec") or {}), "controller", SPEC
    )


def _ip_address(obj: Object) -> list[FieldError]:
    parent = (obj.get("spec") or {}).get("parentRef")
    where = SPEC.child("parentRef")
    if parent is None:
        return [required(where)]
    return [required(where.child(field)) for field in ("resource", "name") if not parent.get(field)]


def _update_ip_address(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return _ip_address(new) + immutable((new.get("spec") or {}), (old.get("spec") or {}), "parentRef", SPEC)


def _service_cidr(obj: Object) -> list[FieldError]:
    ranges = (obj.get("spec") or {}).get("cidrs") or []
    where = SPEC.child("cidrs")
    if not ranges:
        return [required(where, "at least one CIDR required")]
    errors: list[FieldError] = []
    if len(ranges) > 2:
        errors.append(invalid(where, ranges, "must only hold up to 2 values"))
    for position, text in enumerate(ranges):
        errors.extend(is_cidr(where.at(position), text))
    return errors


def _update_service_cidr(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return (
        []
        if subresource == "status"
        else immutable((new.get("spec") or {}), (old.get("spec") or {}), "cidrs", SPEC)
    )


CREATE = {
    "IPAddress": _ip_address,
    "Ingress": _ingress,
    "IngressClass": _ingress_class,
    "NetworkPolicy": _network_policy,
    "ServiceCIDR": _service_cidr,
}

UPDATE = {
    "IPAddress": _update_ip_address,
    "Ingress": lambda new, old, subresource: [] if subresource == "status" else _ingress(new),
    "IngressClass": _update_ingress_class,
    "NetworkPolicy": lambda new, old, subresource: _network_policy(new),
    "ServiceCIDR": _update_service_cidr,
}
