"""The node authorizer: a kubelet reads what its pods name, and only that."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.node import NodeAuthorizer
from pybernetes.apiserver.auth.user import User

POD = {
    "metadata": {"namespace": "dev", "name": "web"},
    "spec": {
        "serviceAccountName": "web",
        "containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "password"}}}]}],
        "volumes": [
            {"projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}},
            {"secret": {"secretName": "tls"}},
        ],
    },
}


class Pods:
    def pods_on(self, node: str) -> list[dict[str, Any]]:
        return [POD] if node == "a" else []


A, B = (User(f"system:node:{name}", groups=("system:nodes",)) for name in "ab")


@pytest.mark.parametrize(
    ("user", "asked", "expected"),
    [
        (A, Attributes("get", "", "v1", "secrets", "", "dev", "password"), True),
        (A, Attributes("watch", "", "v1", "secrets", "", "dev", "tls"), True),
        (A, Attributes("get", "", "v1", "configmaps", "", "dev", "kube-root-ca.crt"), True),
        (A, Attributes("create", "", "v1", "serviceaccounts", "token", "dev", "web"), True),
        (A, Attributes("get", "", "v1", "secrets", "", "prod", "password"), False),
        (A, Attributes("get", "", "v1", "secrets", "", "dev", "other"), False),
        (A, Attributes("list", "", "v1", "secrets", "", "dev"), False),
        (A, Attributes("update", "", "v1", "secrets", "", "dev", "password"), False),
        (B, Attributes("get", "", "v1", "secrets", "", "dev", "password"), False),
        (A, Attributes("patch", "", "v1", "nodes", "status", name="a"), True),
        (A, Attributes("patch", "", "v1", "nodes", "status", name="b"), False),
        (A, Attributes("update", "coordination.k8s.io", "v1", "leases", "", "kube-node-lease", "a"), True),
        (A, Attributes("update", "coordination.k8s.io", "v1", "leases", "", "kube-node-lease", "b"), False),
        (A, Attributes("list", "", "v1", "pods", field_selector="spec.nodeName=a"), True),
        (A, Attributes("list", "", "v1", "pods", field_selector="spec.nodeName=b"), False),
        (A, Attributes("list", "", "v1", "pods"), False),
        (A, Attributes("list", "apps", "v1", "deployments"), False),
        (User("ann"), Attributes("get", "", "v1", "secrets", "", "dev", "password"), False),
    ],
)
async def test_node_authorizer(user: User, asked: Attributes, expected: bool) -> None:
    assert (await NodeAuthorizer(Pods()).authorize(user, asked))[0] is expected
