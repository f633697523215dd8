"""Network policies, addresses of the cluster and ranges to take them from; ingresses have a file of their own."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from pybernetes.api.fields import (
    IMMUTABLE,
    SPEC,
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_subdomain, is_path_segment, is_port_name
from pybernetes.api.validation.addresses import canonical_cidr, check_cidr, read_cidr
from pybernetes.api.validation.ingresses import (
    create_ingress,
    ingress_class,
    update_ingress,
    update_ingress_class,
)
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.values import immutable, port_number

Object = dict[str, Any]

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("Ingress", "Egress")
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def _network_policy(obj: Object, known: Container[str] = ()) -> list[FieldError]:
    """`known` are the ranges of addresses that were there before."""
    spec = obj.get("spec") or {}
    errors = validate_label_selector(spec.get("podSelector"), SPEC.child("podSelector"))
    for field, peers in _DIRECTIONS:
        for position, rule in enumerate(spec.get(field) or ()):
            where = SPEC.child(field).at(position)
            for number, port in enumerate(rule.get("ports") or ()):
                errors.extend(_policy_port(port, where.child("ports").at(number)))
            for number, peer in enumerate(rule.get(peers) or ()):
                errors.extend(_peer(peer, where.child(peers).at(number), known))
    types, where = spec.get("policyTypes") or [], SPEC.child("policyTypes")
    if len(types) > len(_TYPES):
        return [*errors, invalid(where, types, "may not specify more than two policyTypes")]
    for position, kind in enumerate(types):
        if kind not in _TYPES:
            errors.append(not_supported(where.at(position), kind, _TYPES))
    return errors


def _ranges(policy: Object) -> Iterator[str]:
    spec = policy.get("spec") or {}
    for field, peers in _DIRECTIONS:
        for rule in spec.get(field) or ():
            for peer in rule.get(peers) or ():
                block = peer.get("ipBlock")
                if block is not None:
                    yield block.get("cidr") or ""
                    yield from block.get("except") or ()


def _policy_port(port: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    protocol = port.get("protocol")
    if protocol is not None and protocol not in _PROTOCOLS:
        errors.append(not_supported(path.child("protocol"), protocol, _PROTOCOLS))
    number, end = port.get("port"), port.get("endPort")
    where = path.child("endPort")
    if number is None:
        if end is not None:
            errors.append(invalid(where, end, "may not be specified when `port` is not specified"))
        return errors
    if isinstance(number, str):
        if end is not None:
            errors.append(invalid(where, end, "may not be specified when `port` is non-numeric"))
        return errors + [invalid(path.child("port"), number, why) for why in is_port_name(number)]
    errors.extend(port_number(number, path.child("port")))
    if end is not None:
        if end < number:
            errors.append(invalid(where, number, "must be greater than or equal to `port`"))
        errors.extend(port_number(end, where))
    return errors


def _peer(peer: Object, path: FieldPath, known: Container[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("podSelector", "namespaceSelector"):
        errors.extend(validate_label_selector(peer.get(field), path.child(field)))
    block = peer.get("ipBlock")
    if block is not None:
        errors.extend(_ip_block(block, path.child("ipBlock"), known))
    count = sum(peer.get(field) is not None for field in ("podSelector", "namespaceSelector", "ipBlock"))
    if not count:
        errors.append(required(path, "must specify a peer"))
    elif block is not None and count > 1:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _ip_block(block: Object, path: FieldPath, known: Container[str]) -> list[FieldError]:
    text = block.get("cidr") or ""
    if not text:
        return [required(path.child("cidr"))]
    errors = check_cidr(text, path.child("cidr"), known)
    whole = read_cidr(text)
    if whole is None:
        return errors
    outer = whole[1]
    for position, one in enumerate(block.get("except") or ()):
        where = path.child("except").at(position)
        errors.extend(check_cidr(one, where, known))
        part = read_cidr(one)
        if part is None:
            continue
        inner = part[1]
        inside = inner.version == outer.version and inner.network_address in outer
        if not inside or inner.prefixlen <= outer.prefixlen:
            errors.append(invalid(where, one, "must be a strict subset of `cidr`"))
    return errors


def _ip_address(obj: Object) -> list[FieldError]:
    parent, where = (obj.get("spec") or {}).get("parentRef"), SPEC.child("parentRef")
    if parent is None:
        return [required(where)]
    group = parent.get("group") or ""
    errors = [invalid(where.child("group"), group, why) for why in is_dns1123_subdomain(group) if group]
    for field in ("resource", "name", "namespace"):
        text = parent.get(field) or ""
        if not text and field != "namespace":
            errors.append(required(where.child(field)))
        errors.extend(invalid(where.child(field), text, why) for why in is_path_segment(text))
    return errors


def _update_ip_address(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return _ip_address(new) + immutable(
        (new.get("spec") or {}), (old.get("spec") or {}), "parentRef", SPEC, "ParentReference"
    )


_RANGES = SPEC.child("cidrs")


def _service_cidr(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    ranges = spec.get("cidrs") or []
    if not ranges:
        return [required(_RANGES, "at least one CIDR required")]
    if len(ranges) > 2:
        return [invalid(_RANGES, {"CIDRs": ranges}, "may only hold up to 2 values")]
    errors = [error for at, text in enumerate(ranges) for error in canonical_cidr(text, _RANGES.at(at))]
    found = [read_cidr(text) for text in ranges]
    versions = [one[1].version for one in found if one is not None]
    if len(versions) == 2 and versions[0] == versions[1]:
        why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.append(invalid(_RANGES, ranges, why))
    return errors


def _update_service_cidr(new: Object, old: Object, subresource: str) -> list[FieldError]:
    """The range of a second family may be added; nothing else changes."""
    if subresource == "status":
        return []
    now, before = ((one.get("spec") or {}).get("cidrs") or [] for one in (new, old))
    if len(now) != len(before) and (len(before), len(now)) != (1, 2):
        return [invalid(_RANGES, now or None, IMMUTABLE)]
    errors = [
        invalid(_RANGES.at(position), text, IMMUTABLE)
        for position, (text, was) in enumerate(zip(now, before, strict=False))
        if text != was
    ]
    return errors + _service_cidr(new) if len(now) != len(before) else errors


CREATE = {
    "IPAddress": _ip_address,
    "Ingress": create_ingress,
    "IngressClass": ingress_class,
    "NetworkPolicy": _network_policy,
    "ServiceCIDR": _service_cidr,
}

UPDATE = {
    "IPAddress": _update_ip_address,
    "Ingress": update_ingress,
    "IngressClass": update_ingress_class,
    "NetworkPolicy": lambda new, old, subresource: _network_policy(new, frozenset(_ranges(old))),
    "ServiceCIDR": _update_service_cidr,
}
