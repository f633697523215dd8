"""GET and LIST: forms, selectors, pages, revisions."""

from __future__ import annotations

import asyncio
from importlib import import_module

import pytest
import yaml
from api_harness import Api

listing = import_module("pybernetes.apiserver.handlers.list")

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


async def test_an_object_reads_as_it_was_answered(api: Api) -> None:
    made = await api.config_map()
    reply = await api.get(CONFIG_MAPS + "/one")
    assert reply.status == 200 and reply.json == made
    assert reply.headers.get("content-type") == "application/json"


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    reply = await api.get(CONFIG_MAPS + "/none")
    assert reply.status == 404
    assert reply.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "none" not found',
        "reason": "NotFound",
        "details": {"name": "none", "kind": "configmaps"},
        "code": 404,
    }


async def test_items_of_builtin_lists_carry_no_kind(api: Api) -> None:
    made = await api.config_map()
    listed = (await api.get(CONFIG_MAPS)).json
    assert listed["kind"] == "ConfigMapList" and listed["apiVersion"] == "v1"
    assert listed["metadata"] == {"resourceVersion": made["metadata"]["resourceVersion"]}
    item = listed["items"][0]
    assert "kind" not in item and "apiVersion" not in item
    assert item["metadata"] == made["metadata"]


async def test_lists_select_by_labels_and_fields(api: Api) -> None:
    await api.config_map("a", metadata={"labels": {"tier": "front"}})
    await api.config_map("b", metadata={"labels": {"tier": "back"}})

    async def names(query: str) -> list[str]:
        listed = (await api.get(f"{CONFIG_MAPS}?{query}")).json
        return [item["metadata"]["name"] for item in listed["items"]]

    assert await names("labelSelector=tier%3Dfront") == ["a"]
    assert await names("labelSelector=tier+notin+(front)") == ["b"]
    assert await names("fieldSelector=metadata.name%3Db") == ["b"]
    assert await names("fieldSelector=metadata.namespace%3Dother") == []


async def test_a_field_that_cannot_be_selected_by_is_refused(api: Api) -> None:
    reply = await api.get(f"{CONFIG_MAPS}?fieldSelector=data.a%3D1")
    assert reply.status == 400 and reply.message == (
        '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )
    assert (await api.get(f"{CONFIG_MAPS}?labelSelector=a%3D%3D%3Db")).status == 400


async def test_pages_are_consistent(api: Api) -> None:
    for number in range(5):
        await api.config_map(f"c{number}")
    first = (await api.get(f"{CONFIG_MAPS}?limit=2")).json
    assert [item["metadata"]["name"] for item in first["items"]] == ["c0", "c1"]
    assert first["metadata"]["remainingItemCount"] == 3
    await api.config_map("c2a")
    token = first["metadata"]["continue"]
    second = (await api.get(f"{CONFIG_MAPS}?limit=10&continue={token}")).json
    assert [item["metadata"]["name"] for item in second["items"]] == ["c2", "c3", "c4"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]


async def test_a_bad_continue_token_is_a_bad_request(api: Api) -> None:
    assert (await api.get(f"{CONFIG_MAPS}?limit=1&continue=nonsense")).status == 400


async def test_an_exact_revision_shows_what_was(api: Api) -> None:
    made = await api.config_map("a")
    version = made["metadata"]["resourceVersion"]
    await api.config_map("b")
    exact = await api.get(f"{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert [item["metadata"]["name"] for item in exact.json["items"]] == ["a"]
    newer = await api.get(f"{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=NotOlderThan")
    assert len(newer.json["items"]) == 2


async def test_contradicting_options_are_refused(api: Api) -> None:
    reply = await api.get(f"{CONFIG_MAPS}?resourceVersionMatch=Exact")
    assert reply.status == 422
    assert reply.message == (
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
        "resourceVersionMatch is forbidden unless resourceVersion is provided"
    )
    assert (await api.get(f"{CONFIG_MAPS}?resourceVersion=x")).status == 400
    assert (await api.get(f"{CONFIG_MAPS}?limit=x")).status == 400


async def test_tables_have_columns_and_rows(api: Api) -> None:
    await api.config_map()
    listed = (await api.get(CONFIG_MAPS, accept=TABLE)).json
    assert listed["kind"] == "Table" and listed["apiVersion"] == "meta.k8s.io/v1"
    assert [column["name"] for column in listed["columnDefinitions"]] == ["Name", "Data", "Age"]
    row = listed["rows"][0]
    assert row["cells"][:2] == ["one", 1]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    whole = (await api.get(CONFIG_MAPS + "/one?includeObject=Object", accept=TABLE)).json
    assert whole["rows"][0]["object"]["kind"] == "ConfigMap"


async def test_metadata_only(api: Api) -> None:
    await api.config_map()
    one = (await api.get(CONFIG_MAPS + "/one", accept=PARTIAL)).json
    assert one["kind"] == "PartialObjectMetadata" and "data" not in one
    listed = (await api.get(CONFIG_MAPS, accept=PARTIAL_LIST)).json
    assert listed["kind"] == "PartialObjectMetadataList"
    assert listed["items"][0]["metadata"]["name"] == "one"


async def test_yaml_and_protobuf_answers(api: Api) -> None:
    from pybernetes.api import protobuf

    await api.config_map()
    text = await api.get(CONFIG_MAPS + "/one", accept="application/yaml")
    assert text.headers.get("content-type") == "application/yaml"
    assert yaml.safe_load(text.body)["data"] == {"a": "1"}
    binary = await api.get(CONFIG_MAPS, accept=protobuf.CONTENT_TYPE)
    assert protobuf.decode(binary.body)["items"][0]["data"] == {"a": "1"}


async def test_a_form_that_does_not_exist_is_not_acceptable(api: Api) -> None:
    reply = await api.get(CONFIG_MAPS, accept="text/html")
    assert (reply.status, reply.reason) == (406, "NotAcceptable")
    assert reply.message == (
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
        "application/vnd.kubernetes.protobuf;stream=watch"
    )
    reply = await api.get(
        CONFIG_MAPS, accept="application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io"
    )
    assert reply.status == 406


async def test_a_revision_from_the_future_times_out(api: Api) -> None:
    import pybernetes.apiserver.app as app

    before, app.REVISION_WAIT = app.REVISION_WAIT, 0.01
    try:
        reply = await api.get(f"{CONFIG_MAPS}?resourceVersion=1000000")
    finally:
        app.REVISION_WAIT = before
    assert (reply.status, reply.reason) == (504, "Timeout")
    assert reply.message.startswith("Timeout: Too large resource version: 1000000, current: ")
    assert reply.headers.get("retry-after") == "1"


async def test_both_kinds_of_events_are_the_same_objects(api: Api) -> None:
    event = {
        "metadata": {"name": "e1"},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
        "reason": "Started",
        "message": "Started it",
        "type": "Normal",
        "source": {"component": "kubelet"},
    }
    await api.made("/api/v1/namespaces/default/events", event)
    other = (await api.get("/apis/events.k8s.io/v1/namespaces/default/events/e1")).json
    assert other["apiVersion"] == "events.k8s.io/v1"
    assert other["regarding"]["name"] == "web" and other["note"] == "Started it"
    found = await api.get(
        "/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Dweb"
    )
    assert len(found.json["items"]) == 1


async def test_big_lists_are_streamed_whole(api: Api) -> None:
    for number in range(6):
        await api.config_map(f"big{number}", data={"x": "y" * 100_000})
    listed = (await api.get(CONFIG_MAPS)).json
    assert [item["metadata"]["name"] for item in listed["items"]] == [f"big{n}" for n in range(6)]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 130])
async def test_lists_in_every_form_are_whole_at_every_length(
    api: Api, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "STREAM_FROM", 2000)
    monkeypatch.setattr(listing, "CHUNK", 1000)
    names = [f"m{number:03d}" for number in range(count)]
    await asyncio.gather(*(api.config_map(name) for name in names))
    plain = (await api.get(CONFIG_MAPS)).json
    assert [item["metadata"]["name"] for item in plain["items"]] == names
    table = (await api.get(CONFIG_MAPS, accept=TABLE)).json
    assert [row["cells"][0] for row in table["rows"]] == names
    assert [row["object"]["metadata"]["name"] for row in table["rows"]] == names
    assert table["columnDefinitions"][0]["name"] == "Name"
    partial = await api.get(CONFIG_MAPS, accept=PARTIAL_LIST)
    assert [item["metadata"]["name"] for item in partial.json["items"]] == names
    assert {item["kind"] for item in partial.json["items"]} <= {"PartialObjectMetadata"}
    assert plain["metadata"] == table["metadata"] == partial.json["metadata"]


async def test_errors_are_in_protobuf_for_who_takes_nothing_else(api: Api) -> None:
    from pybernetes.api import protobuf

    path = "/api/v1/namespaces/default/configmaps/none"
    reply = await api.get(path, accept="application/vnd.kubernetes.protobuf")
    assert (reply.status, reply.headers.get("content-type")) == (404, "application/vnd.kubernetes.protobuf")
    assert protobuf.decode(reply.body)["reason"] == "NotFound"
    either = await api.get(path, accept="application/vnd.kubernetes.protobuf, application/json")
    assert either.reason == "NotFound"


async def test_component_statuses_are_selected_as_all_else(api: Api) -> None:
    path = "/api/v1/componentstatuses"
    for selector, found in (("", 1), ("?fieldSelector=metadata.name%3Detcd-0", 1), ("?labelSelector=a", 0)):
        assert len((await api.get(path + selector)).json["items"]) == found
    assert (await api.get(path + "?fieldSelector=spec.x%3Dy")).status == 400
