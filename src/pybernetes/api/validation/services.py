"""Services: type, ports, addresses, affinity."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    SPEC,
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain, is_ip, is_qualified_name
from pybernetes.api.validation.labels import validate_labels
from pybernetes.api.validation.service_families import families, families_stay
from pybernetes.api.validation.values import PROTOCOLS, one_of, port_number, port_or_name

Object = dict[str, Any]

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_DAY = 86400


def create(service: Object) -> list[FieldError]:
    spec = service.get("spec") or {}
    kind = spec.get("type") or ""
    headless = spec.get("clusterIP") == "None"
    errors: list[FieldError] = []
    errors.extend(one_of(kind, _TYPES, SPEC.child("type")) if kind else [required(SPEC.child("type"))])
    errors.extend(_by_type(spec, kind, headless))
    errors.extend(_ports(spec, kind))
    errors.extend(validate_labels(spec.get("selector") or {}, SPEC.child("selector")))
    errors.extend(_affinity(spec))
    if kind != "ExternalName":
        errors.extend(families(spec))
    for position, address in enumerate(spec.get("externalIPs") or ()):
        errors.extend(is_ip(SPEC.child("externalIPs").at(position), address))
    for field, choices in (
        ("externalTrafficPolicy", ("Cluster", "Local")),
        ("internalTrafficPolicy", ("Cluster", "Local")),
    ):
        if spec.get(field):
            errors.extend(one_of(spec[field], choices, SPEC.child(field)))
    return errors


def _by_type(spec: Object, kind: str, headless: bool) -> list[FieldError]:
    if kind == "LoadBalancer" and headless:
        return [
            invalid(SPEC.child("clusterIPs"), ["None"], "may not be set to 'None' for LoadBalancer services")
        ]
    if kind == "NodePort" and headless:
        return [invalid(SPEC.child("clusterIPs"), ["None"], "may not be set to 'None' for NodePort services")]
    if kind != "ExternalName":
        return []
    errors: list[FieldError] = []
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(field) or (field == "clusterIPs" and spec.get("clusterIP")):
            errors.append(forbidden(SPEC.child(field), "may not be set for ExternalName services"))
    name = (spec.get("externalName") or "").removesuffix(".")
    where = SPEC.child("externalName")
    errors.extend(invalid(where, name, why) for why in is_dns1123_subdomain(name)) if name else errors.append(
        required(where)
    )
    return errors


def _ports(spec: Object, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    ports = spec.get("ports") or []
    path = SPEC.child("ports")
    if not ports and spec.get("clusterIP") != "None" and kind != "ExternalName":
        errors.append(required(path))
    names: set[str] = set()
    seen: set[tuple[int, str]] = set()
    node_ports: set[tuple[int, str]] = set()
    for position, port in enumerate(ports):
        where = path.at(position)
        errors.extend(_port(port, len(ports) > 1, names, where))
        key = (port.get("port", 0), port.get("protocol", ""))
        if key in seen:
            shown = {"name": "", "protocol": key[1], "port": key[0]}
            errors.append(duplicate(where, shown))
        seen.add(key)
        node_port = port.get("nodePort") or 0
        if node_port:
            if kind not in ("NodePort", "LoadBalancer"):
                why = f"may not be used when `type` is '{kind}'"
                errors.append(forbidden(where.child("nodePort"), why))
            elif (node_port, key[1]) in node_ports:
                errors.append(duplicate(where.child("nodePort"), node_port))
            node_ports.add((node_port, key[1]))
    return errors


def _port(port: Object, needs_name: bool, names: set[str], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    name = port.get("name") or ""
    if needs_name and not name:
        errors.append(required(path.child("name")))
    elif name:
        errors.extend(invalid(path.child("name"), name, why) for why in is_dns1123_label(name))
        if name in names:
            errors.append(duplicate(path.child("name"), name))
        names.add(name)
    errors.extend(port_number(port.get("port") or 0, path.child("port")))
    protocol = port.get("protocol") or ""
    if not protocol:
        errors.append(required(path.child("protocol")))
    elif protocol not in PROTOCOLS:
        errors.append(not_supported(path.child("protocol"), protocol, PROTOCOLS))
    errors.extend(port_or_name(port.get("targetPort", 0), path.child("targetPort")))
    application = port.get("appProtocol")
    if application:
        errors.extend(
            invalid(path.child("appProtocol"), application, why) for why in is_qualified_name(application)
        )
    return errors


def _affinity(spec: Object) -> list[FieldError]:
    affinity = spec.get("sessionAffinity") or ""
    if not affinity:
        return [required(SPEC.child("sessionAffinity"))]
    errors = one_of(affinity, ("ClientIP", "None"), SPEC.child("sessionAffinity"))
    seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    if affinity == "ClientIP" and seconds is not None and not 0 < seconds <= _DAY:
        where = SPEC.child("sessionAffinityConfig", "clientIP", "timeoutSeconds")
        errors.append(invalid(where, seconds, f"must be greater than 0 and less than {_DAY}"))
    return errors


def update(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return []
    errors = families_stay(new.get("spec") or {}, old.get("spec") or {})
    return errors + create(new)
