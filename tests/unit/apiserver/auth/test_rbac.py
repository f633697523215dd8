"""RBAC on values: who may do what, and the words of a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.authorizers import Authorizers, Masters, denial
from pybernetes.apiserver.auth.policy import AUTOUPDATE, bootstrap_objects, reconciled
from pybernetes.apiserver.auth.policy.rules import rule
from pybernetes.apiserver.auth.rbac import RBAC, allows, covers
from pybernetes.apiserver.auth.user import AUTHENTICATED, MASTERS, User, service_account


class Roles:
    """A RoleSource over a list of objects."""

    def __init__(self, objects: list[dict[str, Any]]) -> None:
        self.objects = objects
        self.version = 1

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [obj for obj in self.objects if obj["kind"] == kind]

    def cluster_roles(self) -> list[dict[str, Any]]:
        return self._of("ClusterRole")

    def cluster_role_bindings(self) -> list[dict[str, Any]]:
        return self._of("ClusterRoleBinding")

    def roles(self) -> list[dict[str, Any]]:
        return self._of("Role")

    def role_bindings(self) -> list[dict[str, Any]]:
        return self._of("RoleBinding")


def role_binding(namespace: str, role: str, subject: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": "RoleBinding",
        "metadata": {"namespace": namespace, "name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


BOOTSTRAP = [obj for _, obj in bootstrap_objects()]
READER = {
    "kind": "ClusterRole",
    "metadata": {"name": "reader"},
    "rules": [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]}],
}


@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [
        (rule("*", "*", "*"), Attributes("get", "apps", "v1", "deployments"), True),
        (rule("get", "core", "pods"), Attributes("get", "", "v1", "pods"), True),
        (rule("get", "core", "pods"), Attributes("get", "", "v1", "pods", "log"), False),
        (rule("get", "*", "*/scale"), Attributes("get", "apps", "v1", "x", "scale"), True),
        (rule("get", "core", "pods", "a"), Attributes("get", "", "v1", "pods", name="b"), False),
        (
            {"verbs": ["get"], "nonResourceURLs": ["/healthz/*"]},
            Attributes("get", path="/healthz/ping"),
            True,
        ),
        ({"verbs": ["get"], "nonResourceURLs": ["/healthz"]}, Attributes("get", path="/healthz/ping"), False),
        ({"verbs": ["get"], "nonResourceURLs": ["*"]}, Attributes("get", "", "v1", "pods"), False),
    ],
)
def test_rule_matches(given: dict[str, Any], asked: Attributes, expected: bool) -> None:
    assert allows(given, asked) is expected


async def test_role_binding_grants_in_its_namespace_only() -> None:
    rbac = RBAC(Roles([READER, role_binding("dev", "reader", {"kind": "User", "name": "ann"})]))
    ann = User("ann", groups=(AUTHENTICATED,))
    assert await rbac.authorize(ann, Attributes("list", "", "v1", "pods", namespace="dev")) == (
        True,
        'RBAC: allowed by RoleBinding "b/dev" of ClusterRole "reader" to User "ann"',
    )
    assert await rbac.authorize(ann, Attributes("list", "", "v1", "pods", namespace="prod")) == (False, "")
    assert await rbac.authorize(ann, Attributes("list", "", "v1", "pods")) == (False, "")


async def test_service_account_subject_is_its_user_name() -> None:
    subject = {"kind": "ServiceAccount", "name": "bot", "namespace": "ci"}
    rbac = RBAC(Roles([READER, role_binding("dev", "reader", subject)]))
    asked = Attributes("get", "", "v1", "pods", "log", "dev", "web")
    assert (await rbac.authorize(service_account("ci", "bot"), asked))[0]
    assert not (await rbac.authorize(service_account("dev", "bot"), asked))[0]


async def test_a_changed_source_is_seen() -> None:
    roles = Roles([READER])
    rbac = RBAC(roles)
    ann = User("ann", groups=(AUTHENTICATED,))
    asked = Attributes("get", "", "v1", "pods", namespace="dev")
    assert not (await rbac.authorize(ann, asked))[0]
    roles.objects.append(role_binding("dev", "reader", {"kind": "User", "name": "ann"}))
    roles.version += 1
    assert (await rbac.authorize(ann, asked))[0]


@pytest.mark.parametrize(
    ("user", "asked", "expected"),
    [
        (User("x", groups=(MASTERS,)), Attributes("delete", "", "v1", "nodes", name="n"), True),
        (User("x", groups=("system:unauthenticated",)), Attributes("get", path="/healthz"), True),
        (User("x", groups=("system:unauthenticated",)), Attributes("get", path="/version"), True),
        (User("x", groups=("system:unauthenticated",)), Attributes("get", path="/api"), False),
        (User("x", groups=(AUTHENTICATED,)), Attributes("get", path="/api/v1"), True),
        (User("x", groups=(AUTHENTICATED,)), Attributes("list", "", "v1", "pods"), False),
        (User("system:kube-scheduler"), Attributes("create", "", "v1", "pods", "binding", "a", "b"), True),
        (User("system:kube-scheduler"), Attributes("create", "", "v1", "pods", "", "a"), False),
        (User("system:kube-controller-manager"), Attributes("create", "", "v1", "pods", "", "a"), True),
        (
            User("system:bootstrap:abcdef", groups=("system:bootstrappers:kubeadm:default-node-token",)),
            Attributes("create", "certificates.k8s.io", "v1", "certificatesigningrequests"),
            True,
        ),
    ],
)
async def test_bootstrap_policy(user: User, asked: Attributes, expected: bool) -> None:
    authorizers = Authorizers([Masters(), RBAC(Roles(BOOTSTRAP))])
    assert (await authorizers.authorize(user, asked))[0] is expected


def test_bootstrap_names_are_unique_and_every_binding_has_its_role() -> None:
    names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in BOOTSTRAP]
    assert len(names) == len(set(names))
    for obj in BOOTSTRAP:
        if "roleRef" in obj:
            reference = obj["roleRef"]
            namespace = obj["metadata"].get("namespace") if reference["kind"] == "Role" else None
            assert (reference["kind"], namespace, reference["name"]) in names


def test_reconciling_adds_what_is_missing_and_takes_nothing_away() -> None:
    wanted = next(obj for obj in BOOTSTRAP if obj["metadata"]["name"] == "system:node-bootstrapper")
    own = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    mended = reconciled({**wanted, "rules": [own]}, wanted)
    assert mended is not None and mended["rules"] == [own, *wanted["rules"]]
    assert reconciled(wanted, wanted) is None
    kept = {**wanted, "rules": [], "metadata": {**wanted["metadata"], "annotations": {AUTOUPDATE: "false"}}}
    assert reconciled(kept, wanted) is None


def test_denial_words() -> None:
    ann = User("ann")
    assert denial(ann, Attributes("list", "", "v1", "pods", namespace="default")) == (
        'User "ann" cannot list resource "pods" in API group "" in the namespace "default"'
    )
    assert denial(ann, Attributes("get", "apps", "v1", "deployments", "scale", name="x")) == (
        'User "ann" cannot get resource "deployments/scale" in API group "apps" at the cluster scope'
    )
    assert denial(ann, Attributes("get", path="/metrics")) == 'User "ann" cannot get path "/metrics"'


def test_covers_needs_every_verb_and_resource() -> None:
    rules = [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "secrets"]}]
    assert covers(rules, {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]})
    assert not covers(rules, {"verbs": ["get", "watch"], "apiGroups": [""], "resources": ["pods"]})
    assert not covers(rules, {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["pods"]})
