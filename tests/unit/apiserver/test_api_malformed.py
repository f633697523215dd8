"""Whatever a client sends, it gets a Status of the 400s, and the server goes on."""

from __future__ import annotations

import json

import pytest
from api_harness import Api

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"

BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"text"',
    b'{"metadata":',
    b'{"metadata":{"name":"x"},"data":{"a":NaN}}',
    b'{"metadata":{"name":"\xff"}}',
    b'{"metadata":{"name":"x","generation":1e400}}',
    b'{"metadata":{"name":"x","generation":99999999999999999999999999}}',
    b'{"metadata":[]}',
    b'{"metadata":"x"}',
    b'{"metadata":{"name":{}}}',
    b'{"metadata":{"name":["x"]}}',
    b'{"metadata":{"name":"x","labels":{"a":1}}}',
    b'{"metadata":{"name":"x","labels":[]}}',
    b'{"metadata":{"name":"x","ownerReferences":{}}}',
    b'{"metadata":{"name":"x","creationTimestamp":"now"}}',
    b'{"metadata":{"name":"x"},"data":[]}',
    b'{"kind":1,"metadata":{"name":"x"}}',
    b'{"kind":"ConfigMap","apiVersion":["v1"],"metadata":{"name":"x"}}',
    b"[" * 10000,
    b'{"a":' * 10000,
    json.dumps({"metadata": {"name": "x" * 10000}}).encode(),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:30]))
async def test_bodies(api: Api, body: bytes) -> None:
    reply = await api.post(CONFIG_MAPS, body)
    assert 400 <= reply.status < 500, reply.body
    assert reply.json["kind"] == "Status"
    for path, method in ((CONFIG_MAPS + "/x", "PUT"), (CONFIG_MAPS + "/x", "DELETE")):
        if body:
            assert 400 <= (await api.call(method, path, body)).status < 500
    assert (await api.get(CONFIG_MAPS)).json["items"] == []


async def test_a_body_that_is_too_long(api: Api) -> None:
    body = {"metadata": {"name": "x"}, "data": {"a": "b" * 4_000_000}}
    reply = await api.post(CONFIG_MAPS, body)
    assert (reply.status, reply.reason) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("media_type", ["application/yaml", "application/vnd.kubernetes.protobuf"])
async def test_other_formats_that_are_broken(api: Api, media_type: str) -> None:
    for body in (b"\x00\x01", b"a: [", b"k8s\x00\xff\xff\xff", b"- a", b"&a [*a]"):
        reply = await api.post(CONFIG_MAPS, body, content_type=media_type)
        assert 400 <= reply.status < 500, (body, reply.body)


PATHS = [
    "/api/v1/nothing",
    "/apis/none/v1/pods",
    "/apis/apps/v1/namespaces/default/pods",
    "/api/v1/pods/web",
    "/api/v1/namespaces/default/nodes",
    "/api/v1/namespaces/default/pods/web/nothing",
    "/api/v1/namespaces/default/pods/web/status/more",
    "/nothing",
    "/apis/apps/v9",
    "/api/v1/namespaces/default/configmaps/%2e%2e",
    "/api/v1/namespaces/default/configmaps/a%2Fb",
    "/api/v1/namespaces/default/configmaps/%ff",
    "/api/v1/namespaces//configmaps",
    "/%00",
]


@pytest.mark.parametrize("path", PATHS)
async def test_paths_that_lead_nowhere(api: Api, path: str) -> None:
    reply = await api.get(path)
    assert reply.status in (200, 400, 404, 405)
    if reply.status != 200:
        assert reply.body == b"404 page not found\n" or reply.json["kind"] == "Status"


async def test_methods_that_are_not_served(api: Api) -> None:
    for method, path in (
        ("POST", "/api/v1/pods"),
        ("POST", CONFIG_MAPS + "/x"),
        ("PUT", CONFIG_MAPS),
        ("BREW", CONFIG_MAPS),
        ("DELETE", "/version"),
        ("DELETE", "/api/v1/namespaces"),
        ("PUT", "/api/v1/namespaces/default/pods/web/log"),
    ):
        reply = await api.call(method, path, {})
        assert reply.status in (404, 405), (method, path, reply.body)


QUERIES = [
    "limit=x",
    "limit=99999999999999999999",
    "timeoutSeconds=x&watch=1",
    "continue=%7B",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ",
    "resourceVersion=-1",
    "resourceVersion=99999999999999999999",
    "resourceVersionMatch=Sometimes&resourceVersion=1",
    "labelSelector=%21%21",
    "labelSelector=a+in+b",
    "labelSelector=a%3Db%3Dc",
    "fieldSelector=a",
    "fieldSelector=a%3D%5Cx",
    "fieldSelector=metadata.nothing%3Dx",
]


@pytest.mark.parametrize("query", QUERIES)
async def test_queries_that_make_no_sense(api: Api, query: str) -> None:
    reply = await api.get(f"{CONFIG_MAPS}?{query}")
    assert 400 <= reply.status < 500, reply.body
    assert reply.json["kind"] == "Status"
