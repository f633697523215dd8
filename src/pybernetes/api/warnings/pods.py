"""Pods and pod templates: what is out of use, what hides or doubles something else, what selects nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from pybernetes.api.fields import ROOT, FieldPath, go_quote
from pybernetes.api.names import is_dns1123_label
from pybernetes.api.validation.pods import REMEMBERED_SIZE, comparable
from pybernetes.api.warnings.addresses import address
from pybernetes.api.warnings.nodes import old_label, selector_term
from pybernetes.api.warnings.volumes import fractional, pod_volumes

Object = dict[str, Any]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_BYTES = ("memory", "ephemeral-storage")
_NULL_SELECTOR = "a null labelSelector results in matching no pod"
_OLD_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF = "container.seccomp.security.alpha.kubernetes.io/"
_APPARMOR_OF = "container.apparmor.security.beta.kubernetes.io/"
_USE_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_USE_APPARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'


def pod(new: Object, old: Object | None) -> list[str]:
    """Of new pods only: changes are made by programs, and often."""
    if old is not None:
        return []
    wrong = is_dns1123_label(new["metadata"].get("name") or "")
    found = []
    if wrong:
        found.append(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label "
            f"is recommended: [{' '.join(wrong)}]"
        )
    spec, annotations = new.get("spec") or {}, new["metadata"].get("annotations") or {}
    if not any(".alpha.kubernetes.io/" in key or ".beta.kubernetes.io/" in key for key in annotations):
        annotations = {}
    encoded = comparable(spec)
    if annotations or len(encoded) > REMEMBERED_SIZE:
        return found + of_spec(spec, annotations, ROOT)
    return [*found, *_of_encoded(encoded)]


@lru_cache(maxsize=256)
def _of_encoded(encoded: bytes) -> tuple[str, ...]:
    """Pods come by the hundred from one template: the same spec is looked at once."""
    return tuple(of_spec(msgspec.json.decode(encoded), {}, ROOT))


def of_spec(spec: Object, annotations: dict[str, str], path: FieldPath) -> list[str]:
    """`path` is that of the template, ROOT for a pod."""
    at = path.child("spec")
    found = _placement(spec, at)
    if annotations:
        where = path.child("metadata", "annotations")
        found += [f"{where.key(key)}: {why}" for key, why in _OLD_ANNOTATIONS.items() if key in annotations]
    if spec.get("volumes"):
        found += pod_volumes(spec["volumes"], at.child("volumes"))
    found += _repeats(spec, at)
    found += fractional(spec.get("overhead") or {}, _BYTES, at.child("overhead"))
    if annotations:
        found += _profiles(spec, annotations, path)
    found += _containers(spec, at)
    found += _ports(spec, at)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        where = at.child("terminationGracePeriodSeconds")
        found.append(f"{where}: must be >= 0; negative values are invalid and will be treated as 1")
    if spec.get("affinity"):
        found += _pod_terms(spec["affinity"], at.child("affinity"))
    for position, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        found += address(at.child("dnsConfig", "nameservers").at(position), server)
    for position, alias in enumerate(spec.get("hostAliases") or ()):
        found += address(at.child("hostAliases").at(position).child("ip"), alias.get("ip") or "")
    return found


def _placement(spec: Object, path: FieldPath) -> list[str]:
    found: list[str] = []
    for key in spec.get("nodeSelector") or ():
        text = old_label(key)
        if text:
            found.append(f"{path.child('nodeSelector').key(key)}: {text}")
    nodes = (spec.get("affinity") or {}).get("nodeAffinity")
    if nodes:
        where = path.child("affinity", "nodeAffinity")
        terms = (nodes.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()
        for position, term in enumerate(terms):
            found += selector_term(term, where.child(_REQUIRED, "nodeSelectorTerms").at(position))
        for position, term in enumerate(nodes.get(_PREFERRED) or ()):
            place = where.child(_PREFERRED).at(position).child("preference")
            found += selector_term(term.get("preference") or {}, place, values=True)
    for position, spread in enumerate(spec.get("topologySpreadConstraints") or ()):
        where = path.child("topologySpreadConstraints").at(position)
        key = spread.get("topologyKey") or ""
        text = old_label(key)
        if text:
            found.append(f"{where.child('topologyKey')}: {key} is {text}")
        if spread.get("labelSelector") is None:
            found.append(f"{where.child('labelSelector')}: {_NULL_SELECTOR}")
    return found


def _repeats(spec: Object, path: FieldPath) -> list[str]:
    found: list[str] = []
    for field, key in (("hostAliases", "ip"), ("imagePullSecrets", "name")):
        seen: set[str] = set()
        for position, item in enumerate(spec.get(field) or ()):
            value = item.get(key) or ""
            if value in seen:
                found.append(
                    f"{path.child(field).at(position).child(key)}: duplicate {key} {go_quote(value)}"
                )
            seen.add(value)
    found += [
        f'{path.child("imagePullSecrets").at(position).child("name")}: invalid empty name ""'
        for position, item in enumerate(spec.get("imagePullSecrets") or ())
        if not item.get("name")
    ]
    return found


def _profiles(spec: Object, annotations: dict[str, str], path: FieldPath) -> list[str]:
    where = path.child("metadata", "annotations")
    security = spec.get("securityContext") or {}
    found: list[str] = []
    if _SECCOMP in annotations and not security.get("seccompProfile"):
        found.append(f"{where.key(_SECCOMP)}: {_USE_SECCOMP}")
    for container, _ in _all(spec, path.child("spec")):
        own = container.get("securityContext") or {}
        key = _SECCOMP_OF + (container.get("name") or "")
        if key in annotations and not own.get("seccompProfile"):
            found.append(f"{where.key(key)}: {_USE_SECCOMP}")
        key = _APPARMOR_OF + (container.get("name") or "")
        if key in annotations and not own.get("appArmorProfile") and not security.get("appArmorProfile"):
            found.append(f"{where.key(key)}: {_USE_APPARMOR}")
    return found


def _all(spec: Object, path: FieldPath) -> Iterator[tuple[Object, FieldPath]]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for position, container in enumerate(spec.get(field) or ()):
            yield container, path.child(field).at(position)


def _containers(spec: Object, path: FieldPath) -> list[str]:
    found: list[str] = []
    for container, where in _all(spec, path):
        resources = container.get("resources")
        if resources:
            for name in _BYTES:
                for field in ("limits", "requests"):
                    amounts = resources.get(field) or {}
                    found += fractional(amounts, (name,), where.child("resources", field))
        variables = container.get("env")
        if variables and len(variables) > 1:
            found += _hidden(variables, where.child("env"))
    return found


def _hidden(variables: list[Object], path: FieldPath) -> list[str]:
    """Variables that are set again, unless they add to what they were before."""
    found: list[str] = []
    seen: set[str] = set()
    for position, variable in enumerate(variables):
        name, value = variable.get("name") or "", variable.get("value") or ""
        if name not in seen:
            seen.add(name)
            continue
        before = f"$({name})"
        if variable.get("valueFrom") is not None or value == before or before not in value:
            found.append(
                f"{path.at(position)}: hides previous definition of {go_quote(name)}, which may be dropped when "
                "using apply"
            )
    return found


def _ports(spec: Object, path: FieldPath) -> list[str]:
    found: list[str] = []
    names: list[str] = []
    taken: dict[tuple[int, str], list[tuple[FieldPath, Object]]] = {}
    by_name: dict[str, FieldPath] = {}
    for container, of_container in _all(spec, path):
        for position, port in enumerate(container.get("ports") or ()):
            where = of_container.child("ports").at(position)
            if port.get("hostIP") and not port.get("hostPort"):
                found.append(f"{where}: hostIP set without hostPort: {_shown_port(port)}")
            others = taken.setdefault((port.get("containerPort") or 0, port.get("protocol") or ""), [])
            for place, other in others:
                how = _doubled(port, other)
                if how:
                    found.append(f"{where}: {how} port definition with {place}")
            others.append((where, port))
            name = port.get("name")
            if name:
                first = by_name.setdefault(name, where)
                if first is not where:
                    names.append(
                        f"{where}: duplicate port name {go_quote(name)} with {first}, services and probes that "
                        f"select ports by name will use {first}"
                    )
    return found + names


def _doubled(port: Object, other: Object) -> str:
    host, number = port.get("hostIP") or "", port.get("hostPort") or 0
    other_host, other_number = other.get("hostIP") or "", other.get("hostPort") or 0
    if host == other_host and number == other_number:
        return "duplicate"
    if not number or not other_number:
        return "overlapping"
    if number == other_number and bool(host) != bool(other_host):
        return "dangerously ambiguous"
    return ""


def _shown_port(port: Object) -> str:
    return (
        f"{{Name:{port.get('name') or ''} HostPort:{port.get('hostPort') or 0} "
        f"ContainerPort:{port.get('containerPort') or 0} Protocol:{port.get('protocol') or ''} "
        f"HostIP:{port.get('hostIP') or ''}}}"
    )


def _pod_terms(affinity: Object, path: FieldPath) -> list[str]:
    found: list[str] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or {}
        for position, term in enumerate(terms.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                where = path.child(kind, _REQUIRED).at(position)
                found.append(f"{where.child('labelSelector')}: {_NULL_SELECTOR}")
        for position, weighted in enumerate(terms.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                where = path.child(kind, _PREFERRED).at(position)
                found.append(f"{where.child('podAffinityTerm', 'labelSelector')}: {_NULL_SELECTOR}")
    return found
