"""The roles and bindings that every cluster starts with; housekeeping creates and repairs them.

`bootstrap_objects()` gives (Kind, object) pairs. An object carries the annotation
`rbac.authorization.kubernetes.io/autoupdate: "true"`: at each start, rules and subjects that are missing
are added to it, nothing is taken away (`reconciled`). A user who sets the annotation to "false" keeps
an object as it is. Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pybernetes.api.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Kind
from pybernetes.apiserver.auth.policy.component_roles import COMPONENT_ROLES
from pybernetes.apiserver.auth.policy.controller_roles import CONTROLLER_ROLES
from pybernetes.apiserver.auth.policy.namespaced_roles import NAMESPACED_BINDINGS, NAMESPACED_ROLES
from pybernetes.apiserver.auth.policy.rules import Rule
from pybernetes.apiserver.auth.policy.user_roles import USER_ROLES

Object = dict[str, Any]

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
BOOTSTRAPPING = {"kubernetes.io/bootstrapping": "rbac-defaults"}
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
RBAC = "rbac.authorization.k8s.io"

CONTROLLERS_ROLE = "pybernetes:controllers"
"""Upstream's controllers act as one service account each; ours share one identity, which has the union."""

# ClusterRoleBinding -> (ClusterRole, subjects)
CLUSTER_BINDINGS: dict[str, tuple[str, list[str]]] = {
    "cluster-admin": ("cluster-admin", ["group:system:masters"]),
    "kubeadm:cluster-admins": ("cluster-admin", ["group:kubeadm:cluster-admins"]),
    "system:basic-user": ("system:basic-user", ["group:system:authenticated"]),
    "system:discovery": ("system:discovery", ["group:system:authenticated"]),
    "system:kube-controller-manager": (
        "system:kube-controller-manager",
        ["user:system:kube-controller-manager"],
    ),
    CONTROLLERS_ROLE: (CONTROLLERS_ROLE, ["user:system:kube-controller-manager"]),
    # Our controllers approve kubelets' serving certificates too; upstream leaves that to an administrator.
    "pybernetes:kubelet-serving-approver": (
        "system:certificates.k8s.io:kubelet-serving-approver",
        ["user:system:kube-controller-manager"],
    ),
    "system:kube-dns": ("system:kube-dns", ["serviceaccount:kube-dns"]),
    "system:kube-scheduler": ("system:kube-scheduler", ["user:system:kube-scheduler"]),
    "system:volume-scheduler": ("system:volume-scheduler", ["user:system:kube-scheduler"]),
    "system:monitoring": ("system:monitoring", ["group:system:monitoring"]),
    "system:node": ("system:node", []),
    # Every node runs its own service proxy.
    "system:node-proxier": ("system:node-proxier", ["user:system:kube-proxy", "group:system:nodes"]),
    # Every node enforces network policies, which name pods anywhere in the cluster by their labels.
    "pybernetes:network-policy": ("pybernetes:network-policy", ["group:system:nodes"]),
    "system:public-info-viewer": (
        "system:public-info-viewer",
        ["group:system:authenticated", "group:system:unauthenticated"],
    ),
    "system:service-account-issuer-discovery": (
        "system:service-account-issuer-discovery",
        ["group:system:serviceaccounts"],
    ),
    # What kubeadm adds so that nodes can join with a bootstrap token and renew their certificates.
    "kubeadm:kubelet-bootstrap": (
        "system:node-bootstrapper",
        ["group:system:bootstrappers:kubeadm:default-node-token"],
    ),
    "kubeadm:node-autoapprove-bootstrap": (
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        ["group:system:bootstrappers:kubeadm:default-node-token"],
    ),
    "kubeadm:node-autoapprove-certificate-rotation": (
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        ["group:system:nodes"],
    ),
}


def _object(
    kind: Kind, name: str, namespace: str | None = None, labels: dict[str, str] | None = None
) -> Object:
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = {**BOOTSTRAPPING, **(labels or {})}
    metadata["annotations"] = {AUTOUPDATE: "true"}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def _subject(text: str) -> Object:
    kind, _, name = text.partition(":")
    if kind == "serviceaccount":
        return {"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}
    return {"apiGroup": RBAC, "kind": kind.capitalize(), "name": name}


def _cluster_role(name: str, rules: list[Rule]) -> Object:
    labels: dict[str, str] = {}
    _, marker, target = name.partition("system:aggregate-to-")
    if marker:
        labels[AGGREGATE + target] = "true"
    return {**_object(CLUSTER_ROLES, name, labels=labels), "rules": rules}


def _aggregated_role(name: str, into: str = "") -> Object:
    role = _object(CLUSTER_ROLES, name, labels={AGGREGATE + into: "true"} if into else None)
    role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {AGGREGATE + name: "true"}}]}
    role["rules"] = []
    return role


def _binding(
    kind: Kind, name: str, role_kind: str, role: str, subjects: list[str], ns: str | None = None
) -> Object:
    binding = _object(kind, name, ns)
    binding["roleRef"] = {"apiGroup": RBAC, "kind": role_kind, "name": role}
    if subjects:
        binding["subjects"] = [_subject(subject) for subject in subjects]
    return binding


def bootstrap_objects() -> Iterator[tuple[Kind, Object]]:
    """Roles first, then the bindings that name them."""
    for roles in (USER_ROLES, COMPONENT_ROLES, CONTROLLER_ROLES):
        for name, rules in roles.items():
            yield CLUSTER_ROLES, _cluster_role(name, rules)
    yield CLUSTER_ROLES, _aggregated_role("admin")
    yield CLUSTER_ROLES, _aggregated_role("edit", into="admin")
    yield CLUSTER_ROLES, _aggregated_role("view", into="edit")
    union = [rule for rules in CONTROLLER_ROLES.values() for rule in rules]
    unique = [rule for index, rule in enumerate(union) if rule not in union[:index]]
    yield CLUSTER_ROLES, _cluster_role(CONTROLLERS_ROLE, unique)
    for (namespace, name), rules in NAMESPACED_ROLES.items():
        yield ROLES, {**_object(ROLES, name, namespace), "rules": rules}
    for name, (role, subjects) in CLUSTER_BINDINGS.items():
        yield CLUSTER_ROLE_BINDINGS, _binding(CLUSTER_ROLE_BINDINGS, name, "ClusterRole", role, subjects)
    for role in CONTROLLER_ROLES:
        account = "serviceaccount:" + role.removeprefix("system:controller:")
        yield CLUSTER_ROLE_BINDINGS, _binding(CLUSTER_ROLE_BINDINGS, role, "ClusterRole", role, [account])
    for (namespace, name), (role, subjects) in NAMESPACED_BINDINGS.items():
        yield ROLE_BINDINGS, _binding(ROLE_BINDINGS, name, "Role", role, subjects, namespace)


def reconciled(found: Object, wanted: Object) -> Object | None:
    """`found` with what `wanted` has and it lacks; None when nothing is missing or the user said hands off.

    An aggregated role's rules belong to the aggregation, so they are left alone.
    """
    metadata = found["metadata"]
    annotations = metadata.get("annotations") or {}
    if annotations.get(AUTOUPDATE) == "false":
        return None
    result = dict(found)
    missing_labels = {
        key: value
        for key, value in wanted["metadata"]["labels"].items()
        if (metadata.get("labels") or {}).get(key) != value
    }
    if missing_labels or AUTOUPDATE not in annotations:
        result["metadata"] = {
            **metadata,
            "labels": {**(metadata.get("labels") or {}), **missing_labels},
            "annotations": {AUTOUPDATE: "true", **annotations},
        }
    part = "subjects" if "roleRef" in wanted else "rules"
    if "aggregationRule" not in wanted:
        have = found.get(part) or []
        missing = [item for item in wanted.get(part, []) if item not in have]
        if missing:
            result[part] = [*have, *missing]
    return result if result != found else None
