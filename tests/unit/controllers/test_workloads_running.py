"""Deployments, ReplicaSets and pods together, on a fake API and virtual time."""

from __future__ import annotations

import pytest

from pybernetes.api.errors import Forbidden
from pybernetes.api.kinds import DEPLOYMENTS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS
from pybernetes.client.interface import object_key

from .builders import deployment, pod, replica_set, template

BOTH = ("deployment-controller", "replicaset-controller")


def make_ready(api):
    for one in list(api.all(PODS)):
        if not one.get("status", {}).get("conditions"):
            condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            status = {"phase": "Running", "conditions": [condition]}
            api.change(PODS, object_key(one), {"spec": {"nodeName": "n1"}, "status": status})


async def until_rolled_out(cluster, key="default/web", passes=30):
    for _ in range(passes):
        make_ready(cluster.api)
        await cluster.settle(1)
    return cluster.api.one(DEPLOYMENTS, key)


async def test_a_replica_set_makes_its_pods_and_says_so(run):
    cluster = await run("replicaset-controller")
    await cluster.api.create(REPLICA_SETS, replica_set())
    await cluster.settle()
    pods = cluster.api.all(PODS)
    assert len(pods) == 3
    assert all(one["metadata"]["generateName"] == "web-" for one in pods)
    owner = pods[0]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", "web", True)
    status = cluster.api.one(REPLICA_SETS, "default/web")["status"]
    assert status["replicas"] == 3 and status["fullyLabeledReplicas"] == 3
    assert status["observedGeneration"] == 1
    name = pods[0]["metadata"]["name"]
    assert ("Normal", "SuccessfulCreate", f"Created pod: {name}") in cluster.api.events()


async def test_a_deleted_pod_is_replaced(run):
    cluster = await run("replicaset-controller")
    await cluster.api.create(REPLICA_SETS, replica_set(replicas=2))
    await cluster.settle()
    first = cluster.api.all(PODS)[0]["metadata"]["name"]
    await cluster.api.delete(PODS, "default", first)
    await cluster.settle()
    names = [one["metadata"]["name"] for one in cluster.api.all(PODS)]
    assert len(names) == 2 and first not in names


async def test_no_pod_too_many_is_made_by_a_busy_controller(run):
    cluster = await run("replicaset-controller")
    await cluster.api.create(REPLICA_SETS, replica_set(replicas=40))
    for _ in range(10):
        await cluster.settle(0.01)
        cluster.api.change(REPLICA_SETS, "default/web", {"metadata": {"annotations": {"x": str(_)}}})
    await cluster.settle()
    created = [entry for entry in cluster.api.log if entry[:2] == ("create", "pods")]
    assert len(created) == 40


async def test_scaling_down_deletes_pods(run):
    cluster = await run("replicaset-controller")
    await cluster.api.create(REPLICA_SETS, replica_set(replicas=5))
    await cluster.settle()
    cluster.api.change(REPLICA_SETS, "default/web", {"spec": {"replicas": 2}})
    await cluster.settle()
    assert len(cluster.api.all(PODS)) == 2
    assert sum(reason == "SuccessfulDelete" for _, reason, _ in cluster.api.events()) == 3


async def test_a_refused_pod_is_a_replica_failure(run):
    cluster = await run("replicaset-controller")

    def refuse(verb, kind, obj):
        if kind is PODS:
            raise Forbidden("exceeded quota: q")

    cluster.api.refuse = refuse
    await cluster.api.create(REPLICA_SETS, replica_set())
    await cluster.settle(0.1)
    condition = cluster.api.one(REPLICA_SETS, "default/web")["status"]["conditions"][0]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert ("Warning", "FailedCreate", "Error creating: exceeded quota: q") in cluster.api.events()
    cluster.api.refuse = lambda verb, kind, obj: None
    await cluster.settle(60)
    assert len(cluster.api.all(PODS)) == 3
    assert not cluster.api.one(REPLICA_SETS, "default/web")["status"].get("conditions")


async def test_orphans_are_adopted_and_strangers_released(run):
    cluster = await run("replicaset-controller")
    cluster.api.put(PODS, pod("orphan"))
    created = await cluster.api.create(REPLICA_SETS, replica_set(replicas=1))
    await cluster.settle()
    assert [one["metadata"]["name"] for one in cluster.api.all(PODS)] == ["orphan"]
    owner = cluster.api.one(PODS, "default/orphan")["metadata"]["ownerReferences"][0]
    assert owner["uid"] == created["metadata"]["uid"]
    cluster.api.change(PODS, "default/orphan", {"metadata": {"labels": {"app": "other"}}})
    await cluster.settle()
    assert not cluster.api.one(PODS, "default/orphan")["metadata"].get("ownerReferences")
    assert len(cluster.api.all(PODS)) == 2


async def test_pods_become_available_after_min_ready_seconds(run):
    cluster = await run("replicaset-controller")
    await cluster.api.create(REPLICA_SETS, replica_set(replicas=1, spec={"minReadySeconds": 30}))
    await cluster.settle()
    make_ready(cluster.api)
    await cluster.settle()
    status = cluster.api.one(REPLICA_SETS, "default/web")["status"]
    assert status["readyReplicas"] == 1 and not status.get("availableReplicas")
    await cluster.settle(40)
    assert cluster.api.one(REPLICA_SETS, "default/web")["status"]["availableReplicas"] == 1


async def test_a_replication_controller_works_the_same(run):
    cluster = await run("replicationcontroller-controller")
    obj = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "old", "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"app": "web"}, "template": template()},
    }
    await cluster.api.create(REPLICATION_CONTROLLERS, obj)
    await cluster.settle()
    pods = cluster.api.all(PODS)
    assert len(pods) == 2
    assert pods[0]["metadata"]["ownerReferences"][0]["kind"] == "ReplicationController"
    status = cluster.api.one(REPLICATION_CONTROLLERS, "default/old")["status"]
    assert status["replicas"] == 2 and "terminatingReplicas" not in status


async def test_a_deployment_rolls_out(run):
    cluster = await run(*BOTH)
    await cluster.api.create(DEPLOYMENTS, deployment())
    done = await until_rolled_out(cluster, passes=5)
    assert len(cluster.api.all(PODS)) == 3
    status = done["status"]
    assert status["availableReplicas"] == 3 and status["updatedReplicas"] == 3
    conditions = {one["type"]: one for one in status["conditions"]}
    (replica_set,) = cluster.api.all(REPLICA_SETS)
    name = replica_set["metadata"]["name"]
    assert conditions["Progressing"]["reason"] == "NewReplicaSetAvailable"
    assert conditions["Progressing"]["message"] == f'ReplicaSet "{name}" has successfully progressed.'
    assert conditions["Available"]["reason"] == "MinimumReplicasAvailable"
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert (
        "Normal",
        "ScalingReplicaSet",
        f"Scaled up replica set {name} from 0 to 3",
    ) in cluster.api.events()
    assert name == f"web-{replica_set['metadata']['labels']['pod-template-hash']}"
    assert replica_set["spec"]["selector"]["matchLabels"]["pod-template-hash"] in name


async def test_a_new_image_replaces_all_pods_within_surge_and_unavailability(run):
    cluster = await run(*BOTH)
    await cluster.api.create(DEPLOYMENTS, deployment(replicas=4, surge=1, unavailable=1))
    await until_rolled_out(cluster, passes=5)
    cluster.api.change(
        DEPLOYMENTS,
        "default/web",
        {"spec": {"template": template(image="nginx:2")}, "metadata": {"generation": 2}},
    )
    for _ in range(30):
        await cluster.settle(0.2)
        pods = cluster.api.all(PODS)
        assert len(pods) <= 5
        assert sum(bool(one["status"].get("conditions")) for one in pods if "status" in one) >= 3
        make_ready(cluster.api)
    pods = cluster.api.all(PODS)
    assert [one["spec"]["containers"][0]["image"] for one in pods] == ["nginx:2"] * 4
    done = cluster.api.one(DEPLOYMENTS, "default/web")
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    sizes = sorted(one["spec"]["replicas"] for one in cluster.api.all(REPLICA_SETS))
    assert sizes == [0, 4]


async def test_going_back_reuses_the_old_replica_set_with_a_new_revision(run):
    cluster = await run(*BOTH)
    await cluster.api.create(DEPLOYMENTS, deployment(replicas=2))
    await until_rolled_out(cluster, passes=5)
    (first,) = cluster.api.all(REPLICA_SETS)
    for generation, image in ((2, "nginx:2"), (3, "nginx")):
        change = {"spec": {"template": template(image=image)}, "metadata": {"generation": generation}}
        cluster.api.change(DEPLOYMENTS, "default/web", change)
        await until_rolled_out(cluster, passes=15)
    assert len(cluster.api.all(REPLICA_SETS)) == 2
    back = cluster.api.one(REPLICA_SETS, object_key(first))
    assert back["spec"]["replicas"] == 2
    assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


async def test_recreate_waits_for_the_last_old_pod(run):
    cluster = await run(*BOTH)
    cluster.api.graceful_pods = True
    await cluster.api.create(DEPLOYMENTS, deployment(replicas=2, strategy="Recreate"))
    await until_rolled_out(cluster, passes=5)
    old = [object_key(one) for one in cluster.api.all(PODS)]
    change = {"spec": {"template": template(image="nginx:2")}, "metadata": {"generation": 2}}
    cluster.api.change(DEPLOYMENTS, "default/web", change)
    await cluster.settle(5)
    assert len(cluster.api.all(PODS)) == 2
    cluster.api.remove(PODS, old[0])
    await cluster.settle(5)
    assert len(cluster.api.all(PODS)) == 1
    cluster.api.remove(PODS, old[1])
    await cluster.settle(5)
    assert [one["spec"]["containers"][0]["image"] for one in cluster.api.all(PODS)] == ["nginx:2"] * 2


async def test_a_paused_deployment_scales_but_does_not_roll(run):
    cluster = await run(*BOTH)
    await cluster.api.create(DEPLOYMENTS, deployment(replicas=2))
    await until_rolled_out(cluster, passes=5)
    change = {
        "spec": {"paused": True, "replicas": 3, "template": template(image="nginx:2")},
        "metadata": {"generation": 2},
    }
    cluster.api.change(DEPLOYMENTS, "default/web", change)
    done = await until_rolled_out(cluster, passes=5)
    assert len(cluster.api.all(REPLICA_SETS)) == 1 and len(cluster.api.all(PODS)) == 3
    progressing = next(one for one in done["status"]["conditions"] if one["type"] == "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("Unknown", "DeploymentPaused")
    cluster.api.change(DEPLOYMENTS, "default/web", {"spec": {"paused": False}, "metadata": {"generation": 3}})
    await until_rolled_out(cluster, passes=15)
    assert {one["spec"]["containers"][0]["image"] for one in cluster.api.all(PODS)} == {"nginx:2"}


async def test_a_rollout_that_stands_still_exceeds_its_deadline(run):
    cluster = await run(*BOTH)
    await cluster.api.create(DEPLOYMENTS, deployment(spec={"progressDeadlineSeconds": 60}))
    await cluster.settle(58)
    reasons = {one["reason"] for one in cluster.api.one(DEPLOYMENTS, "default/web")["status"]["conditions"]}
    assert "ProgressDeadlineExceeded" not in reasons
    await cluster.settle(10)
    status = cluster.api.one(DEPLOYMENTS, "default/web")["status"]
    progressing = next(one for one in status["conditions"] if one["type"] == "Progressing")
    name = cluster.api.all(REPLICA_SETS)[0]["metadata"]["name"]
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert progressing["message"] == f'ReplicaSet "{name}" has timed out progressing.'


async def test_old_versions_beyond_the_history_limit_go(run):
    cluster = await run(*BOTH)
    await cluster.api.create(DEPLOYMENTS, deployment(replicas=1, spec={"revisionHistoryLimit": 1}))
    await until_rolled_out(cluster, passes=4)
    for generation in range(2, 5):
        change = {
            "spec": {"template": template(image=f"nginx:{generation}")},
            "metadata": {"generation": generation},
        }
        cluster.api.change(DEPLOYMENTS, "default/web", change)
        await until_rolled_out(cluster, passes=8)
    revisions = [
        one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        for one in cluster.api.all(REPLICA_SETS)
    ]
    assert sorted(revisions) == ["3", "4"]


async def test_a_foreign_replica_set_of_the_same_name_is_gone_around(run):
    cluster = await run(*BOTH)
    await cluster.api.create(DEPLOYMENTS, deployment(replicas=1))
    await cluster.settle()
    assert len(cluster.api.all(REPLICA_SETS)) == 1
    cluster.api.remove(DEPLOYMENTS, "default/web")
    await cluster.settle()
    await cluster.api.create(DEPLOYMENTS, deployment(replicas=1))
    await cluster.settle()
    assert len(cluster.api.all(REPLICA_SETS)) == 2
    assert cluster.api.one(DEPLOYMENTS, "default/web")["status"]["collisionCount"] == 1


@pytest.mark.parametrize("steps", [50])
async def test_a_finished_rollout_is_quiet(run, steps):
    cluster = await run(*BOTH)
    await cluster.api.create(DEPLOYMENTS, deployment())
    await until_rolled_out(cluster, passes=5)
    version = cluster.api.version
    await cluster.settle(3600)
    assert cluster.api.version == version
