"""Ingresses and their classes: hosts, paths, backends, certificates, parameters."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from pybernetes.api.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_domain_prefixed_path,
    is_path_segment,
    is_port_name,
    is_wildcard_subdomain,
)
from pybernetes.api.validation.addresses import check_ip, read_ip
from pybernetes.api.validation.values import immutable, port_number

Object = dict[str, Any]

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")
_LONGEST_CONTROLLER = 250
_CLASS = "kubernetes.io/ingress.class"


def ingress(
    obj: Object, secrets_as_before: bool = False, wildcards_as_before: bool = False
) -> list[FieldError]:
    """`..._as_before`: what older servers took is taken again."""
    spec = obj.get("spec") or {}
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    errors: list[FieldError] = []
    if not rules and backend is None:
        why = "either `defaultBackend` or `rules` must be specified"
        errors.append(invalid(SPEC, spec.get("rules"), why))
    if backend is not None:
        errors.extend(_backend(backend, SPEC.child("defaultBackend")))
    for position, rule in enumerate(rules):
        errors.extend(_rule(rule, SPEC.child("rules").at(position), wildcards_as_before))
    for position, entry in enumerate(spec.get("tls") or ()):
        errors.extend(_tls(entry, SPEC.child("tls").at(position), secrets_as_before))
    name = spec.get("ingressClassName")
    if name is not None:
        errors.extend(
            invalid(SPEC.child("ingressClassName"), name, why) for why in is_dns1123_subdomain(name)
        )
    return errors


def create_ingress(obj: Object) -> list[FieldError]:
    errors = ingress(obj)
    annotation = ((obj.get("metadata") or {}).get("annotations") or {}).get(_CLASS)
    name = (obj.get("spec") or {}).get("ingressClassName")
    if annotation is not None and name is not None and annotation != name:
        why = "must match `ingressClassName` when both are specified"
        errors.append(invalid(FieldPath("annotations").child(_CLASS), annotation, why))
    return errors


def update_ingress(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return _balancers(new, old)
    spec = old.get("spec") or {}
    secrets = any(
        is_dns1123_subdomain(one["secretName"]) for one in spec.get("tls") or () if one.get("secretName")
    )
    wildcards = any("*" in (one.get("host") or "") and _http(one, SPEC) for one in spec.get("rules") or ())
    return ingress(new, secrets, wildcards)


def _balancers(new: Object, old: Object) -> list[FieldError]:
    now, before = (
        ((one.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [] for one in (new, old)
    )
    known = {one.get("ip") for one in before}
    errors: list[FieldError] = []
    for position, one in enumerate(now):
        path = STATUS.child("loadBalancer", "ingress").at(position)
        if one.get("ip"):
            errors.extend(check_ip(one["ip"], path.child("ip"), known))
        host, where = one.get("hostname") or "", path.child("hostname")
        if host:
            errors.extend(invalid(where, host, why) for why in is_dns1123_subdomain(host))
            if read_ip(host) is not None:
                errors.append(invalid(where, host, "must be a DNS name, not an IP address"))
    return errors


def _host_errors(host: str, path: FieldPath) -> list[FieldError]:
    wrong = is_wildcard_subdomain(host) if "*" in host else is_dns1123_subdomain(host)
    return [invalid(path, host, why) for why in wrong]


def _rule(rule: Object, path: FieldPath, wildcards_as_before: bool) -> list[FieldError]:
    host = rule.get("host") or ""
    errors: list[FieldError] = []
    if host:
        if read_ip(host) is not None:
            errors.append(invalid(path.child("host"), host, "must be a DNS name, not an IP address"))
        errors.extend(_host_errors(host, path.child("host")))
    return errors if wildcards_as_before and "*" in host else errors + _http(rule, path)


def _http(rule: Object, path: FieldPath) -> list[FieldError]:
    http = rule.get("http")
    if http is None:
        return []
    where = path.child("http", "paths")
    if not http.get("paths"):
        return [required(where)]
    return [error for at, one in enumerate(http["paths"]) for error in _path(one, where.at(at))]


def _path(one: Object, path: FieldPath) -> list[FieldError]:
    kind, target, where = one.get("pathType"), one.get("path") or "", path.child("path")
    if kind is None:
        return [required(path.child("pathType"), "pathType must be specified")]
    errors: list[FieldError] = []
    if kind not in _PATH_TYPES:
        errors.append(not_supported(path.child("pathType"), kind, _PATH_TYPES))
    elif not target.startswith("/") and (target or kind != "ImplementationSpecific"):
        errors.append(invalid(where, target, "must be an absolute path"))
    if kind in ("Exact", "Prefix"):
        errors.extend(
            invalid(where, target, f"must not contain '{bad}'") for bad in _BAD_SEQUENCES if bad in target
        )
        errors.extend(
            invalid(where, target, f"cannot end with '{bad}'") for bad in _BAD_ENDS if target.endswith(bad)
        )
    return errors + _backend(one.get("backend") or {}, path.child("backend"))


def _backend(backend: Object, path: FieldPath) -> list[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _reference(resource, path.child("resource"))
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    name, where = service.get("name") or "", path.child("service", "name")
    errors = [invalid(where, name, why) for why in is_dns1123_label(name)] if name else [required(where)]
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


def _reference(reference: Object, path: FieldPath) -> list[FieldError]:
    """An object of any kind: of a custom one, say."""
    group = reference.get("apiGroup")
    errors: list[FieldError] = []
    if group is not None:
        errors.extend(invalid(path.child("apiGroup"), group, why) for why in is_dns1123_subdomain(group))
    for field in ("kind", "name"):
        text = reference.get(field) or ""
        if not text:
            errors.append(required(path.child(field)))
        errors.extend(invalid(path.child(field), text, why) for why in is_path_segment(text))
    return errors


def _tls(entry: Object, path: FieldPath, secrets_as_before: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, host in enumerate(entry.get("hosts") or ()):
        errors.extend(_host_errors(host, path.child("hosts").at(position)))
    secret = entry.get("secretName")
    if secret and not secrets_as_before:
        errors.extend(invalid(path.child("secretName"), secret, why) for why in is_dns1123_subdomain(secret))
    return errors


def ingress_class(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    controller, where = spec.get("controller") or "", SPEC.child("controller")
    errors: list[FieldError] = []
    if len(controller) > _LONGEST_CONTROLLER:
        errors.append(too_long(where, _LONGEST_CONTROLLER))
    errors.extend(is_domain_prefixed_path(where, controller))
    if spec.get("parameters") is not None:
        errors.extend(_parameters(spec["parameters"], SPEC.child("parameters")))
    return errors


def _parameters(parameters: Object, path: FieldPath) -> list[FieldError]:
    errors = _reference(parameters, path)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    where = path.child("namespace")
    if scope is None:
        errors.append(required(path.child("scope")))
    elif scope not in ("Cluster", "Namespace"):
        errors.append(not_supported(path.child("scope"), scope, ("Cluster", "Namespace")))
    elif scope == "Cluster" and namespace is not None:
        errors.append(forbidden(where, "`parameters.scope` is set to 'Cluster'"))
    elif scope == "Namespace" and namespace is None:
        errors.append(required(where, "`parameters.scope` is set to 'Namespace'"))
    elif scope == "Namespace":
        errors.extend(invalid(where, namespace, why) for why in is_dns1123_label(namespace or ""))
    return errors


def update_ingress_class(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return immutable((new.get("spec") or {}), (old.get("spec") or {}), "controller", SPEC) + ingress_class(
        new
    )
