"""The scheduler against a real API server, on virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest_asyncio

from pybernetes.api import errors
from pybernetes.api.kinds import (
    EVENTS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    PRIORITY_CLASSES,
    STORAGE_CLASSES,
)
from pybernetes.client.factory import InformerFactory
from pybernetes.client.recorder import EventRecorder
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.http.messages import Answer, Headers, Request, Response
from pybernetes.scheduler.scheduler import Scheduler
from pybernetes.semantics.pods import get_condition
from pybernetes.semantics.storage import BIND_COMPLETED, SELECTED_NODE
from pybernetes.testing.cluster import Cluster

Object = dict[str, Any]


def pod(name: str, cpu: str = "100m", **spec: Any) -> Object:
    container = {"name": "main", "image": "web:1", "resources": {"requests": {"cpu": cpu}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [container], **spec},
    }


class World:
    """A cluster without controllers, so that nothing but the scheduler acts on pods."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.client = cluster.client

    async def create(self, *pods: Object) -> None:
        for one in pods:
            await self.client.create(PODS, one)

    async def node_of(self, name: str) -> str:
        return (await self.client.get(PODS, "default", name))["spec"].get("nodeName") or ""

    async def placed(self, name: str) -> str:
        async def placed() -> str:
            return await self.node_of(name)

        found: str = await self.cluster.until(placed, f"{name} is placed")
        return found

    async def refused(self, name: str) -> str:
        """The message of the condition that says why the pod waits."""

        async def refused() -> str:
            found = await self.client.get(PODS, "default", name)
            condition = get_condition(found.get("status"), "PodScheduled") or {}
            return condition["message"] if condition.get("reason") == "Unschedulable" else ""

        found: str = await self.cluster.until(refused, f"{name} is refused")
        return found

    async def events(self, name: str) -> list[Object]:
        await self.cluster.run_for(1)
        found = (await self.client.list(EVENTS, "default"))["items"]
        return [event for event in found if event["regarding"]["name"] == name]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with Cluster(clock=VirtualClock(), controllers=False) as cluster:
        await cluster.add_node("node-1", capacity={"cpu": "1"})
        yield World(cluster)


async def test_a_pod_is_bound_and_an_event_says_so(world: World) -> None:
    await world.create(pod("web"))
    assert await world.placed("web") == "node-1"
    (event,) = await world.events("web")
    assert (event["type"], event["reason"], event["action"]) == ("Normal", "Scheduled", "Binding")
    assert event["note"] == "Successfully assigned default/web to node-1"
    assert event["reportingController"] == "default-scheduler"


async def test_a_pod_without_room_says_why_and_comes_when_a_node_does(world: World) -> None:
    await world.create(pod("big", "3"))
    assert await world.refused("big") == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
        "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    (event,) = await world.events("big")
    assert (event["type"], event["reason"], event["action"]) == ("Warning", "FailedScheduling", "Scheduling")
    await world.cluster.add_node("node-2")
    assert await world.placed("big") == "node-2"


async def test_a_deleted_pod_makes_room_for_one_that_waits(world: World) -> None:
    await world.create(pod("first", "800m"))
    await world.placed("first")
    await world.create(pod("second", "800m"))
    await world.refused("second")
    await world.client.delete(PODS, "default", "first")
    before = world.cluster.clock.monotonic()
    assert await world.placed("second") == "node-1"
    assert world.cluster.clock.monotonic() - before < 5


async def test_uncordoning_and_untainting_wake_pods(world: World) -> None:
    await world.client.patch(NODES, None, "node-1", {"spec": {"unschedulable": True}})
    await world.create(pod("web"))
    assert (await world.refused("web")).startswith("0/1 nodes are available: 1 node(s) were unschedulable.")
    taint = {"key": "k", "effect": "NoSchedule"}
    await world.client.patch(NODES, None, "node-1", {"spec": {"unschedulable": None, "taints": [taint]}})
    await world.cluster.run_for(5)
    assert "1 node(s) had untolerated taint(s)" in await world.refused("web")
    await world.client.patch(NODES, None, "node-1", {"spec": {"taints": None}})
    assert await world.placed("web") == "node-1"


async def test_a_pod_of_higher_priority_takes_the_room_of_a_lower_one(world: World) -> None:
    meta = {"name": "high"}
    await world.client.create(PRIORITY_CLASSES, {"metadata": meta, "value": 1000, "globalDefault": False})
    await world.create(pod("low", "800m"))
    await world.placed("low")
    await world.create(pod("high", "800m", priorityClassName="high", priority=1000))
    assert await world.placed("high") == "node-1"
    found = {event["reason"]: event["note"] for event in await world.events("low")}
    high = await world.client.get(PODS, "default", "high")
    assert found["Preempted"] == f"Preempted by pod {high['metadata']['uid']} on node node-1"
    assert "low" not in {one["metadata"]["name"] for one in await world.cluster.pods()}
    assert [event["note"] for event in await world.events("high") if event["type"] == "Warning"] == [
        "0/1 nodes are available: 1 Insufficient cpu."
    ]


async def test_a_gated_pod_waits_for_its_gates(world: World) -> None:
    gate = {"name": "example.com/wait"}
    await world.create(pod("gated", schedulingGates=[gate]))
    await world.cluster.run_for(5)
    assert await world.node_of("gated") == ""
    await world.client.patch(PODS, "default", "gated", {"spec": {"schedulingGates": None}})
    assert await world.placed("gated") == "node-1"


async def test_pods_of_another_scheduler_are_left_alone_but_count(world: World) -> None:
    await world.create(pod("other", "800m", schedulerName="my-scheduler"))
    await world.cluster.run_for(5)
    assert await world.node_of("other") == ""
    binding = {"metadata": {"name": "other"}, "target": {"kind": "Node", "name": "node-1"}}
    await world.client.create(PODS, binding, "default", name="other", subresource="binding")
    await world.create(pod("mine", "800m"))
    assert "1 Insufficient cpu" in await world.refused("mine")


async def test_without_nodes_pods_wait_for_the_first_one() -> None:
    async with Cluster(clock=VirtualClock(), controllers=False) as cluster:
        world = World(cluster)
        await world.create(pod("early"))
        assert await world.refused("early") == "no nodes available to schedule pods"
        await cluster.add_node("node-1")
        assert await world.placed("early") == "node-1"


async def test_a_binding_that_fails_is_tried_again_after_a_back_off() -> None:
    async with Cluster(clock=VirtualClock(), controllers=False, scheduler=False, nodes=1) as cluster:
        failures = 2

        async def handler(request: Request) -> Answer:
            nonlocal failures
            if request.path.endswith("/binding") and failures:
                failures -= 1
                status = errors.InternalError("the disk is full").status
                return Response(
                    500, Headers({"content-type": "application/json"}), msgspec.json.encode(status)
                )
            return await cluster.server.handler(request)

        client = cluster.client_as("system:kube-scheduler", handler=handler)
        informers = InformerFactory(client, cluster.clock)
        recorder = EventRecorder(client, cluster.clock, "default-scheduler", style="events")
        scheduler = Scheduler(client, informers, cluster.clock, recorder)
        await informers.start()
        await scheduler.start()
        world = World(cluster)
        await world.create(pod("web"))
        await cluster.run_for(0.5)
        assert await world.node_of("web") == ""
        found = await world.client.get(PODS, "default", "web")
        condition = get_condition(found["status"], "PodScheduled") or {}
        assert condition["reason"] == "SchedulerError"
        assert "the disk is full" in condition["message"]
        await cluster.run_for(3)
        assert await world.node_of("web") == "node-1"
        await scheduler.close()
        await recorder.close()
        await informers.close()


async def test_a_claim_that_binds_late_is_told_the_node_and_waited_for(world: World) -> None:
    storage_class = {
        "metadata": {"name": "late"},
        "provisioner": "example.com/disks",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    await world.client.create(STORAGE_CLASSES, storage_class)
    claim = {
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "storageClassName": "late",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    await world.client.create(PERSISTENT_VOLUME_CLAIMS, claim)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    await world.create(pod("web", volumes=[volume]))

    async def told() -> str:
        found = await world.client.get(PERSISTENT_VOLUME_CLAIMS, "default", "data")
        return (found["metadata"].get("annotations") or {}).get(SELECTED_NODE, "")

    assert await world.cluster.until(told, "the claim is told the node") == "node-1"
    await world.cluster.run_for(60)
    assert await world.node_of("web") == ""
    patch = {"metadata": {"annotations": {BIND_COMPLETED: "yes"}}, "spec": {"volumeName": "pv"}}
    await world.client.patch(PERSISTENT_VOLUME_CLAIMS, "default", "data", patch)
    before = world.cluster.clock.monotonic()
    assert await world.placed("web") == "node-1"
    assert world.cluster.clock.monotonic() - before < 0.5


async def test_many_pods_are_spread_over_many_nodes() -> None:
    async with Cluster(clock=VirtualClock(), controllers=False, nodes=20) as cluster:
        world = World(cluster)
        await world.create(*(pod(f"p{number}") for number in range(200)))

        async def all_placed() -> bool:
            return all(one["spec"].get("nodeName") for one in await cluster.pods())

        await cluster.until(all_placed, "200 pods are placed")
        counts = Counter(one["spec"]["nodeName"] for one in await cluster.pods())
        assert set(counts.values()) == {10}
