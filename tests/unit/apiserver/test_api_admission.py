"""What admission adds to pods and nodes, and whom it refuses."""

from __future__ import annotations

import asyncio
from typing import Any

from api_harness import Api

from pybernetes.apiserver.auth.authenticators import StaticTokens
from pybernetes.apiserver.auth.user import User

PODS = "/api/v1/namespaces/default/pods"
MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


async def test_pods_get_their_account_and_its_token(api: Api) -> None:
    pod = await api.pod()
    spec = pod["spec"]
    assert spec["serviceAccountName"] == "default"
    volume = spec["volumes"][0]
    assert volume["name"].startswith("kube-api-access-")
    sources = volume["projected"]["sources"]
    assert sources[0] == {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    mount = spec["containers"][0]["volumeMounts"][0]
    assert mount == {"name": volume["name"], "readOnly": True, "mountPath": MOUNT}


async def test_pods_and_accounts_can_do_without_a_token(api: Api) -> None:
    pod = await api.pod("a", automountServiceAccountToken=False)
    assert "volumes" not in pod["spec"]
    await api.made(
        "/api/v1/namespaces/default/serviceaccounts",
        {"metadata": {"name": "quiet"}, "automountServiceAccountToken": False},
    )
    pod = await api.pod("b", serviceAccountName="quiet")
    assert "volumes" not in pod["spec"]


async def test_an_account_that_is_missing_is_refused(api: Api) -> None:
    body = {
        "metadata": {"name": "x"},
        "spec": {"serviceAccountName": "none", "containers": [{"name": "a", "image": "b"}]},
    }
    reply = await api.post(PODS, body)
    assert reply.status == 403
    assert reply.message == (
        'pods "x" is forbidden: error looking up service account default/none: serviceaccount "none" not found'
    )


async def test_the_default_account_is_waited_for(api: Api) -> None:
    await api.made("/api/v1/namespaces", {"metadata": {"name": "new"}})
    body = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    pending = asyncio.ensure_future(api.post("/api/v1/namespaces/new/pods", body))
    await api.server.clock.sleep(0)
    await api.made("/api/v1/namespaces/new/serviceaccounts", {"metadata": {"name": "default"}})
    assert (await pending).status == 201


async def test_pods_tolerate_lost_nodes_for_five_minutes(api: Api) -> None:
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    pod = await api.pod(tolerations=[own])
    tolerations = {one["key"]: one.get("tolerationSeconds") for one in pod["spec"]["tolerations"]}
    assert tolerations == {"node.kubernetes.io/not-ready": None, "node.kubernetes.io/unreachable": 300}


async def test_how_long_pods_tolerate_lost_nodes_is_an_option(api: Api) -> None:
    api.server.options.not_ready_toleration = 5
    api.server.options.unreachable_toleration = 0
    pod = await api.pod()
    tolerations = {one["key"]: one.get("tolerationSeconds") for one in pod["spec"]["tolerations"]}
    assert tolerations == {"node.kubernetes.io/not-ready": 5, "node.kubernetes.io/unreachable": 0}


async def test_priority_is_what_the_class_says(api: Api) -> None:
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    await api.made(classes, {"metadata": {"name": "high"}, "value": 1000, "preemptionPolicy": "Never"})
    pod = await api.pod("a", priorityClassName="high")
    assert (pod["spec"]["priority"], pod["spec"]["preemptionPolicy"]) == (1000, "Never")
    assert (await api.pod("b"))["spec"]["priority"] == 0
    body = {
        "metadata": {"name": "c"},
        "spec": {"priorityClassName": "none", "containers": [{"name": "a", "image": "b"}]},
    }
    reply = await api.post(PODS, body)
    assert reply.message == 'pods "c" is forbidden: no PriorityClass with name none was found'
    await api.made(classes, {"metadata": {"name": "usual"}, "value": 10, "globalDefault": True})
    pod = await api.pod("d")
    assert (pod["spec"]["priorityClassName"], pod["spec"]["priority"]) == ("usual", 10)
    second = await api.post(classes, {"metadata": {"name": "two"}, "value": 1, "globalDefault": True})
    assert second.status == 403
    assert "PriorityClass usual is already marked as default" in second.message


async def test_new_nodes_take_no_pods_yet(api: Api) -> None:
    node = await api.node()
    assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]


def as_node(api: Api, name: str) -> dict[str, str]:
    user = User(f"system:node:{name}", groups=("system:nodes", "system:authenticated"))
    api.server.access.bearer_tokens._kinds.append(StaticTokens({f"{name}-token": user}))
    return {"authorization": f"Bearer {name}-token"}


async def test_kubelets_change_only_what_is_theirs(api: Api) -> None:
    await api.pod("mine")
    await api.bind("mine", "n1")
    await api.pod("yours")
    await api.bind("yours", "n2")
    await api.node("n2")
    kubelet: dict[str, Any] = as_node(api, "n1")
    registered = await api.post("/api/v1/nodes", {"metadata": {"name": "n1"}}, **kubelet)
    assert registered.status == 201
    other = await api.post("/api/v1/nodes", {"metadata": {"name": "n3"}}, **kubelet)
    assert other.status == 403
    assert 'node "n1" is not allowed to modify node "n3"' in other.message
    assert (await api.patch("/api/v1/nodes/n2/status", {"status": {}}, **kubelet)).status == 403
    status = {"status": {"phase": "Running"}}
    assert (await api.patch(PODS + "/mine/status", status, **kubelet)).status == 200
    refused = await api.patch(PODS + "/yours/status", status, **kubelet)
    assert 'node "n1" can only update pods with spec.nodeName set to itself' in refused.message
    assert (await api.delete(PODS + "/yours", **kubelet)).status == 403
    taints = await api.patch("/api/v1/nodes/n1", {"spec": {"taints": []}}, **kubelet)
    assert "is not allowed to modify taints" in taints.message
