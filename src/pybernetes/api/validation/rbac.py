"""Roles and the bindings to them."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import ROOT, FieldError, FieldPath, invalid, not_supported, required
from pybernetes.api.names import is_dns1123_subdomain, is_path_segment
from pybernetes.api.validation.differences import shown
from pybernetes.api.validation.labels import validate_label_selector

Object = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"


def _rules(obj: Object, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, rule in enumerate(obj.get("rules") or ()):
        errors.extend(_rule(rule, namespaced, ROOT.child("rules").at(position)))
    return errors


def _rule(rule: Object, namespaced: bool, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if not rule.get("verbs"):
        errors.append(required(path.child("verbs"), "verbs must contain at least one value"))
    urls, groups, resources = rule.get("nonResourceURLs"), rule.get("apiGroups"), rule.get("resources")
    if urls:
        where = path.child("nonResourceURLs")
        if namespaced:
            errors.append(invalid(where, urls, "namespaced rules cannot apply to non-resource URLs"))
        if groups or resources or rule.get("resourceNames"):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(where, urls, why))
        return errors
    if not groups:
        errors.append(required(path.child("apiGroups"), "resource rules must supply at least one api group"))
    if not resources:
        errors.append(required(path.child("resources"), "resource rules must supply at least one resource"))
    return errors


def _role(obj: Object) -> list[FieldError]:
    return _rules(obj, namespaced=True)


def _cluster_role(obj: Object) -> list[FieldError]:
    errors = _rules(obj, namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is not None:
        where = ROOT.child("aggregationRule", "clusterRoleSelectors")
        selectors = aggregation.get("clusterRoleSelectors") or []
        if not selectors:
            why = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            errors.append(required(where, why))
        for position, selector in enumerate(selectors):
            wrong = validate_label_selector(selector, where.at(position))
            if wrong:
                wrong.append(invalid(where.at(position), None, "invalid label selector."))
            errors.extend(wrong)
    return errors


def _binding(obj: Object, kinds: tuple[str, ...]) -> list[FieldError]:
    errors: list[FieldError] = []
    reference = obj.get("roleRef") or {}
    path = ROOT.child("roleRef")
    if reference.get("apiGroup") != GROUP:
        errors.append(not_supported(path.child("apiGroup"), reference.get("apiGroup") or "", (GROUP,)))
    if reference.get("kind") not in kinds:
        errors.append(not_supported(path.child("kind"), reference.get("kind") or "", kinds))
    name = reference.get("name") or ""
    if not name:
        errors.append(required(path.child("name")))
    else:
        errors.extend(invalid(path.child("name"), name, why) for why in is_path_segment(name))
    for position, subject in enumerate(obj.get("subjects") or ()):
        errors.extend(_subject(subject, "Role" in kinds, ROOT.child("subjects").at(position)))
    return errors


def _subject(subject: Object, namespaced: bool, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    name, kind, group = subject.get("name") or "", subject.get("kind") or "", subject.get("apiGroup") or ""
    if not name:
        errors.append(required(path.child("name")))
    if kind == "ServiceAccount":
        if name:
            errors.extend(invalid(path.child("name"), name, why) for why in is_dns1123_subdomain(name))
        if group:
            errors.append(not_supported(path.child("apiGroup"), group, ("",)))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(path.child("namespace")))
    elif kind in ("User", "Group"):
        if group != GROUP:
            errors.append(not_supported(path.child("apiGroup"), group, (GROUP,)))
    else:
        errors.append(not_supported(path.child("kind"), kind, ("ServiceAccount", "User", "Group")))
    return errors


def _role_binding(obj: Object) -> list[FieldError]:
    return _binding(obj, ("Role", "ClusterRole"))


def _cluster_role_binding(obj: Object) -> list[FieldError]:
    return _binding(obj, ("ClusterRole",))


def _unchanged(new: Object, old: Object) -> list[FieldError]:
    if new.get("roleRef") != old.get("roleRef"):
        value = shown(new.get("roleRef"), "RoleRef")
        return [invalid(ROOT.child("roleRef"), value, "cannot change roleRef")]
    return []


CREATE = {
    "ClusterRole": _cluster_role,
    "ClusterRoleBinding": _cluster_role_binding,
    "Role": _role,
    "RoleBinding": _role_binding,
}

UPDATE = {
    "ClusterRole": lambda new, old, subresource: _cluster_role(new),
    "ClusterRoleBinding": lambda new, old, subresource: _cluster_role_binding(new) + _unchanged(new, old),
    "Role": lambda new, old, subresource: _role(new),
    "RoleBinding": lambda new, old, subresource: _role_binding(new) + _unchanged(new, old),
}
