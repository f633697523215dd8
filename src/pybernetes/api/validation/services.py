"""Services: type, ports, addresses, affinity."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    IMMUTABLE,
    METADATA,
    ROOT,
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    Inside,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import (
    is_cidr,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_ip,
    is_qualified_name,
    parse_ip,
)
from pybernetes.api.validation.endpoints import reachable
from pybernetes.api.validation.labels import validate_labels
from pybernetes.api.validation.service_families import NONE, families, families_stay
from pybernetes.api.validation.values import PROTOCOLS, one_of, one_of_required, port_number, port_or_name

Object = dict[str, Any]

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES = ("Cluster", "Local")
_MODES = ("Proxy", "VIP")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_DAY = 86400


def create(service: Object) -> list[FieldError]:
    return _service(service, {})


def _service(service: Object, old: Object) -> list[FieldError]:
    spec = service.get("spec") or {}
    kind = spec.get("type") or ""
    headless = spec.get("clusterIPs") == [NONE]
    annotations = (service.get("metadata") or {}).get("annotations") or {}
    errors = _topology(annotations) if annotations else []
    if not spec.get("ports") and not headless and kind != "ExternalName":
        errors.append(required(SPEC.child("ports")))
    errors.extend(_by_type(spec, kind, headless))
    errors.extend(_ports(spec))
    errors.extend(validate_labels(spec.get("selector") or {}, SPEC.child("selector")))
    errors.extend(_affinity(spec))
    if kind != "ExternalName":
        errors.extend(families(spec))
    for position, address in enumerate(spec.get("externalIPs") or ()):
        where = SPEC.child("externalIPs").at(position)
        errors.extend(is_ip(where, address) or reachable(address, where))
    errors.extend(one_of_required(kind, _TYPES, SPEC.child("type")))
    errors.extend(_numbers(spec, kind))
    errors.extend(_balancer(spec, kind, annotations, old))
    errors.extend(_balancer_class(spec, before={}))
    errors.extend(_traffic(spec, kind))
    return errors


def _topology(annotations: dict[str, str]) -> list[FieldError]:
    mode, hints = annotations.get(_TOPOLOGY_MODE), annotations.get(_TOPOLOGY_HINTS)
    if mode is None or hints is None or mode == hints:
        return []
    why = f"must match annotations[{_TOPOLOGY_HINTS}] when both are specified"
    return [invalid(METADATA.child("annotations").key(_TOPOLOGY_MODE), mode, why)]


def _by_type(spec: Object, kind: str, headless: bool) -> list[FieldError]:
    if kind == "LoadBalancer" and headless:
        why = "may not be set to 'None' for LoadBalancer services"
        return [invalid(SPEC.child("clusterIPs").at(0), NONE, why)]
    if kind == "NodePort" and headless:
        why = "may not be set to 'None' for NodePort services"
        return [invalid(SPEC.child("clusterIPs").at(0), NONE, why)]
    if kind != "ExternalName":
        return []
    errors: list[FieldError] = []
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(field) or (field == "ipFamilyPolicy" and spec.get(field) is not None):
            errors.append(forbidden(SPEC.child(field), "may not be set for ExternalName services"))
    name = (spec.get("externalName") or "").removesuffix(".")
    where = SPEC.child("externalName")
    errors.extend(invalid(where, name, why) for why in is_dns1123_subdomain(name)) if name else errors.append(
        required(where)
    )
    return errors


def _ports(spec: Object) -> list[FieldError]:
    ports = spec.get("ports") or []
    names: set[str] = set()
    errors: list[FieldError] = []
    for position, port in enumerate(ports):
        errors.extend(_port(port, len(ports) > 1, names, SPEC.child("ports").at(position)))
    return errors


def _numbers(spec: Object, kind: str) -> list[FieldError]:
    """Node ports only where the type has them, no number twice."""
    ports = [(SPEC.child("ports").at(at), port) for at, port in enumerate(spec.get("ports") or ())]
    errors: list[FieldError] = []
    if kind == "ClusterIP":
        why = "may not be used when `type` is 'ClusterIP'"
        errors.extend(
            forbidden(where.child("nodePort"), why) for where, port in ports if port.get("nodePort")
        )
    if len(ports) < 2:
        return errors
    taken: set[tuple[int, str]] = set()
    for where, port in ports:
        node_port = port.get("nodePort") or 0
        if node_port and (node_port, port.get("protocol", "")) in taken:
            errors.append(duplicate(where.child("nodePort"), node_port))
        taken.add((node_port, port.get("protocol", "")))
    seen: set[tuple[int, str]] = set()
    for where, port in ports:
        key = (port.get("port") or 0, port.get("protocol", ""))
        if key in seen:
            errors.append(duplicate(where, _shown_port(*key)))
        seen.add(key)
    return errors


def _shown_port(number: int, protocol: str) -> Inside:
    """A port as upstream has it in itself."""
    return Inside(Name="", Protocol=protocol, AppProtocol=None, Port=number, TargetPort=0, NodePort=0)


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
    if application is not None:
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


def _balancer(spec: Object, kind: str, annotations: dict[str, str], old: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    ranges = spec.get("loadBalancerSourceRanges")
    only = "may only be used when `type` is 'LoadBalancer'"
    if ranges:
        where = SPEC.child("LoadBalancerSourceRanges")
        if kind != "LoadBalancer":
            errors.append(forbidden(where, only))
        for position, text in enumerate(ranges):
            errors.extend(is_cidr(where.at(position), text.strip()))
    elif _SOURCE_RANGES in annotations:
        where = METADATA.child("annotations").key(_SOURCE_RANGES)
        said = annotations[_SOURCE_RANGES]
        if kind != "LoadBalancer":
            errors.append(forbidden(where, only))
        if (
            said.strip()
            and ((old.get("metadata") or {}).get("annotations") or {}).get(_SOURCE_RANGES) != said
        ):
            for text in said.split(","):
                errors.extend(is_cidr(where, text.strip()))
    if kind != "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is not None:
            errors.append(forbidden(SPEC.child("allocateLoadBalancerNodePorts"), only))
    elif spec.get("allocateLoadBalancerNodePorts") is None:
        errors.append(required(ROOT.child("allocateLoadBalancerNodePorts")))
    return errors


def _balancer_class(spec: Object, before: Object) -> list[FieldError]:
    name, where = spec.get("loadBalancerClass"), SPEC.child("loadBalancerClass")
    errors: list[FieldError] = []
    both = spec.get("type") == before.get("type") == "LoadBalancer"
    if both and name != before.get("loadBalancerClass"):
        errors.append(invalid(where, name, "may not change once set"))
    if name is not None:
        if spec.get("type") != "LoadBalancer":
            errors.append(forbidden(where, "may only be used when `type` is 'LoadBalancer'"))
        else:
            errors.extend(invalid(where, name, why) for why in is_qualified_name(name))
    return errors


def _needs_health_check(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _traffic(spec: Object, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    policy, where = spec.get("externalTrafficPolicy"), SPEC.child("externalTrafficPolicy")
    outside = kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if outside:
        errors.extend(one_of_required(policy, _POLICIES, where))
    elif policy:
        errors.append(invalid(where, policy, "may only be set for externally-accessible services"))
    number, where = spec.get("healthCheckNodePort") or 0, SPEC.child("healthCheckNodePort")
    if number and not _needs_health_check(spec):
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid(where, number, why))
    elif number:
        errors.extend(port_number(number, where))
    inside = spec.get("internalTrafficPolicy")
    if inside is not None:
        errors.extend(one_of(inside, _POLICIES, SPEC.child("internalTrafficPolicy")))
    elif kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        errors.append(required(SPEC.child("internalTrafficPolicy")))
    distribution = spec.get("trafficDistribution")
    if distribution is not None:
        errors.extend(one_of(distribution, _DISTRIBUTIONS, SPEC.child("trafficDistribution")))
    return errors


def update(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _status(new, old)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    errors = families_stay(after, before) + _balancer_class(after, before)
    checked = _needs_health_check(before) and _needs_health_check(after)
    if checked and after.get("healthCheckNodePort", 0) != before.get("healthCheckNodePort", 0):
        errors.append(forbidden(SPEC.child("healthCheckNodePort"), IMMUTABLE))
    return errors + _service(new, old)


def _status(new: Object, old: Object) -> list[FieldError]:
    """What the load balancer is reached by."""
    ingress = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if ingress == (((old.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []):
        return []
    path = STATUS.child("loadBalancer", "ingress")
    if (new.get("spec") or {}).get("type") != "LoadBalancer":
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    errors: list[FieldError] = []
    for position, entry in enumerate(ingress):
        where = path.at(position)
        address, mode, host = entry.get("ip") or "", entry.get("ipMode"), entry.get("hostname") or ""
        if address:
            errors.extend(is_ip(where.child("ip"), address))
        if mode is None:
            if address:
                errors.append(required(where.child("ipMode"), "must be specified when `ip` is set"))
        elif not address:
            errors.append(forbidden(where.child("ipMode"), "may not be specified when `ip` is not set"))
        elif mode not in _MODES:
            errors.append(not_supported(where.child("ipMode"), mode, _MODES))
        if host:
            errors.extend(invalid(where.child("hostname"), host, why) for why in is_dns1123_subdomain(host))
            if parse_ip(host) is not None:
                why = "must be a DNS name, not an IP address"
                errors.append(invalid(where.child("hostname"), host, why))
    return errors
