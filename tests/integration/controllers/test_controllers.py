"""The controllers against the real API server, scheduler and simulated nodes, in one event loop on virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import (
    CONFIG_MAPS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    JOBS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    REPLICA_SETS,
    RESOURCE_QUOTAS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
)
from pybernetes.controllers.options import Options
from pybernetes.lib.clock import VirtualClock
from pybernetes.testing.cluster import Cluster

Object = dict[str, Any]


def template(image: str = "nginx", **spec: Any) -> Object:
    containers = [{"name": "c", "image": image}]
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers, **spec}}


def workload(kind: str, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template(), **spec},
    }


@pytest.fixture
async def cluster():
    options = Options(node_monitor_grace_period=20, node_eviction_rate=1)
    async with Cluster(nodes=2, clock=VirtualClock(), controller_options=options) as running:
        yield running


async def running(cluster: Cluster, count: int, image: str = "") -> bool:
    pods = await cluster.running("default", "app=web")
    return len(pods) == count and all(
        not image or pod["spec"]["containers"][0]["image"] == image for pod in pods
    )


async def test_a_deployment_rolls_out_scales_and_rolls_back(cluster):
    await cluster.client.create(DEPLOYMENTS, workload("Deployment", replicas=3))
    await cluster.until(lambda: running(cluster, 3), "three pods run")
    await cluster.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"template": template("nginx:2")}})
    await cluster.until(lambda: running(cluster, 3, "nginx:2"), "three new pods run")
    await cluster.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 5}}, subresource="scale")
    await cluster.until(lambda: running(cluster, 5), "five pods run")
    await cluster.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"template": template()}})
    await cluster.until(lambda: running(cluster, 5, "nginx"), "five old pods run again")

    async def complete() -> bool:
        found = await cluster.client.get(DEPLOYMENTS, "default", "web")
        status = found["status"]
        return (
            status["observedGeneration"] == found["metadata"]["generation"]
            and status.get("updatedReplicas")
            == status.get("replicas")
            == status.get("availableReplicas")
            == 5
        )

    await cluster.until(complete, "the status says so")
    sets = (await cluster.client.list(REPLICA_SETS, "default"))["items"]
    assert sorted(one["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for one in sets) == [
        "2",
        "3",
    ]


async def test_deleting_a_deployment_deletes_everything_below_it(cluster):
    await cluster.client.create(DEPLOYMENTS, workload("Deployment", replicas=3))
    await cluster.until(lambda: running(cluster, 3), "three pods run")
    await cluster.client.delete(DEPLOYMENTS, "default", "web", propagation_policy="Background")

    async def gone() -> bool:
        sets = await cluster.client.list(REPLICA_SETS, "default")
        return not sets["items"] and not await cluster.pods("default")

    await cluster.until(gone, "all is gone", seconds=120)


async def test_foreground_deletion_keeps_the_owner_until_its_pods_are_gone(cluster):
    await cluster.client.create(DEPLOYMENTS, workload("Deployment", replicas=2))
    await cluster.until(lambda: running(cluster, 2), "two pods run")
    await cluster.client.delete(DEPLOYMENTS, "default", "web", propagation_policy="Foreground")
    found = await cluster.client.get(DEPLOYMENTS, "default", "web")
    assert found["metadata"]["finalizers"] == ["foregroundDeletion"]

    async def gone() -> bool:
        try:
            await cluster.client.get(DEPLOYMENTS, "default", "web")
        except NotFound:
            return not await cluster.pods("default")
        return False

    await cluster.until(gone, "the deployment went last", seconds=120)


async def test_orphaned_pods_stay_and_are_adopted_again(cluster):
    await cluster.client.create(REPLICA_SETS, workload("ReplicaSet", replicas=2))
    await cluster.until(lambda: running(cluster, 2), "two pods run")
    before = {pod["metadata"]["uid"] for pod in await cluster.pods("default")}
    await cluster.client.delete(REPLICA_SETS, "default", "web", propagation_policy="Orphan")

    async def free() -> bool:
        pods = await cluster.pods("default")
        return not any(pod["metadata"].get("ownerReferences") for pod in pods)

    await cluster.until(free, "the pods are free")
    await cluster.client.create(REPLICA_SETS, workload("ReplicaSet", replicas=2))

    async def owned() -> bool:
        pods = await cluster.pods("default")
        return all(pod["metadata"].get("ownerReferences") for pod in pods)

    await cluster.until(owned, "the pods are owned")
    assert {pod["metadata"]["uid"] for pod in await cluster.pods("default")} == before


async def test_a_namespace_goes_with_everything_in_it(cluster):
    await cluster.client.create(NAMESPACES, {"metadata": {"name": "x"}})

    async def furnished() -> bool:
        accounts = await cluster.client.list(SERVICE_ACCOUNTS, "x")
        return bool(accounts["items"])

    await cluster.until(furnished, "the default service account is there")
    one = workload("Deployment", replicas=2)
    one["metadata"]["namespace"] = "x"
    await cluster.client.create(DEPLOYMENTS, one)
    await cluster.client.create(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "x"}})
    await cluster.until(lambda: _count(cluster, 2), "two pods run")
    await cluster.client.delete(NAMESPACES, None, "x")

    async def gone() -> bool:
        names = (await cluster.client.list(NAMESPACES))["items"]
        return all(one["metadata"]["name"] != "x" for one in names)

    await cluster.until(gone, "the namespace is gone", seconds=180)
    assert not await cluster.pods("x")


async def _count(cluster: Cluster, count: int) -> bool:
    return len(await cluster.running("x")) == count


async def test_nodes_have_ranges_of_their_own(cluster):
    await cluster.add_node("node-3")

    async def ranges() -> set[str]:
        nodes = (await cluster.client.list(NODES))["items"]
        found = {node["spec"].get("podCIDR") for node in nodes}
        return set() if None in found else found

    assert await cluster.until(ranges, "every node has one") == {
        "10.244.0.0/24",
        "10.244.1.0/24",
        "10.244.2.0/24",
    }


async def test_pods_of_a_dead_node_are_replaced_elsewhere(cluster):
    one = workload("Deployment", replicas=4)
    fast = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    one["spec"]["template"]["spec"]["tolerations"] = [fast]
    await cluster.client.create(DEPLOYMENTS, one)
    await cluster.until(lambda: running(cluster, 4), "four pods run")
    await cluster.nodes["node-2"].close()

    async def moved() -> bool:
        pods = await cluster.running("default", "app=web")
        return len(pods) == 4 and all(pod["spec"]["nodeName"] == "node-1" for pod in pods)

    await cluster.until(moved, "all four run on the other node", seconds=120)
    node = await cluster.client.get(NODES, None, "node-2")
    assert {taint["key"] for taint in node["spec"]["taints"]} == {"node.kubernetes.io/unreachable"}


async def test_a_daemon_set_is_everywhere(cluster):
    await cluster.client.create(DAEMON_SETS, workload("DaemonSet"))
    await cluster.until(lambda: running(cluster, 2), "one a node")
    await cluster.add_node("node-3")
    await cluster.until(lambda: running(cluster, 3), "one on the new node too")
    await cluster.client.patch(DAEMON_SETS, "default", "web", {"spec": {"template": template("nginx:2")}})
    await cluster.until(lambda: running(cluster, 3, "nginx:2"), "the new version everywhere", seconds=300)


async def test_a_stateful_set_has_names_and_an_order(cluster):
    await cluster.client.create(STATEFUL_SETS, workload("StatefulSet", replicas=3, serviceName="web"))
    await cluster.until(lambda: running(cluster, 3), "three pods run")
    pods = sorted(await cluster.pods("default"), key=lambda pod: pod["metadata"]["name"])
    assert [pod["metadata"]["name"] for pod in pods] == ["web-0", "web-1", "web-2"]
    times = [pod["metadata"]["creationTimestamp"] for pod in pods]
    assert times == sorted(times)
    await cluster.client.patch(STATEFUL_SETS, "default", "web", {"spec": {"template": template("nginx:2")}})
    await cluster.until(lambda: running(cluster, 3, "nginx:2"), "the new version", seconds=300)


async def test_a_service_has_the_addresses_of_its_pods(cluster):
    ports = [{"port": 80, "targetPort": 8080}]
    service = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": ports},
    }
    await cluster.client.create(SERVICES, service)
    await cluster.client.create(REPLICA_SETS, workload("ReplicaSet", replicas=2))
    await cluster.until(lambda: running(cluster, 2), "two pods run")

    async def addresses() -> bool:
        slices = (
            await cluster.client.list(
                ENDPOINT_SLICES, "default", label_selector="kubernetes.io/service-name=web"
            )
        )["items"]
        found = {
            one["addresses"][0]
            for part in slices
            for one in part.get("endpoints") or ()
            if one["conditions"].get("ready")
        }
        return found == {pod["status"]["podIP"] for pod in await cluster.pods("default")}

    await cluster.until(addresses, "the slice has both")


async def test_a_cron_jobs_job_runs_pods(cluster):
    job_spec = {"template": template(restartPolicy="Never")}
    cron = {
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job_spec}},
    }
    await cluster.client.create(CRON_JOBS, cron)

    async def started() -> list[Object]:
        jobs: list[Object] = (await cluster.client.list(JOBS, "default"))["items"]
        return jobs

    (job, *_) = await cluster.until(started, "a job is there", seconds=120)

    async def ran() -> bool:
        pods = (await cluster.client.list(PODS, "default"))["items"]
        return any(pod["metadata"]["labels"].get("job-name") == job["metadata"]["name"] for pod in pods)

    await cluster.until(ran, "its pod is there")


async def test_an_idle_cluster_writes_nothing_but_leases(cluster):
    await cluster.client.create(DEPLOYMENTS, workload("Deployment", replicas=2))
    await cluster.until(lambda: running(cluster, 2), "two pods run")
    await cluster.run_for(30)
    before = {
        kind: {
            one["metadata"]["name"]: one["metadata"]["resourceVersion"]
            for one in (await cluster.client.list(kind))["items"]
        }
        for kind in (DEPLOYMENTS, REPLICA_SETS, PODS, NAMESPACES, CONFIG_MAPS, ENDPOINT_SLICES)
    }
    await cluster.run_for(60)
    for kind, versions in before.items():
        items = (await cluster.client.list(kind))["items"]
        assert {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in items} == versions


async def test_a_stateful_sets_claims_are_bound_to_volumes(cluster):
    for number in range(2):
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": f"/srv/{number}"},
        }
        await cluster.client.create(PERSISTENT_VOLUMES, {"metadata": {"name": f"v{number}"}, "spec": spec})
    claim_spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claims = [{"metadata": {"name": "data"}, "spec": claim_spec}]
    one = workload("StatefulSet", replicas=2, serviceName="web", volumeClaimTemplates=claims)
    await cluster.client.create(STATEFUL_SETS, one)

    async def bound() -> bool:
        found = (await cluster.client.list(PERSISTENT_VOLUME_CLAIMS, "default"))["items"]
        return len(found) == 2 and all(claim["status"].get("phase") == "Bound" for claim in found)

    await cluster.until(bound, "both claims are bound")


async def test_a_job_is_counted_to_its_end(cluster):
    spec = {"completions": 3, "parallelism": 2, "template": template(restartPolicy="Never")}
    await cluster.client.create(JOBS, {"metadata": {"name": "j", "namespace": "default"}, "spec": spec})
    for _ in range(3):
        await cluster.until(lambda: _started(cluster), "a pod of the job runs")
        for pod in await _started(cluster):
            status = {"status": {"phase": "Succeeded"}}
            name = pod["metadata"]["name"]
            await cluster.client.patch(PODS, "default", name, status, subresource="status")
        await cluster.run_for(1)
        job = await cluster.client.get(JOBS, "default", "j")
        if job["status"].get("succeeded") == 3:
            break

    async def complete() -> bool:
        found = await cluster.client.get(JOBS, "default", "j")
        types = [one["type"] for one in found["status"].get("conditions", [])]
        return types == ["SuccessCriteriaMet", "Complete"]

    await cluster.until(complete, "the job is complete")
    pods = await cluster.pods("default")
    assert len(pods) == 3 and not any(pod["metadata"].get("finalizers") for pod in pods)


async def _started(cluster: Cluster) -> list[Object]:
    return await cluster.running("default", "job-name=j")


async def test_a_quota_counts_what_goes_without_waiting(cluster):
    quota = {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"count/configmaps": "5"}}}
    await cluster.client.create(RESOURCE_QUOTAS, quota)

    async def used(amount: str) -> bool:
        found = await cluster.client.get(RESOURCE_QUOTAS, "default", "q")
        return found.get("status", {}).get("used") == {"count/configmaps": amount}

    await cluster.until(lambda: used("0"), "there is none yet")
    started = cluster.clock.monotonic()
    await cluster.client.create(CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "default"}})
    await cluster.until(lambda: used("1"), "the new one is charged")
    await cluster.client.delete(CONFIG_MAPS, "default", "a")
    await cluster.until(lambda: used("0"), "it is counted no longer")
    assert cluster.clock.monotonic() - started < 30
