"""Informers on virtual time, against a server that does as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from fake_server import FakeServer, WatchFeed, bookmark, frame, json_answer, pod

from pybernetes.api import errors
from pybernetes.api.kinds import PODS, Kind
from pybernetes.client.factory import InformerFactory
from pybernetes.client.rest import RestClient
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import Answer, Request


class World:
    """A pod collection with streaming lists; `refuse` answers instead while it is set."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.pods: dict[str, dict[str, Any]] = {}
        self.version = 10
        self.feed = WatchFeed()
        self.refuse: Any = None
        self.streaming = True
        self.server = FakeServer(self.respond)
        self.client = RestClient(InProcessTransport(self.server), clock=self.clock)
        self.informers = InformerFactory(self.client, self.clock)
        self.log: list[tuple[str, str]] = []

    def respond(self, request: Request) -> Answer:
        if self.refuse is not None:
            return self.refuse(request)
        if request.query_value("watch") != "true":
            listed = {"resourceVersion": str(self.version)}
            return json_answer({"metadata": listed, "items": list(self.pods.values())})
        if request.query_value("sendInitialEvents") == "true":
            if not self.streaming:
                return json_answer(errors.invalid(PODS, "", [{"message": "sendInitialEvents"}]).status, 422)
            first = b"".join(frame("ADDED", one) for one in self.pods.values())
            return self.feed.answer(first + bookmark(self.version, end=True))
        return self.feed.answer()

    def write(self, name: str, **spec: Any) -> None:
        self.version += 1
        known = name in self.pods
        self.pods[name] = pod(name, self.version, **spec)
        self.feed.send(frame("MODIFIED" if known else "ADDED", self.pods[name]))

    def delete(self, name: str, *, silently: bool = False) -> None:
        self.version += 1
        obj = self.pods.pop(name)
        if not silently:
            last = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
            self.feed.send(frame("DELETED", last))

    def follow(self) -> None:
        self.informers.informer(PODS).add_handler(
            added=lambda obj: self.log.append(("added", obj["metadata"]["name"])),
            updated=lambda old, new: self.log.append(("updated", new["metadata"]["name"])),
            deleted=lambda obj: self.log.append(("deleted", obj["metadata"]["name"])),
        )


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.informers.close()
    await made.client.close()


@pytest.mark.parametrize("streaming", [True, False])
async def test_what_is_there_is_added_and_then_the_informer_is_synced(world: World, streaming: bool) -> None:
    world.streaming = streaming
    world.write("a")
    world.write("b")
    world.follow()
    informer = world.informers.informer(PODS)
    assert not informer.synced
    await world.informers.start()
    await world.informers.wait_synced()
    assert world.log == [("added", "a"), ("added", "b")]
    assert sorted(informer.store.keys()) == ["default/a", "default/b"]


async def test_handlers_hear_of_every_change_in_order(world: World) -> None:
    world.follow()
    await world.informers.start()
    await world.informers.wait_synced()
    world.write("a")
    world.write("a", nodeName="n1")
    world.delete("a")
    await world.clock.settle()
    assert world.log == [("added", "a"), ("updated", "a"), ("deleted", "a")]
    assert world.informers.informer(PODS).store.get("default/a") is None


async def test_a_late_handler_hears_of_what_is_there(world: World) -> None:
    world.write("a")
    world.informers.informer(PODS)
    await world.informers.start()
    await world.informers.wait_synced()
    world.follow()
    assert world.log == [("added", "a")]


async def test_a_handler_that_fails_does_not_stop_the_others(world: World) -> None:
    def broken(obj: Any) -> None:
        raise RuntimeError("broken handler")

    world.informers.informer(PODS).add_handler(added=broken)
    world.follow()
    await world.informers.start()
    world.write("a")
    await world.clock.settle()
    assert world.log == [("added", "a")]


async def test_managed_fields_are_dropped(world: World) -> None:
    world.write("a")
    informer = world.informers.informer(PODS)
    await world.informers.start()
    await informer.wait_synced()
    held = informer.store.get("default/a")
    assert held is not None and "managedFields" not in held["metadata"]


async def test_a_watch_that_ends_is_renewed_from_the_last_version(world: World) -> None:
    world.follow()
    await world.informers.start()
    await world.clock.advance(5)
    world.write("a")
    await world.clock.settle()
    world.feed.end()
    await world.clock.settle()
    assert world.server.requests[-1].query_value("resourceVersion") == "11"
    world.write("b")
    await world.clock.settle()
    assert world.log == [("added", "a"), ("added", "b")]


async def test_gone_lists_again_and_tells_only_what_differs(world: World) -> None:
    world.write("keep")
    world.write("lost")
    world.follow()
    await world.informers.start()
    await world.clock.advance(5)
    world.log.clear()
    world.delete("lost", silently=True)
    world.feed.send(frame("ERROR", errors.expired("too old resource version").status))
    world.pods["new"] = pod("new", 99)
    await world.clock.advance(5)
    assert sorted(world.log) == [("added", "new"), ("deleted", "lost")]


async def test_bookmarks_move_the_version_on(world: World) -> None:
    await world.informers.start()
    informer = world.informers.informer(PODS)
    await world.clock.settle()
    world.feed.send(bookmark(77))
    await world.clock.settle()
    assert informer.resource_version == "77"


async def test_a_server_that_is_away_is_asked_again_with_back_off(world: World) -> None:
    world.refuse = lambda request: json_answer(errors.ServiceUnavailable("starting").status, 503)
    world.follow()
    await world.informers.start()
    await world.clock.advance(60)
    assert 3 <= len(world.server.requests) <= 8
    world.refuse = None
    world.write("a")
    await world.clock.advance(61)
    assert world.log == [("added", "a")]


async def test_a_pod_recreated_with_the_same_name_is_deleted_and_added(world: World) -> None:
    world.write("a")
    world.follow()
    await world.informers.start()
    await world.informers.wait_synced()
    again = pod("a", 50)
    again["metadata"]["uid"] = "another"
    world.feed.send(frame("MODIFIED", again))
    await world.clock.settle()
    assert world.log == [("added", "a"), ("deleted", "a"), ("added", "a")]


async def test_all_who_ask_share_one_informer(world: World) -> None:
    assert world.informers.informer(PODS) is world.informers.informer(PODS)
    other = world.informers.informer(PODS, field_selector="spec.nodeName=n1")
    assert other is not world.informers.informer(PODS)


async def test_indexes_follow_changes(world: World) -> None:
    informer = world.informers.informer(PODS)
    informer.add_index("node", lambda obj: [obj["spec"]["nodeName"]] if "nodeName" in obj["spec"] else [])
    await world.informers.start()
    world.write("a", nodeName="n1")
    world.write("b", nodeName="n1")
    await world.clock.settle()
    assert [obj["metadata"]["name"] for obj in informer.store.by_index("node", "n1")] == ["a", "b"]
    world.write("a", nodeName="n2")
    world.delete("b")
    await world.clock.settle()
    assert informer.store.by_index("node", "n1") == []
    assert len(informer.store.by_index("node", "n2")) == 1
    assert len(informer.store.list("default")) == 1
    assert informer.store.list("elsewhere") == []


async def test_siblings_share_what_is_equal(world: World) -> None:
    owner = [{"uid": "rs1", "kind": "ReplicaSet", "controller": True}]
    informer = world.informers.informer(PODS)
    await world.informers.start()
    await world.clock.settle()
    for name in ("a", "b"):
        obj = pod(name, 20, containers=[{"name": "web", "image": "web:1"}], nodeName=f"node-{name}")
        obj["metadata"]["ownerReferences"] = owner
        world.feed.send(frame("ADDED", obj))
    await world.clock.settle()
    first, second = informer.store.list()
    assert first["spec"]["containers"] is second["spec"]["containers"]
    assert (first["spec"]["nodeName"], second["spec"]["nodeName"]) == ("node-a", "node-b")


async def test_custom_resources_keep_what_only_looks_equal(world: World) -> None:
    widgets = Kind("example.com", "v1", "Widget", "widgets")
    informer = world.informers.informer(widgets)
    await world.informers.start()
    await world.clock.settle()
    world.feed.send(frame("ADDED", pod("a", 20, options={"on": True})))
    world.feed.send(frame("ADDED", pod("b", 21, options={"on": 1})))
    await world.clock.settle()
    assert [repr(obj["spec"]["options"]) for obj in informer.store.list()] == ["{'on': True}", "{'on': 1}"]


async def test_closing_leaves_nothing_running(world: World) -> None:
    world.follow()
    await world.informers.start()
    await world.clock.settle()
    await world.informers.close()
    await world.client.close()
    await world.clock.settle()
    names = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert names == []
