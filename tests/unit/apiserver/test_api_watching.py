"""WATCH: what comes first, what follows, bookmarks, selections, forms, and the end."""

from __future__ import annotations

import base64
import json

import yaml
from api_harness import Api

from pybernetes.api import protobuf
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.websocket import WebSocket, check_answer, client_handshake

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def test_events_follow_a_revision(api: Api) -> None:
    made = await api.config_map("a")
    watch = await api.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion={made['metadata']['resourceVersion']}")
    await api.config_map("b")
    await api.patch(CONFIG_MAPS + "/b", {"data": {"x": "y"}})
    await api.delete(CONFIG_MAPS + "/b")
    events = [await watch.next() for _ in range(3)]
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert events[1]["object"]["data"] == {"a": "1", "x": "y"}
    assert events[0]["object"]["kind"] == "ConfigMap"
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    await watch.close()


async def test_without_a_revision_the_present_comes_first(api: Api) -> None:
    await api.config_map("a")
    for query in ("watch=1", "watch=1&resourceVersion=0"):
        watch = await api.watch(f"{CONFIG_MAPS}?{query}")
        event = await watch.next()
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")
        await watch.close()


async def test_initial_events_end_with_a_bookmark(api: Api) -> None:
    await api.config_map("a")
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    watch = await api.watch(f"{CONFIG_MAPS}?{query}")
    assert (await watch.next())["type"] == "ADDED"
    bookmark = await watch.next()
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await api.config_map("b")
    assert (await watch.next())["object"]["metadata"]["name"] == "b"
    await watch.close()


async def test_what_leaves_the_selection_is_deleted(api: Api) -> None:
    await api.config_map("a", metadata={"labels": {"x": "1"}})
    watch = await api.watch(f"{CONFIG_MAPS}?watch=1&labelSelector=x%3D1")
    assert (await watch.next())["type"] == "ADDED"
    await api.config_map("b")
    await api.patch(CONFIG_MAPS + "/a", {"metadata": {"labels": {"x": "2"}}})
    event = await watch.next()
    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "a")
    await watch.close()


async def test_one_object_by_name(api: Api) -> None:
    await api.config_map("a")
    await api.config_map("b")
    watch = await api.watch(f"{CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Db")
    assert (await watch.next())["object"]["metadata"]["name"] == "b"
    await watch.close()


async def test_tables_name_their_columns_once(api: Api) -> None:
    await api.config_map("a")
    watch = await api.watch(f"{CONFIG_MAPS}?watch=1", accept=TABLE)
    first = await watch.next()
    assert first["object"]["columnDefinitions"][0]["name"] == "Name"
    await api.config_map("b")
    second = await watch.next()
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][0] == "b"
    await watch.close()


async def test_a_watch_ends_after_its_time(api: Api) -> None:
    watch = await api.watch(f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1")
    async with api.server.clock.timeout(5):
        assert await watch.ended()


async def test_a_revision_too_old_is_gone(api: Api) -> None:
    await api.config_map()
    await api.server.registry.store.compact(await api.server.registry.store.revision())
    cache = await api.server.registry.cache(api.server.resources.find("", "v1", "configmaps"))
    cache._history.floor = await api.server.registry.store.revision()
    reply = await api.get(f"{CONFIG_MAPS}?watch=1&resourceVersion=1")
    assert reply.status == 200 and reply.json["type"] == "ERROR"
    assert (reply.json["object"]["code"], reply.json["object"]["reason"]) == (410, "Expired")
    reply = await api.get(f"{CONFIG_MAPS}?watch=1&resourceVersion=1", accept=protobuf.CONTENT_TYPE)
    assert reply.status == 200 and int.from_bytes(reply.body[:4], "big") == len(reply.body) - 4
    assert b"ERROR" in reply.body and b"too old resource version" in reply.body


async def test_contradicting_options_are_refused(api: Api) -> None:
    reply = await api.get(f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true")
    assert reply.status == 422
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in reply.message
    reply = await api.get(f"{CONFIG_MAPS}?watch=1&resourceVersionMatch=Exact&resourceVersion=1")
    assert reply.status == 422


async def test_the_old_path_form_watches(api: Api) -> None:
    await api.config_map("a")
    watch = await api.watch("/api/v1/watch/namespaces/default/configmaps/a")
    assert (await watch.next())["object"]["metadata"]["name"] == "a"
    await watch.close()


async def test_both_versions_of_events_are_watched(api: Api) -> None:
    watch = await api.watch("/apis/events.k8s.io/v1/events?watch=1")
    event = {
        "metadata": {"name": "e1"},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
        "message": "hello",
        "reason": "Because",
        "type": "Normal",
    }
    await api.made("/api/v1/namespaces/default/events", event)
    seen = await watch.next()
    assert seen["object"]["note"] == "hello" and seen["object"]["apiVersion"] == "events.k8s.io/v1"
    await watch.close()


async def opened(api: Api, target: str, *protocols: str, **more: str) -> WebSocket:
    """A watch over a WebSocket."""
    headers, key = client_handshake(protocols)
    for name, value in more.items():
        headers.set(name, value)
    if not any("bearer" in protocol for protocol in protocols):
        headers.set("authorization", f"Bearer {api.server.access.loopback_token}")
    upgraded = await api.transport.upgrade("GET", target, headers)
    chosen = check_answer(upgraded.status, upgraded.headers, key)
    return WebSocket(upgraded.stream, client=True, protocol=chosen)


async def test_a_websocket_gets_a_message_an_event(api: Api) -> None:
    await api.config_map("a")
    await api.config_map("b")
    socket = await opened(api, f"{CONFIG_MAPS}?watch=1")
    first, second = await socket.receive(), await socket.receive()
    assert isinstance(first, str) and isinstance(second, str)
    assert [json.loads(text)["object"]["metadata"]["name"] for text in (first, second)] == ["a", "b"]
    await api.delete(CONFIG_MAPS + "/a")
    gone = await socket.receive()
    assert isinstance(gone, str) and json.loads(gone)["type"] == "DELETED"
    socket.close()
    assert await socket.receive() is None


async def test_a_websocket_watch_ends_in_time_and_may_be_a_table(api: Api) -> None:
    await api.config_map("a")
    socket = await opened(api, f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1", accept=TABLE)
    text = await socket.receive()
    assert isinstance(text, str) and json.loads(text)["object"]["kind"] == "Table"
    assert await socket.receive() is None


async def test_a_websocket_can_carry_its_token_as_a_protocol(api: Api) -> None:
    token = base64.urlsafe_b64encode(api.server.access.loopback_token.encode()).rstrip(b"=").decode()
    protocol = f"base64url.bearer.authorization.k8s.io.{token}"
    socket = await opened(api, f"{CONFIG_MAPS}?watch=1", protocol, "mine")
    assert socket.protocol == "mine"
    await api.config_map("a")
    assert "ADDED" in str(await socket.receive())
    socket.abort()


async def test_who_takes_only_protobuf_gets_protobuf(api: Api) -> None:
    await api.config_map("a")
    media_type = "application/vnd.kubernetes.protobuf"
    token = {"authorization": f"Bearer {api.server.access.loopback_token}"}
    answer = await api.transport.stream(
        "GET",
        f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1",
        Headers({**token, "accept": f"{media_type};stream=watch"}),
    )
    assert answer.headers.get("content-type") == f"{media_type};stream=watch"
    data = b"".join([chunk async for chunk in answer])
    length = int.from_bytes(data[:4], "big")
    assert len(data) == 4 + length
    assert data[4:].startswith(b"\n\x05ADDED\x12")
    assert protobuf.decode(data[data.index(protobuf.MAGIC) :])["metadata"]["name"] == "a"


async def test_there_are_no_watches_in_yaml(api: Api) -> None:
    reply = await api.get(f"{CONFIG_MAPS}?watch=1", accept="application/yaml")
    assert (reply.status, reply.headers.get("content-type")) == (406, "application/yaml")
    told = yaml.safe_load(reply.body)
    assert told["message"] == (
        "only the following media types are accepted: application/json;stream=watch, "
        "application/vnd.kubernetes.protobuf;stream=watch"
    )


async def test_a_table_of_nothing_known_is_refused_before_the_watch_begins(api: Api) -> None:
    for path in (f"{CONFIG_MAPS}?includeObject=All", f"{CONFIG_MAPS}?watch=1&includeObject=All"):
        reply = await api.get(path, accept=TABLE)
        assert (reply.status, reply.message) == (
            400,
            "Unable to convert to Table as requested: includeObject: Invalid value: \"All\": must be 'Metadata', "
            "'Object', 'None', or empty",
        )
