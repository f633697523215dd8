"""The client over an in-process handler: what is asked, and what comes of the answers."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from fake_server import FakeServer, WatchFeed, frame, json_answer, pod

from pybernetes.api import errors
from pybernetes.api.kinds import DEPLOYMENTS, NODES, PODS
from pybernetes.client.interface import APPLY_PATCH
from pybernetes.client.rest import RestClient
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import Answer, Headers, Request, Response


def client_of(server: FakeServer, clock: VirtualClock | None = None) -> RestClient:
    return RestClient(InProcessTransport(server), clock=clock or VirtualClock())


async def test_a_request_names_the_object_by_its_path() -> None:
    server = FakeServer(lambda request: json_answer(pod("web")))
    client = client_of(server)
    assert (await client.get(PODS, "default", "web"))["metadata"]["name"] == "web"
    await client.get(DEPLOYMENTS, "shop", "web", subresource="scale")
    await client.get(NODES, None, "system:odd/name")
    assert [request.target for request in server.requests] == [
        "/api/v1/namespaces/default/pods/web",
        "/apis/apps/v1/namespaces/shop/deployments/web/scale",
        "/api/v1/nodes/system%3Aodd%2Fname",
    ]


async def test_list_items_carry_their_kind() -> None:
    body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [{"metadata": {"name": "a"}}]}
    server = FakeServer(lambda request: json_answer(body))
    answer = await client_of(server).list(PODS, label_selector="app=web", limit=5)
    assert answer["items"][0]["kind"] == "Pod"
    assert answer["items"][0]["apiVersion"] == "v1"
    assert server.requests[0].query == {"labelSelector": ["app=web"], "limit": ["5"]}


async def test_a_null_list_of_items_is_an_empty_one() -> None:
    server = FakeServer(lambda request: json_answer({"metadata": {}, "items": None}))
    assert (await client_of(server).list(PODS))["items"] == []


async def test_create_takes_the_namespace_from_the_object() -> None:
    server = FakeServer(lambda request: json_answer(pod("web"), 201))
    await client_of(server).create(PODS, pod("web"))
    await client_of(server).create(PODS, {"metadata": {}}, "other", name="web", subresource="eviction")
    assert server.requests[0].target == "/api/v1/namespaces/default/pods"
    assert server.requests[0].headers.get("content-type") == "application/json"
    assert server.requests[1].target == "/api/v1/namespaces/other/pods/web/eviction"


async def test_an_apply_patch_names_its_manager() -> None:
    server = FakeServer(lambda request: json_answer(pod("web")))
    client = client_of(server)
    await client.patch(PODS, "default", "web", {}, patch_type=APPLY_PATCH, field_manager="me", force=True)
    assert server.requests[0].headers.get("content-type") == APPLY_PATCH
    assert server.requests[0].query == {"fieldManager": ["me"], "force": ["true"]}
    with pytest.raises(ValueError, match="field_manager"):
        await client.patch(PODS, "default", "web", {}, patch_type=APPLY_PATCH)


async def test_delete_sends_its_options_as_a_body() -> None:
    server = FakeServer(lambda request: json_answer({"kind": "Status"}))
    client = client_of(server)
    await client.delete(PODS, "default", "web")
    await client.delete(PODS, "default", "web", grace_period_seconds=0, uid="u1")
    bodies = [await request.body.read(10000) for request in server.requests]
    assert bodies[0] == b""
    assert msgspec.json.decode(bodies[1]) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u1"},
    }


async def test_a_status_comes_out_as_the_servers_own_error() -> None:
    problem = errors.not_found(PODS, "web")
    server = FakeServer(lambda request: json_answer(problem.status, 404))
    with pytest.raises(errors.NotFound, match='pods "web" not found') as caught:
        await client_of(server).get(PODS, "default", "web")
    assert caught.value.status == problem.status


async def test_an_error_that_is_no_status_keeps_its_text() -> None:
    server = FakeServer(lambda request: Response(502, Headers(), b"<h1>bad gateway</h1>"))
    with pytest.raises(errors.APIError, match="bad gateway") as caught:
        await client_of(server).get(PODS, "default", "web")
    assert caught.value.status["code"] == 502


async def test_a_closed_transport_is_service_unavailable() -> None:
    client = client_of(FakeServer(lambda request: json_answer({})))
    await client.close()
    with pytest.raises(errors.ServiceUnavailable, match="cannot be reached"):
        await client.get(PODS, "default", "web")


async def test_a_repeatable_request_waits_as_the_server_asks() -> None:
    clock = VirtualClock()
    answers: list[Answer] = [
        json_answer(errors.too_many_requests("slow down", 3).status, 429, retry_after="3"),
        json_answer(pod("web")),
    ]
    server = FakeServer(lambda request: answers.pop(0))
    task = asyncio.ensure_future(client_of(server, clock).get(PODS, "default", "web"))
    await clock.advance(2)
    assert not task.done()
    await clock.advance(2)
    assert (await task)["metadata"]["name"] == "web"


async def test_a_create_is_not_repeated() -> None:
    status = errors.too_many_requests("slow down", 3).status
    server = FakeServer(lambda request: json_answer(status, 429, retry_after="3"))
    with pytest.raises(errors.TooManyRequests) as caught:
        await client_of(server).create(PODS, pod("web"))
    assert caught.value.retry_after == 3
    assert len(server.requests) == 1


async def test_an_answer_that_never_comes_is_a_timeout() -> None:
    clock = VirtualClock()

    async def never(request: Request) -> Answer:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    client = RestClient(InProcessTransport(never), clock=clock, timeout=30)
    task = asyncio.ensure_future(client.get(PODS, "default", "web"))
    await clock.advance(31)
    with pytest.raises(errors.Timeout, match="within 30 s"):
        await task


async def test_watch_events_are_framed_by_lines_however_they_arrive() -> None:
    feed = WatchFeed()
    clock = VirtualClock()
    server = FakeServer(lambda request: feed.answer())
    client = client_of(server, clock)
    seen: list[Any] = []

    async def follow() -> None:
        async for event in client.watch(PODS, "default", resource_version="5"):
            seen.append((event.type, event.object["metadata"]["name"]))

    task = asyncio.ensure_future(follow())
    await clock.settle()
    whole = frame("ADDED", pod("a")) + frame("MODIFIED", pod("b"))
    for start in range(0, len(whole), 17):
        feed.send(whole[start : start + 17])
        await clock.settle()
    feed.send(frame("DELETED", pod("c")) + frame("ADDED", pod("d")))
    feed.end()
    await task
    assert seen == [("ADDED", "a"), ("MODIFIED", "b"), ("DELETED", "c"), ("ADDED", "d")]
    query = server.requests[0].query
    assert query["resourceVersion"] == ["5"]
    assert query["allowWatchBookmarks"] == ["true"]
    assert 300 <= int(query["timeoutSeconds"][0]) <= 600


async def test_an_error_event_is_raised() -> None:
    feed = WatchFeed()
    gone = frame("ERROR", errors.expired("too old resource version: 1 (9)").status)
    client = client_of(FakeServer(lambda request: feed.answer(gone)))
    with pytest.raises(errors.Gone):
        async for _ in client.watch(PODS):
            pass


async def test_a_refused_watch_is_raised() -> None:
    status = errors.forbidden(PODS, "", "no").status
    client = client_of(FakeServer(lambda request: json_answer(status, 403)))
    with pytest.raises(errors.Forbidden):
        async for _ in client.watch(PODS):
            pass


async def test_raw_gives_status_and_bytes() -> None:
    client = client_of(FakeServer(lambda request: Response(418, Headers(), b"tea")))
    assert await client.raw("POST", "/x", {"a": 1}, {"accept": "text/plain"}) == (418, b"tea")
