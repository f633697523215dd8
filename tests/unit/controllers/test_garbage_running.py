"""Cascading deletion and namespaces, on a fake API and virtual time."""

from __future__ import annotations

import pytest

from pybernetes.api.kinds import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS, SECRETS

from .builders import deployment, pod, replica_set

GC = "garbage-collector-controller"


def resources(*kinds):
    return {
        "resources": [
            {
                "name": kind.resource,
                "kind": kind.kind,
                "namespaced": kind.namespaced,
                "verbs": list(kind.verbs),
            }
            for kind in kinds
        ]
    }


def serve(api):
    api.answers["/apis"] = {
        "groups": [
            {
                "name": "apps",
                "versions": [{"version": "v1"}],
                "preferredVersion": {"version": "v1"},
            }
        ]
    }
    api.answers["/api/v1"] = resources(PODS, CONFIG_MAPS, SECRETS, NAMESPACES)
    api.answers["/apis/apps/v1"] = resources(DEPLOYMENTS, REPLICA_SETS)


def names(cluster, kind):
    return sorted(one["metadata"]["name"] for one in cluster.api.all(kind))


def owned_pair(api, block=True):
    owner = api.put(REPLICA_SETS, replica_set("web"))
    child = pod("p", owner=owner)
    child["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = block
    api.put(PODS, child)
    return owner


async def test_dependents_follow_their_owner(run):
    cluster = await run(GC, prepare=serve)
    owned_pair(cluster.api)
    cluster.api.put(PODS, pod("free"))
    await cluster.settle()
    await cluster.api.delete(REPLICA_SETS, "default", "web", propagation_policy="Background")
    await cluster.settle()
    assert names(cluster, PODS) == ["free"]


async def test_a_chain_of_owners_goes_to_the_end(run):
    cluster = await run(GC, "deployment-controller", "replicaset-controller", prepare=serve)
    await cluster.api.create(DEPLOYMENTS, deployment())
    await cluster.settle()
    assert len(cluster.api.all(PODS)) == 3
    await cluster.api.delete(DEPLOYMENTS, "default", "web", propagation_policy="Background")
    await cluster.settle(5)
    assert not cluster.api.all(REPLICA_SETS) and not cluster.api.all(PODS)


async def test_foreground_deletion_waits_for_blocking_dependents(run):
    cluster = await run(GC, prepare=serve)
    cluster.api.graceful_pods = True
    owned_pair(cluster.api)
    await cluster.settle()
    await cluster.api.delete(REPLICA_SETS, "default", "web", propagation_policy="Foreground")
    await cluster.settle(10)
    assert names(cluster, REPLICA_SETS) == ["web"]
    assert cluster.api.one(PODS, "default/p")["metadata"]["deletionTimestamp"]
    cluster.api.remove(PODS, "default/p")
    await cluster.settle()
    assert names(cluster, REPLICA_SETS) == []


async def test_foreground_deletion_does_not_wait_for_others(run):
    cluster = await run(GC, prepare=serve)
    cluster.api.graceful_pods = True
    owned_pair(cluster.api, block=False)
    await cluster.settle()
    await cluster.api.delete(REPLICA_SETS, "default", "web", propagation_policy="Foreground")
    await cluster.settle(10)
    assert names(cluster, REPLICA_SETS) == []


async def test_orphans_stay_without_their_owner(run):
    cluster = await run(GC, prepare=serve)
    owned_pair(cluster.api)
    await cluster.settle()
    await cluster.api.delete(REPLICA_SETS, "default", "web", propagation_policy="Orphan")
    await cluster.settle()
    assert names(cluster, REPLICA_SETS) == [] and names(cluster, PODS) == ["p"]
    assert not cluster.api.one(PODS, "default/p")["metadata"].get("ownerReferences")


async def test_a_dependent_of_nobody_goes(run):
    cluster = await run(GC, prepare=serve)
    cluster.api.put(PODS, pod("p", owner=replica_set("gone")))
    await cluster.settle(5)
    assert names(cluster, PODS) == []


async def test_an_owner_that_went_while_nobody_looked_is_noticed(run):
    def prepare(api):
        serve(api)
        api.put(PODS, pod("p", owner=replica_set("gone")))

    cluster = await run(GC, prepare=prepare)
    await cluster.settle(5)
    assert names(cluster, PODS) == []


async def test_an_owner_recreated_under_the_same_name_is_another(run):
    cluster = await run(GC, prepare=serve)
    old = replica_set("web")
    cluster.api.put(REPLICA_SETS, replica_set("web", metadata={"uid": "other"}))
    cluster.api.put(PODS, pod("p", owner=old))
    await cluster.settle(5)
    assert names(cluster, PODS) == []


async def test_one_remaining_owner_keeps_a_dependent(run):
    cluster = await run(GC, prepare=serve)
    first = cluster.api.put(REPLICA_SETS, replica_set("one"))
    second = cluster.api.put(CONFIG_MAPS, {"metadata": {"name": "two", "namespace": "default"}})
    child = pod("p", owner=first)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "two", "uid": second["metadata"]["uid"]}
    child["metadata"]["ownerReferences"].append(reference)
    cluster.api.put(PODS, child)
    await cluster.settle()
    cluster.api.remove(REPLICA_SETS, "default/one")
    await cluster.settle(5)
    assert [one["name"] for one in cluster.api.one(PODS, "default/p")["metadata"]["ownerReferences"]] == [
        "two"
    ]


async def test_an_owner_of_an_unknown_kind_keeps_its_dependent(run):
    cluster = await run(GC, prepare=serve)
    stranger = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x", "uid": "x-uid"}}
    cluster.api.put(PODS, pod("p", owner=stranger))
    await cluster.settle(20)
    assert names(cluster, PODS) == ["p"]


async def test_a_circle_of_owners_is_broken_by_foreground_deletion(run):
    cluster = await run(GC, prepare=serve)
    for name, other in (("a", "b"), ("b", "a")):
        reference = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": other,
            "uid": f"{other}-uid",
            "blockOwnerDeletion": True,
        }
        meta = {"name": name, "namespace": "default", "uid": f"{name}-uid", "ownerReferences": [reference]}
        cluster.api.put(CONFIG_MAPS, {"metadata": meta})
    await cluster.settle(3)
    await cluster.api.delete(CONFIG_MAPS, "default", "a", propagation_policy="Foreground")
    await cluster.settle(10)
    assert names(cluster, CONFIG_MAPS) == []


def terminating(api, name="doomed"):
    api.put(
        NAMESPACES,
        {
            "metadata": {"name": name, "deletionTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Terminating"},
        },
    )


async def test_a_terminating_namespace_is_emptied_and_goes(run):
    cluster = await run("namespace-controller", prepare=serve)
    cluster.api.put(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "doomed"}})
    cluster.api.put(SECRETS, {"metadata": {"name": "s", "namespace": "doomed"}})
    cluster.api.put(SECRETS, {"metadata": {"name": "s", "namespace": "default"}})
    cluster.api.put(PODS, pod("p", namespace="doomed"))
    terminating(cluster.api)
    await cluster.settle(5)
    assert not cluster.api.all(NAMESPACES)
    assert not cluster.api.all(CONFIG_MAPS) and not cluster.api.all(PODS)
    assert [one["metadata"]["namespace"] for one in cluster.api.all(SECRETS)] == ["default"]


async def test_a_namespace_waits_for_its_pods_before_anything_else_and_says_so(run):
    cluster = await run("namespace-controller", prepare=serve)
    cluster.api.graceful_pods = True
    cluster.api.put(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "doomed"}})
    slow = pod("p", namespace="doomed")
    slow["spec"]["terminationGracePeriodSeconds"] = 30
    cluster.api.put(PODS, slow)
    terminating(cluster.api)
    await cluster.settle(3)
    assert cluster.api.all(CONFIG_MAPS)
    conditions = {one["type"]: one for one in cluster.api.one(NAMESPACES, "doomed")["status"]["conditions"]}
    remaining = conditions["NamespaceContentRemaining"]
    assert (remaining["status"], remaining["reason"]) == ("True", "SomeResourcesRemain")
    assert remaining["message"] == "Some resources are remaining: pods. has 1 resource instances"
    assert conditions["NamespaceDeletionContentFailure"]["reason"] == "ContentDeleted"
    cluster.api.remove(PODS, "doomed/p")
    await cluster.settle(1)
    assert not cluster.api.all(NAMESPACES)


@pytest.mark.parametrize("finalizer", ["example.com/wait"])
async def test_finalizers_hold_a_namespace_up_and_are_named(run, finalizer):
    cluster = await run("namespace-controller", prepare=serve)
    cluster.api.put(
        CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "doomed", "finalizers": [finalizer]}}
    )
    terminating(cluster.api)
    await cluster.settle(5)
    conditions = {one["type"]: one for one in cluster.api.one(NAMESPACES, "doomed")["status"]["conditions"]}
    assert conditions["NamespaceFinalizersRemaining"]["message"] == (
        "Some content in the namespace has finalizers remaining: example.com/wait in 1 resource instances"
    )
    cluster.api.remove(CONFIG_MAPS, "doomed/c")
    await cluster.settle(60)
    assert not cluster.api.all(NAMESPACES)
