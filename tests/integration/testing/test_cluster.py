"""A whole cluster in one event loop: what users do with Deployments and nodes, on virtual time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pybernetes.api.kinds import DEPLOYMENTS, EVENTS, NODES, PODS, REPLICA_SETS
from pybernetes.semantics.pods import condition_is_true, is_ready
from pybernetes.testing.cluster import Cluster

Object = dict[str, Any]


def deployment(replicas: int, image: str = "web:1", **annotations: str) -> Object:
    template = {
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": image}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template,
        },
    }


async def until_running(cluster: Cluster, number: int, image: str = "") -> list[Object]:
    """Until exactly so many pods run (with the image), and no other is left."""

    async def so() -> list[Object]:
        pods = await cluster.pods("default", "app=web")
        running = await cluster.running("default", "app=web")
        fits = [one for one in running if not image or one["spec"]["containers"][0]["image"] == image]
        return running if len(fits) == len(pods) == number else []

    found: list[Object] = await cluster.until(so, f"{number} pods run", seconds=120)
    return found


async def test_a_deployment_becomes_running_pods_on_both_nodes(virtual_cluster: Cluster) -> None:
    cluster = virtual_cluster
    await cluster.client.create(DEPLOYMENTS, deployment(4))
    pods = await until_running(cluster, 4)
    assert Counter(one["spec"]["nodeName"] for one in pods) == {"node-1": 2, "node-2": 2}
    assert all(is_ready(one) for one in pods)
    assert len({one["status"]["podIP"] for one in pods}) == 4

    async def available() -> bool:
        found = await cluster.client.get(DEPLOYMENTS, "default", "web")
        return condition_is_true(found.get("status"), "Available")

    await cluster.until(available, "the Deployment is available")


async def test_scaling_rolling_out_and_deleting(virtual_cluster: Cluster) -> None:
    cluster = virtual_cluster
    await cluster.client.create(DEPLOYMENTS, deployment(2))
    await until_running(cluster, 2)
    await cluster.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 5}})
    await until_running(cluster, 5)
    new_image = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:2"}]
    await cluster.client.patch(
        DEPLOYMENTS, "default", "web", new_image, patch_type="application/json-patch+json"
    )
    await until_running(cluster, 5, "web:2")
    sets = (await cluster.client.list(REPLICA_SETS, "default"))["items"]
    assert sorted(one["spec"]["replicas"] for one in sets) == [0, 5]
    await cluster.client.delete(DEPLOYMENTS, "default", "web", propagation_policy="Background")

    async def gone() -> bool:
        left = (await cluster.client.list(REPLICA_SETS, "default"))["items"]
        return not left and not await cluster.pods("default")

    await cluster.until(gone, "everything is collected")


async def test_a_deleted_pod_is_replaced(virtual_cluster: Cluster) -> None:
    cluster = virtual_cluster
    await cluster.client.create(DEPLOYMENTS, deployment(2))
    first = (await until_running(cluster, 2))[0]["metadata"]
    await cluster.client.delete(PODS, "default", first["name"])

    async def replaced() -> bool:
        running = await cluster.running("default")
        return len(running) == 2 and first["uid"] not in {one["metadata"]["uid"] for one in running}

    await cluster.until(replaced, "another pod runs")


async def test_a_rollout_whose_pods_never_become_ready_keeps_the_old_ones(virtual_cluster: Cluster) -> None:
    cluster = virtual_cluster
    await cluster.client.create(DEPLOYMENTS, deployment(4))
    await until_running(cluster, 4)
    template = deployment(4, "web:2", **{"simulate.pybernetes.io/ready": "false"})["spec"]["template"]
    await cluster.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"template": template}})
    await cluster.run_for(60)
    running = await cluster.running("default", "app=web")
    images = Counter(one["spec"]["containers"][0]["image"] for one in running if is_ready(one))
    assert images == {"web:1": 3}
    await cluster.run_for(600)
    found = await cluster.client.get(DEPLOYMENTS, "default", "web")
    reasons = {one["type"]: one["reason"] for one in found["status"]["conditions"]}
    assert reasons["Progressing"] == "ProgressDeadlineExceeded"


async def test_pods_of_a_node_that_dies_are_replaced_elsewhere(virtual_cluster: Cluster) -> None:
    cluster = virtual_cluster
    await cluster.client.create(DEPLOYMENTS, deployment(4))
    await until_running(cluster, 4)
    cluster.nodes["node-1"].fail()
    await cluster.run_for(60)
    node = await cluster.client.get(NODES, None, "node-1")
    assert not condition_is_true(node["status"], "Ready")
    assert "node.kubernetes.io/unreachable" in {one["key"] for one in node["spec"]["taints"]}

    async def moved() -> bool:
        running = await cluster.running("default", "app=web")
        return Counter(one["spec"]["nodeName"] for one in running) == {"node-2": 4}

    await cluster.until(moved, "four pods run on node-2", seconds=400)
    await cluster.nodes["node-1"].recover()

    async def cleaned() -> bool:
        node = await cluster.client.get(NODES, None, "node-1")
        return not node["spec"].get("taints") and len(await cluster.pods("default", "app=web")) == 4

    await cluster.until(cleaned, "node-1 is used again and its old pods are gone", seconds=120)


async def test_nobody_is_refused_anything_that_it_needs(virtual_cluster: Cluster, caplog: Any) -> None:
    """Components speak with their real identities; RBAC must let them do their work."""
    cluster = virtual_cluster
    await cluster.client.create(DEPLOYMENTS, deployment(2))
    await until_running(cluster, 2)
    await cluster.run_for(60)
    assert "forbidden" not in caplog.text.lower()
    assert (await cluster.client.list(EVENTS, "default"))["items"]


async def test_the_same_in_real_time(kubernetes_cluster: Cluster) -> None:
    await kubernetes_cluster.client.create(DEPLOYMENTS, deployment(3))
    await until_running(kubernetes_cluster, 3)
