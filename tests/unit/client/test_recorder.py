"""Events: what is written for a pod that fails once, often, and in ever new words."""

from __future__ import annotations

from typing import Any

import msgspec
from fake_server import json_answer, pod

from pybernetes.api import errors
from pybernetes.api.kinds import CORE_EVENTS
from pybernetes.client.recorder import EventRecorder
from pybernetes.client.rest import RestClient
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import Answer, Request


class World:
    def __init__(self, style: Any = "core") -> None:
        self.clock = VirtualClock()
        self.events: dict[str, dict[str, Any]] = {}
        self.writes: list[str] = []
        self.away = False
        self.client = RestClient(InProcessTransport(self.handle), clock=self.clock)
        self.recorder = EventRecorder(self.client, self.clock, "kubelet", host="node-1", style=style)

    async def handle(self, request: Request) -> Answer:
        if self.away:
            return json_answer(errors.ServiceUnavailable("away").status, 503)
        body = msgspec.json.decode(await request.body.read(1 << 20))
        self.writes.append(request.method)
        if request.method == "POST":
            self.events[body["metadata"]["name"]] = body
            return json_answer(body, 201)
        name = request.path.rpartition("/")[2]
        if name not in self.events:
            return json_answer(errors.not_found(CORE_EVENTS, name).status, 404)
        self.events[name].update(body)
        return json_answer(self.events[name])

    def warn(self, message: str = "Back-off restarting", name: str = "web") -> None:
        self.recorder.event(pod(name), "Warning", "BackOff", message)

    async def settle(self) -> None:
        while not self.recorder.idle:
            await self.clock.settle()

    async def close(self) -> None:
        await self.recorder.close()
        await self.client.close()


async def test_an_event_says_what_happened_to_whom_and_who_says_so() -> None:
    world = World()
    world.warn()
    await world.settle()
    (event,) = world.events.values()
    assert event["metadata"]["name"].startswith("web.")
    assert int(event["metadata"]["name"].rpartition(".")[2], 16) > 10**18
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "default",
        "name": "web",
        "uid": "uid-web",
        "apiVersion": "v1",
        "resourceVersion": "1",
    }
    assert (event["type"], event["reason"], event["message"], event["count"]) == (
        "Warning",
        "BackOff",
        "Back-off restarting",
        1,
    )
    assert event["source"] == {"component": "kubelet", "host": "node-1"}
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    await world.close()


async def test_equal_events_are_counted() -> None:
    world = World()
    for _ in range(3):
        world.warn()
        await world.clock.advance(10)
    (event,) = world.events.values()
    assert event["count"] == 3
    assert event["lastTimestamp"] == "2026-01-01T00:00:20Z"
    assert world.writes == ["POST", "PATCH", "PATCH"]
    await world.close()


async def test_an_expired_event_is_created_again_with_its_count() -> None:
    world = World()
    world.warn()
    await world.settle()
    world.events.clear()
    world.warn()
    await world.settle()
    (event,) = world.events.values()
    assert event["count"] == 2
    await world.close()


async def test_many_similar_events_are_combined() -> None:
    world = World()
    for number in range(15):
        world.warn(f"attempt {number}")
    await world.settle()
    assert len(world.events) == 10
    last = list(world.events.values())[-1]
    assert last["message"] == "(combined from similar events): attempt 14"
    assert last["count"] == 6
    await world.close()


async def test_one_object_cannot_flood_the_server() -> None:
    world = World()
    for _ in range(100):
        world.warn()
    await world.settle()
    assert len(world.writes) == 25
    await world.clock.advance(300)
    world.warn()
    await world.settle()
    assert len(world.writes) == 26
    world.warn(name="other")
    await world.settle()
    assert len(world.writes) == 27
    await world.close()


async def test_events_wait_for_a_server_that_is_away() -> None:
    world = World()
    world.away = True
    world.warn()
    await world.clock.advance(15)
    world.away = False
    await world.clock.advance(15)
    assert len(world.events) == 1
    await world.close()


async def test_a_repetition_becomes_a_series() -> None:
    world = World("events")
    for _ in range(4):
        world.recorder.event(pod("web"), "Warning", "FailedScheduling", "no nodes", action="Scheduling")
        await world.clock.advance(60)
    (event,) = world.events.values()
    assert event["action"] == "Scheduling"
    assert event["note"] == "no nodes"
    assert event["regarding"]["name"] == "web"
    assert event["series"]["count"] == 2
    assert world.writes == ["POST", "PATCH"]
    await world.clock.advance(400)
    world.recorder.event(pod("web"), "Warning", "FailedScheduling", "no nodes", action="Scheduling")
    await world.settle()
    assert len(world.events) == 2
    await world.close()
