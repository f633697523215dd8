"""WATCH: what comes first, what follows, bookmarks, selections, forms, and the end."""

from __future__ import annotations

from api_harness import Api

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
    assert (reply.status, reply.reason) == (410, "Expired")


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
