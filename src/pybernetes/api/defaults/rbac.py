"""Defaults of RBAC bindings and roles: the API group of roles and subjects."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"


def _binding(binding: Object) -> None:
    reference = binding.setdefault("roleRef", {})
    if not reference.get("apiGroup"):
        reference["apiGroup"] = GROUP
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = GROUP


def _role(role: Object) -> None:
    """Always written, if only as null."""
    role.setdefault("rules", None)


DEFAULTS = {
    "ClusterRole": _role,
    "ClusterRoleBinding": _binding,
    "Role": _role,
    "RoleBinding": _binding,
}
