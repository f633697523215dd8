"""Roles inside kube-system and kube-public that come with a cluster, and who has them."""

from __future__ import annotations

from pybernetes.apiserver.auth.policy.rules import EVENTS, READ, Rule, rule

_LEADER = [
    rule("create get list update watch", "coordination.k8s.io", "leases"),
    rule("create get list update watch", "coordination.k8s.io", "leasecandidates"),
]

NAMESPACED_ROLES: dict[tuple[str, str], list[Rule]] = {
    ("kube-public", "system:controller:bootstrap-signer"): [
        rule(READ, "core", "configmaps"),
        rule("update", "core", "configmaps", names="cluster-info"),
        EVENTS,
    ],
    ("kube-system", "extension-apiserver-authentication-reader"): [
        rule(READ, "core", "configmaps", names="extension-apiserver-authentication"),
    ],
    ("kube-system", "system::leader-locking-kube-controller-manager"): _LEADER,
    ("kube-system", "system::leader-locking-kube-scheduler"): _LEADER,
    ("kube-system", "system:controller:bootstrap-signer"): [rule(READ, "core", "secrets")],
    ("kube-system", "system:controller:cloud-provider"): [
        rule("create get list watch", "core", "configmaps")
    ],
    ("kube-system", "system:controller:token-cleaner"): [
        rule("delete get list watch", "core", "secrets"),
        EVENTS,
    ],
}

# (namespace, binding) -> (role, subjects); a subject is "user:NAME" or "serviceaccount:NAME" of kube-system
NAMESPACED_BINDINGS: dict[tuple[str, str], tuple[str, list[str]]] = {
    ("kube-public", "system:controller:bootstrap-signer"): (
        "system:controller:bootstrap-signer",
        ["serviceaccount:bootstrap-signer"],
    ),
    ("kube-system", "system::extension-apiserver-authentication-reader"): (
        "extension-apiserver-authentication-reader",
        ["user:system:kube-controller-manager", "user:system:kube-scheduler"],
    ),
    ("kube-system", "system::leader-locking-kube-controller-manager"): (
        "system::leader-locking-kube-controller-manager",
        ["user:system:kube-controller-manager", "serviceaccount:kube-controller-manager"],
    ),
    ("kube-system", "system::leader-locking-kube-scheduler"): (
        "system::leader-locking-kube-scheduler",
        ["user:system:kube-scheduler", "serviceaccount:kube-scheduler"],
    ),
    ("kube-system", "system:controller:bootstrap-signer"): (
        "system:controller:bootstrap-signer",
        ["serviceaccount:bootstrap-signer"],
    ),
    ("kube-system", "system:controller:cloud-provider"): (
        "system:controller:cloud-provider",
        ["serviceaccount:cloud-provider"],
    ),
    ("kube-system", "system:controller:token-cleaner"): (
        "system:controller:token-cleaner",
        ["serviceaccount:token-cleaner"],
    ),
}
