"""Flow schemas and priority levels: which requests wait with whom, and how many run at once."""

from __future__ import annotations

import math
from typing import Any

from pybernetes.api.fields import (
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
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain

Object = dict[str, Any]

_MAX_PRECEDENCE = 10000
_MAX_QUEUES = 10_000_000
_MAX_HASH_BITS = 60
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}


def flow_schema(obj: Object) -> list[FieldError]:
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name") or ""
    errors: list[FieldError] = []
    precedence, where = spec.get("matchingPrecedence") or 0, SPEC.child("matchingPrecedence")
    if precedence <= 0:
        errors.append(invalid(where, precedence, "must be a positive value"))
    if precedence > _MAX_PRECEDENCE:
        errors.append(invalid(where, precedence, f"must not be greater than {_MAX_PRECEDENCE}"))
    if precedence == 1 and name != "exempt":
        why = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(invalid(where, precedence, why))
    method = spec.get("distinguisherMethod")
    if method is not None:
        path = SPEC.child("distinguisherMethod", "type")
        kind, known = method.get("type") or "", ("ByNamespace", "ByUser")
        if kind not in known:
            errors.append(not_supported(path, Inside(Type=kind), known))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    path = SPEC.child("priorityLevelConfiguration", "name")
    if level:
        errors.extend(invalid(path, level, why) for why in is_dns1123_subdomain(level))
    else:
        errors.append(required(path, "must reference a priority level"))
    for position, rule in enumerate(spec.get("rules") or ()):
        errors.extend(_rule(rule, SPEC.child("rules").at(position)))
    return errors + _conditions(obj)


def _rule(rule: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if not rule.get("subjects"):
        errors.append(required(path.child("subjects"), "subjects must contain at least one value"))
    for position, subject in enumerate(rule.get("subjects") or ()):
        errors.extend(_subject(subject, path.child("subjects").at(position)))
    resources, paths = rule.get("resourceRules") or [], rule.get("nonResourceRules") or []
    if not resources and not paths:
        why = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(required(path, why))
    for position, one in enumerate(resources):
        errors.extend(_resource_rule(one, path.child("resourceRules").at(position)))
    for position, one in enumerate(paths):
        errors.extend(_path_rule(one, path.child("nonResourceRules").at(position)))
    return errors


def _subject(subject: Object, path: FieldPath) -> list[FieldError]:
    kind = subject.get("kind") or ""
    if kind not in _SUBJECTS:
        return [not_supported(path.child("kind"), kind, sorted(_SUBJECTS))]
    field = _SUBJECTS[kind]
    errors = _named(kind, subject.get(field), path.child(field))
    for other, other_field in _SUBJECTS.items():
        if other != kind and subject.get(other_field) is not None:
            why = f"{other_field} is forbidden when subject kind is not '{other}'"
            errors.append(forbidden(path.child(other_field), why))
    return errors


def _named(kind: str, subject: Object | None, path: FieldPath) -> list[FieldError]:
    if subject is None:
        return [required(path, f"{_SUBJECTS[kind]} is required when subject kind is '{kind}'")]
    name = subject.get("name") or ""
    errors = [] if name else [required(path.child("name"))]
    if kind != "ServiceAccount":
        return errors
    if name and name != "*":
        errors.extend(invalid(path.child("name"), name, why) for why in is_dns1123_subdomain(name))
    namespace, where = subject.get("namespace") or "", path.child("namespace")
    if not namespace:
        return [*errors, required(where, "must specify namespace for service account")]
    return errors + [invalid(where, namespace, why) for why in is_dns1123_label(namespace)]


def _verbs(rule: Object, path: FieldPath) -> list[FieldError]:
    verbs, where = rule.get("verbs") or [], path.child("verbs")
    if not verbs:
        return [required(where, "verbs must contain at least one value")]
    if "*" in verbs:
        why = "if '*' is present, must not specify other verbs"
        return [invalid(where, verbs, why)] if len(verbs) > 1 else []
    return [] if set(verbs) <= set(_VERBS) else [not_supported(where, verbs, _VERBS)]


def _alone(values: list[str], path: FieldPath, what: str) -> list[FieldError]:
    """`*` says everything already."""
    if len(values) > 1 and "*" in values:
        return [invalid(path, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resource_rule(rule: Object, path: FieldPath) -> list[FieldError]:
    errors = _verbs(rule, path)
    for field, one, many in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        values, where = rule.get(field) or [], path.child(field)
        if not values:
            errors.append(required(where, f"resource rules must supply at least one {one}"))
        errors.extend(_alone(values, where, many))
    namespaces, where = rule.get("namespaces") or [], path.child("namespaces")
    if not namespaces and not rule.get("clusterScope"):
        why = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*errors, required(where, why)]
    if "*" in namespaces:
        return errors + _alone(namespaces, where, "namespaces")
    lead = "each member of this list must be '*' or a DNS-1123 label; "
    for position, namespace in enumerate(namespaces):
        errors.extend(
            invalid(where.at(position), namespace, lead + why) for why in is_dns1123_label(namespace)
        )
    return errors


def _path_rule(rule: Object, path: FieldPath) -> list[FieldError]:
    errors = _verbs(rule, path)
    urls, where = rule.get("nonResourceURLs") or [], path.child("nonResourceURLs")
    if not urls:
        return [*errors, required(where, "nonResourceURLs must contain at least one value")]
    if "*" in urls:
        return errors + _alone(urls, where, "non-resource URLs")
    for position, url in enumerate(urls):
        why = _url_fault(url)
        if why:
            errors.append(invalid(where.at(position), url, why))
    return errors


def _url_fault(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    stars = url.count("*")
    if stars > 1 or (stars == 1 and not url.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""


def priority_level(obj: Object) -> list[FieldError]:
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name") or ""
    kind, exempt, limited = spec.get("type") or "", spec.get("exempt"), spec.get("limited")
    errors: list[FieldError] = []
    if (name == "exempt") != (kind == "Exempt"):
        why = "must be 'Exempt' if and only if `name` is 'exempt'"
        errors.append(invalid(SPEC.child("type"), kind, why))
    if kind == "Exempt":
        if limited is not None:
            errors.append(forbidden(SPEC.child("limited"), "must be nil if the type is not Limited"))
        errors.extend(_shares(exempt or {}, SPEC.child("exempt")))
        errors.extend(_lent(exempt or {}, SPEC.child("exempt")))
    elif kind == "Limited":
        if exempt is not None:
            errors.append(forbidden(SPEC.child("exempt"), "must be nil if the type is Limited"))
        if limited is None:
            errors.append(required(SPEC.child("limited"), "must not be empty when type is Limited"))
        else:
            errors.extend(_limited(limited, SPEC.child("limited")))
    else:
        errors.append(not_supported(SPEC.child("type"), kind, ("Exempt", "Limited")))
    return errors + _conditions(obj)


def _shares(level: Object, path: FieldPath) -> list[FieldError]:
    shares = level.get("nominalConcurrencyShares")
    if shares is None or shares >= 0:
        return []
    return [invalid(path.child("nominalConcurrencyShares"), shares, "must be a non-negative integer")]


def _lent(level: Object, path: FieldPath) -> list[FieldError]:
    lent = level.get("lendablePercent")
    if lent is None or 0 <= lent <= 100:
        return []
    return [invalid(path.child("lendablePercent"), lent, "must be between 0 and 100, inclusive")]


def _limited(limited: Object, path: FieldPath) -> list[FieldError]:
    errors = _shares(limited, path)
    response, where = limited.get("limitResponse") or {}, path.child("limitResponse")
    kind, queuing = response.get("type") or "", response.get("queuing")
    if kind == "Reject":
        if queuing is not None:
            why = "must be nil if limited.limitResponse.type is not Limited"
            errors.append(forbidden(where.child("queuing"), why))
    elif kind == "Queue":
        if queuing is None:
            why = "must not be empty if limited.limitResponse.type is Limited"
            errors.append(required(where.child("queuing"), why))
        else:
            errors.extend(_queuing(queuing, where.child("queuing")))
    else:
        errors.append(not_supported(where.child("type"), kind, ("Queue", "Reject")))
    errors.extend(_lent(limited, path))
    borrowed = limited.get("borrowingLimitPercent")
    if borrowed is not None and borrowed < 0:
        why = "if specified, must be a non-negative integer"
        errors.append(invalid(path.child("borrowingLimitPercent"), borrowed, why))
    return errors


def _queuing(queuing: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    length, queues = queuing.get("queueLengthLimit") or 0, queuing.get("queues") or 0
    hand = queuing.get("handSize") or 0
    if length <= 0:
        errors.append(invalid(path.child("queueLengthLimit"), length, "must be positive"))
    if queues <= 0:
        errors.append(invalid(path.child("queues"), queues, "must be positive"))
    elif queues > _MAX_QUEUES:
        errors.append(invalid(path.child("queues"), queues, f"must not be greater than {_MAX_QUEUES}"))
    where = path.child("handSize")
    if hand <= 0:
        errors.append(invalid(where, hand, "must be positive"))
    elif hand > queues:
        errors.append(invalid(where, hand, f"should not be greater than queues ({queues})"))
    elif _hash_bits(queues, hand) > _MAX_HASH_BITS:
        why = (
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than "
            f"{_MAX_HASH_BITS}"
        )
        errors.append(invalid(where, hand, why))
    return errors


def _hash_bits(queues: int, hand: int) -> int:
    """Bits that are needed to deal a hand of queues."""
    return math.ceil(math.log2(queues) * hand)


def _conditions(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        kind, path = condition.get("type") or "", STATUS.child("conditions").at(position).child("type")
        if kind in seen:
            errors.append(duplicate(path, kind))
        if not kind:
            errors.append(required(path))
        seen.add(kind)
    return errors


CREATE = {"FlowSchema": flow_schema, "PriorityLevelConfiguration": priority_level}
UPDATE = {
    "FlowSchema": lambda new, old, subresource: flow_schema(new) if not subresource else _conditions(new),
    "PriorityLevelConfiguration": lambda new, old, subresource: (
        priority_level(new) if not subresource else _conditions(new)
    ),
}
