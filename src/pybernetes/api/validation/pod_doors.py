"""Pods through their subresources: what status, resize and ephemeralcontainers may change."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    IMMUTABLE,
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    Inside,
    forbidden,
    go_quote,
    invalid,
    required,
)
from pybernetes.api.names import is_dns1123_subdomain, is_ip, is_qualified_name
from pybernetes.api.validation.differences import difference
from pybernetes.api.validation.podspec import validate_pod_spec

Object = dict[str, Any]

_SYSTEM_CONDITIONS = frozenset(("PodScheduled", "Ready", "Initialized"))
_RESIZABLE = ("cpu", "memory")
_ONLY = "only cpu and memory resources are mutable"
_ENDED = "may not be transitioned to non-terminated state"
_PAIR = 2


def ephemeral_containers(new: Object, old: Object) -> list[FieldError]:
    """More of them may come; those that there are stay as they are."""
    spec, where = new.get("spec") or {}, SPEC.child("ephemeralContainers")
    errors = validate_pod_spec(spec, SPEC, (new.get("metadata") or {}).get("name") or "")
    wanted = {one.get("name"): one for one in spec.get("ephemeralContainers") or ()}
    for container in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = container.get("name") or ""
        after = wanted.get(name)
        which = f"existing ephemeral containers {go_quote(name)}"
        if after is None:
            errors.append(forbidden(where, f"{which} may not be removed\n"))
        elif after != container:
            shown = difference("EphemeralContainer", container, after)
            errors.append(forbidden(where, f"{which} may not be changed\n{shown}"))
    return errors


def resize(new: Object, old: Object) -> list[FieldError]:
    """Only cpu and memory of containers, and of the pod, may change."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = validate_pod_spec(spec, SPEC, (new.get("metadata") or {}).get("name") or "")
    moved = _order(spec, before)
    if moved:
        return errors + moved
    wanted = dict(spec)
    for field in ("initContainers", "containers"):
        pairs = list(zip(spec.get(field) or (), before.get(field) or (), strict=True))
        for position, (one, other) in enumerate(pairs):
            where = SPEC.child(field).at(position).child("resources")
            errors += _removed(one.get("resources") or {}, other.get("resources") or {}, where)
        wanted[field] = [_without_resize(one, other) for one, other in pairs]
        if not pairs:
            del wanted[field]
        for one, (_, other) in zip(wanted.get(field) or (), pairs, strict=True):
            if one != other:
                errors.append(forbidden(SPEC, _ONLY))
    if spec.get("resources") or before.get("resources"):
        wanted["resources"] = _without_resize(spec, before)["resources"]
    if not errors and wanted != before and {**wanted, "resources": None} != {**before, "resources": None}:
        errors.append(forbidden(SPEC, _ONLY))
    return errors


def _order(spec: Object, before: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("containers", "initContainers"):
        names, had = ([one.get("name") for one in holder.get(field) or ()] for holder in (spec, before))
        where = SPEC.child(field)
        if len(names) != len(had):
            errors.append(forbidden(where, f"{field} may not be added or removed on resize"))
            continue
        why = f"{field} may not be renamed or reordered on resize"
        errors += [
            forbidden(where.at(position).child("name"), why)
            for position, (name, other) in enumerate(zip(names, had, strict=True))
            if name != other
        ]
    return errors


def _removed(resources: Object, before: Object, path: FieldPath) -> list[FieldError]:
    return [
        forbidden(path.child(field), f"resource {field} cannot be removed")
        for field in ("requests", "limits")
        if set(before.get(field) or ()) - set(resources.get(field) or ())
    ]


def _without_resize(holder: Object, before: Object) -> Object:
    """The holder of `resources` with cpu and memory as they were."""
    resources, had = holder.get("resources") or {}, before.get("resources") or {}
    kept = {field: value for field, value in resources.items() if field not in ("requests", "limits")}
    for field in ("limits", "requests"):
        amounts = {k: v for k, v in (resources.get(field) or {}).items() if k not in _RESIZABLE}
        amounts |= {k: v for k, v in (had.get(field) or {}).items() if k in _RESIZABLE}
        if amounts:
            kept[field] = amounts
    return {**holder, "resources": kept}


def status(new: Object, old: Object) -> list[FieldError]:
    after, before = new.get("status") or {}, old.get("status") or {}
    errors: list[FieldError] = []
    for position, condition in enumerate(after.get("conditions") or ()):
        kind = condition.get("type") or ""
        where = STATUS.child("conditions").at(position)
        if (condition.get("observedGeneration") or 0) < 0:
            why = "must be a non-negative integer"
            errors.append(invalid(where.child("observedGeneration"), condition["observedGeneration"], why))
        if kind not in _SYSTEM_CONDITIONS:
            errors += [invalid(where.child("Type"), kind, why) for why in is_qualified_name(kind)]
    nominated = after.get("nominatedNodeName")
    if nominated and nominated != before.get("nominatedNodeName"):
        where = STATUS.child("nominatedNodeName")
        errors += [invalid(where, nominated, why) for why in is_dns1123_subdomain(nominated)]
        if (old.get("spec") or {}).get("nodeName"):
            errors.append(forbidden(where, "may not be set on pods that are already bound to a node"))
    if (after.get("observedGeneration") or 0) < 0:
        why = "must be a non-negative integer"
        errors.append(invalid(STATUS.child("observedGeneration"), after["observedGeneration"], why))
    if before.get("qosClass") and after.get("qosClass") != before["qosClass"]:
        errors.append(invalid(STATUS.child("qosClass"), after.get("qosClass") or "", IMMUTABLE))
    errors += _ended(after, before, "ephemeralContainerStatuses")
    if after.get("extendedResourceClaimStatus") is not None:
        errors += _extended(after["extendedResourceClaimStatus"], STATUS.child("extendedResourceClaimStatus"))
    errors += _addresses(after, before, "podIPs")
    hosts = after.get("hostIPs")
    if hosts and hosts != before.get("hostIPs"):
        first = hosts[0].get("ip") or ""
        if (after.get("hostIP") or "") != first:
            where = STATUS.child("hostIPs").at(0).child("ip")
            errors.append(invalid(where, first, "must be equal to `hostIP`"))
        errors += _addresses(after, before, "hostIPs")
    return errors


def _ended(after: Object, before: Object, field: str) -> list[FieldError]:
    """What has ended never runs again."""
    errors: list[FieldError] = []
    for position, was in enumerate(before.get(field) or ()):
        if not (was.get("state") or {}).get("terminated"):
            continue
        errors += [
            forbidden(STATUS.child(field).at(position).child("state"), _ENDED)
            for one in after.get(field) or ()
            if one.get("name") == was.get("name") and not (one.get("state") or {}).get("terminated")
        ]
    return errors


def _extended(claim: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if not claim.get("requestMappings"):
        errors.append(required(path.child("requestMappings"), "at least one request mapping is required"))
    name, where = claim.get("resourceClaimName") or "", path.child("resourceClaimName")
    if not name:
        return [*errors, required(where)]
    return errors + [invalid(where, name, why) for why in is_dns1123_subdomain(name)]


def _addresses(after: Object, before: Object, field: str) -> list[FieldError]:
    """One of each family, at most."""
    entries = after.get(field) or []
    if entries == (before.get(field) or []):
        return []
    texts = [entry.get("ip") or "" for entry in entries]
    where = STATUS.child(field)
    errors = [error for at, text in enumerate(texts) for error in is_ip(where.at(at), text)]
    families = {":" in text for text in texts}
    if len(texts) > 1 and not (len(texts) == len(families) == _PAIR):
        shown = [Inside(IP=text) for text in texts]
        errors.append(invalid(where, shown, "may specify no more than one IP for each IP family"))
    return errors
