"""Nodes that fall silent, the pods on them, and the ranges that nodes are given, on a fake API and virtual time."""

from __future__ import annotations

import pytest

from pybernetes.api.kinds import LEASES, NODES, PODS
from pybernetes.api.times import now_micro
from pybernetes.semantics.pods import get_condition

from .builders import node, pod

LIFE = ("node-lifecycle-controller", "taint-eviction-controller")


def lease(name, clock):
    return {
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"renewTime": now_micro(clock)},
    }


async def live(cluster, seconds, *names):
    """Time goes by while the named nodes renew their leases."""
    for _ in range(int(seconds // 5)):
        for name in names:
            cluster.api.put(LEASES, lease(name, cluster.clock))
        await cluster.settle(5)


def taints(cluster, name):
    return {
        (one["key"].split("/")[1], one["effect"])
        for one in cluster.api.one(NODES, name)["spec"].get("taints", [])
    }


async def with_nodes(run, *names, **options):
    cluster = await run(*LIFE, **options)
    for name in names:
        cluster.api.put(NODES, node(name))
    await live(cluster, 5, *names)
    return cluster


async def test_a_node_that_renews_its_lease_stays_ready(run):
    cluster = await with_nodes(run, "n1", "n2")
    await live(cluster, 300, "n1", "n2")
    assert get_condition(cluster.api.one(NODES, "n1")["status"], "Ready")["status"] == "True"
    assert taints(cluster, "n1") == set()


async def test_a_silent_node_becomes_unknown_and_is_tainted(run):
    cluster = await with_nodes(run, "n1", "n2")
    await live(cluster, 45, "n1")
    assert get_condition(cluster.api.one(NODES, "n2")["status"], "Ready")["status"] == "True"
    await live(cluster, 15, "n1")
    ready = get_condition(cluster.api.one(NODES, "n2")["status"], "Ready")
    assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
    assert ready["message"] == "Kubelet stopped posting node status."
    memory = get_condition(cluster.api.one(NODES, "n2")["status"], "MemoryPressure")
    assert memory["reason"] == "NodeStatusNeverUpdated"
    assert taints(cluster, "n2") == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
    assert ("Normal", "NodeNotReady", "Node n2 status is now: NodeNotReady") in cluster.api.events()
    assert taints(cluster, "n1") == set()


async def test_the_grace_period_can_be_shortened(run):
    cluster = await with_nodes(run, "n1", "n2", node_monitor_grace_period=10)
    await live(cluster, 15, "n1")
    assert get_condition(cluster.api.one(NODES, "n2")["status"], "Ready")["status"] == "Unknown"


async def test_a_node_that_comes_back_loses_its_taints(run):
    cluster = await with_nodes(run, "n1", "n2")
    await live(cluster, 60, "n1")
    cluster.api.put(
        NODES, {**node("n2", heartbeat="2026-01-01T00:02:00Z"), "spec": cluster.api.one(NODES, "n2")["spec"]}
    )
    await live(cluster, 10, "n1", "n2")
    assert taints(cluster, "n2") == set()


async def test_pods_of_a_silent_node_become_unready_and_are_evicted_after_their_toleration(run):
    cluster = await with_nodes(run, "n1", "n2")
    toleration = {
        "key": "node.kubernetes.io/unreachable",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    forever = {"operator": "Exists"}
    cluster.api.put(PODS, pod("a", node="n2", tolerations=[toleration]))
    cluster.api.put(PODS, pod("b", node="n2", tolerations=[forever]))
    cluster.api.put(PODS, pod("c", node="n2"))
    cluster.api.put(PODS, pod("d", node="n1"))
    await live(cluster, 60, "n1")
    names = {one["metadata"]["name"] for one in cluster.api.all(PODS)}
    assert names == {"a", "b", "d"}
    assert get_condition(cluster.api.one(PODS, "default/a")["status"], "Ready")["status"] == "False"
    assert get_condition(cluster.api.one(PODS, "default/d")["status"], "Ready")["status"] == "True"
    await live(cluster, 280, "n1")
    assert "default/a" in cluster.api.objects[PODS]
    await live(cluster, 30, "n1")
    assert {one["metadata"]["name"] for one in cluster.api.all(PODS)} == {"b", "d"}
    assert ("Normal", "TaintManagerEviction", "Marking for deletion Pod default/a") in cluster.api.events()


async def test_an_eviction_is_cancelled_when_the_taint_goes(run):
    cluster = await with_nodes(run, "n1")
    toleration = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 100}
    cluster.api.put(PODS, pod("a", node="n1", tolerations=[toleration]))
    taint = {"key": "x", "effect": "NoExecute"}
    cluster.api.change(NODES, "n1", {"spec": {"taints": [taint]}})
    await live(cluster, 50, "n1")
    cluster.api.change(NODES, "n1", {"spec": {"taints": None}})
    await live(cluster, 100, "n1")
    assert "default/a" in cluster.api.objects[PODS]
    assert ("Normal", "TaintManagerEviction", "Cancelling deletion of Pod default/a") in cluster.api.events()


async def test_when_every_node_is_silent_none_is_emptied(run):
    cluster = await with_nodes(run, "n1", "n2")
    await live(cluster, 120)
    for name in ("n1", "n2"):
        await cluster.settle(10)
        assert taints(cluster, name) == {("unreachable", "NoSchedule")}
    for name in ("n1",):
        cluster.api.put(
            NODES,
            {**node(name, heartbeat="2026-01-01T00:05:00Z"), "spec": cluster.api.one(NODES, name)["spec"]},
        )
    await live(cluster, 20, "n1")
    assert ("unreachable", "NoExecute") in taints(cluster, "n2")


async def test_nodes_of_one_zone_are_emptied_one_after_the_other(run):
    names = [f"n{number}" for number in range(6)]
    cluster = await with_nodes(run, *names)
    await live(cluster, 55, *names[2:])
    emptied = [name for name in names if ("unreachable", "NoExecute") in taints(cluster, name)]
    assert len(emptied) == 1
    await live(cluster, 15, *names[2:])
    emptied = [name for name in names if ("unreachable", "NoExecute") in taints(cluster, name)]
    assert len(emptied) == 2


async def test_cordoned_nodes_and_pressure_are_tainted(run):
    pressure = {"type": "MemoryPressure", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    cluster = await run(*LIFE)
    cluster.api.put(NODES, node("n1", unschedulable=True, conditions=[pressure]))
    await live(cluster, 5, "n1")
    assert taints(cluster, "n1") == {("unschedulable", "NoSchedule"), ("memory-pressure", "NoSchedule")}
    cluster.api.change(NODES, "n1", {"spec": {"unschedulable": None}})
    await live(cluster, 5, "n1")
    assert taints(cluster, "n1") == {("memory-pressure", "NoSchedule")}


async def test_nodes_get_ranges_that_survive_a_restart(run):
    def prepare(api):
        api.put(NODES, node("old", cidr="10.244.1.0/24"))

    cluster = await run("node-ipam-controller", prepare=prepare)
    for name in ("a", "b"):
        cluster.api.put(NODES, node(name))
    await cluster.settle()
    cidrs = {one["metadata"]["name"]: one["spec"]["podCIDR"] for one in cluster.api.all(NODES)}
    assert cidrs == {"old": "10.244.1.0/24", "a": "10.244.0.0/24", "b": "10.244.2.0/24"}
    assert cluster.api.one(NODES, "a")["spec"]["podCIDRs"] == ["10.244.0.0/24"]


async def test_the_range_of_a_deleted_node_waits_for_its_last_pod(run):
    cluster = await run("node-ipam-controller", cluster_cidr="10.0.0.0/23")
    for name in ("a", "b"):
        cluster.api.put(NODES, node(name))
    await cluster.settle()
    cluster.api.put(PODS, pod("p", node="a"))
    await cluster.settle()
    cluster.api.remove(NODES, "a")
    cluster.api.put(NODES, node("c"))
    await cluster.settle()
    assert "podCIDR" not in cluster.api.one(NODES, "c")["spec"]
    assert ("Normal", "CIDRNotAvailable", "Node c status is now: CIDRNotAvailable") in cluster.api.events()
    cluster.api.remove(PODS, "default/p")
    await cluster.settle(40)
    assert cluster.api.one(NODES, "c")["spec"]["podCIDR"] == "10.0.0.0/24"


async def test_pods_of_a_deleted_node_are_collected_after_quarantine(run):
    cluster = await run("pod-garbage-collector-controller")
    cluster.api.graceful_pods = True
    cluster.api.put(NODES, node("n1"))
    cluster.api.put(PODS, pod("p", node="n1"))
    await cluster.settle()
    cluster.api.remove(NODES, "n1")
    await cluster.settle(35)
    assert cluster.api.all(PODS)
    seen = []
    cluster.api.refuse = lambda verb, kind, obj: seen.append((verb, obj))
    await cluster.settle(10)
    assert not cluster.api.all(PODS)
    condition = seen[0][1]["status"]["conditions"][-1]
    assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "DeletionByPodGC")
    assert condition["message"] == "PodGC: node no longer exists"


@pytest.mark.parametrize("threshold, left", [(2, 2), (0, 5)])
async def test_the_oldest_finished_pods_go_beyond_the_threshold(run, threshold, left):
    cluster = await run("pod-garbage-collector-controller", terminated_pod_gc_threshold=threshold)
    cluster.api.put(NODES, node("n1"))
    for number in range(5):
        cluster.api.put(PODS, pod(f"p{number}", phase="Succeeded", created=f"2026-01-01T00:00:0{number}Z"))
    await cluster.settle()
    names = sorted(one["metadata"]["name"] for one in cluster.api.all(PODS))
    assert names == ["p0", "p1", "p2", "p3", "p4"][5 - left :]


async def test_terminating_pods_on_a_node_out_of_service_are_forced(run):
    cluster = await run("pod-garbage-collector-controller")
    cluster.api.graceful_pods = True
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    cluster.api.put(NODES, node("n1", ready="Unknown"))
    cluster.api.put(PODS, pod("going", deleting=True))
    cluster.api.put(PODS, pod("staying"))
    cluster.api.put(PODS, pod("unbound", node="", deleting=True))
    await cluster.settle()
    assert {one["metadata"]["name"] for one in cluster.api.all(PODS)} == {"going", "staying"}
    cluster.api.change(NODES, "n1", {"spec": {"taints": [taint]}})
    await cluster.settle()
    assert {one["metadata"]["name"] for one in cluster.api.all(PODS)} == {"staying"}
