"""Whatever bytes come, the answer is one of the 400s (or a plain success), nothing stalls and nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import malformed
import pytest

from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.options import Options
from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.server import Server
from pybernetes.store.memory import MemoryStore

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
TARGETS = (
    CONFIG_MAPS,
    DEPLOYMENTS,
    "/api/v1/namespaces/default/pods",
    "/api/v1/namespaces/default/services",
    "/api/v1/namespaces/default/endpoints",
    "/apis/apps/v1/namespaces/default/controllerrevisions",
    "/apis/batch/v1/namespaces/default/jobs",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
)
STALLED = 2.0
"""Seconds in which a loop that is not stalled gets a turn, even on a busy machine."""


class Wire:
    """One connection at a time to the server, as raw as it gets."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[int, Any]:
        """Status and decoded answer, on a connection that is kept."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode("latin-1") + body)
        try:
            await writer.drain()
            status, headers, data = await _answer(reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.close()
            return 0, None
        if headers.get("connection") == "close":
            await self.close()
        return status, json.loads(data) if data else None

    async def raw(self, data: bytes) -> int:
        """The status of the first answer to these bytes, 0 when the connection just ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            writer.write_eof()
            status, _, _ = await _answer(reader)
            return status
        except (ConnectionError, asyncio.IncompleteReadError):
            return 0
        finally:
            writer.close()

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    if "chunked" in headers.get("transfer-encoding", ""):
        data = b""
        while size := int(await reader.readline(), 16):
            data += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        data = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers, data


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    clock = RealClock()
    tokens = tmp_path / "tokens.csv"
    tokens.write_text('secret,admin,1,"system:masters"\n')
    server = APIServer(MemoryStore(clock), clock, Options(token_file=tokens))
    await server.start()
    await server.ready()
    listener = Server(server.handler, clock)
    wire = Wire(await listener.start("127.0.0.1", 0))
    turns: list[float] = [0.0]

    async def watch_the_loop() -> None:
        last = clock.monotonic()
        while True:
            await clock.sleep(0.01)
            turns.append(clock.monotonic() - last)
            last = clock.monotonic()

    watching = asyncio.ensure_future(watch_the_loop())
    await wire.call("POST", "/api/v1/namespaces/default/serviceaccounts", b'{"metadata":{"name":"default"}}')
    kept = b'{"metadata":{"name":"kept"},"data":{"a":"b"}}'
    assert (await wire.call("POST", CONFIG_MAPS, kept))[0] == 201
    yield wire
    assert (await wire.call("GET", f"{CONFIG_MAPS}/kept"))[1]["data"] == {"a": "b"}
    watching.cancel()
    assert max(turns) < STALLED
    await wire.close()
    await listener.close(0)
    await server.close()


async def refused(
    wire: Wire, method: str, path: str, body: bytes, content_type: str = "application/json"
) -> None:
    status, answer = await wire.call(method, path, body, content_type)
    assert 200 <= status < 500, (method, path, body[:200], status, answer)
    if status >= 400:
        assert answer["kind"] == "Status" and answer["status"] == "Failure" and answer["code"] == status
    elif status == 201 and answer["kind"] not in ("Status", "SelfSubjectAccessReview"):
        name = quote(answer["metadata"]["name"], safe="")[:1000]
        await wire.call("DELETE", f"{path}/{name}?gracePeriodSeconds=0")


@pytest.mark.parametrize("target", TARGETS, ids=lambda path: path.rpartition("/")[2])
async def test_json_bodies(wire: Wire, target: str) -> None:
    for body in malformed.odd_json():
        await refused(wire, "POST", target, body)


async def test_json_that_ends_too_early_or_is_broken(wire: Wire) -> None:
    good = malformed.encoded(malformed.DEPLOYMENT)
    for body in (*malformed.truncated(good, 5), *malformed.mutated(good, 200)):
        await refused(wire, "POST", DEPLOYMENTS, body)
        await refused(wire, "PUT", f"{DEPLOYMENTS}/web", body)


async def test_json_that_is_nested_deeply(wire: Wire) -> None:
    for body in malformed.nested():
        for target in (CONFIG_MAPS, DEPLOYMENTS, "/apis/apps/v1/namespaces/default/controllerrevisions"):
            await refused(wire, "POST", target, body)
        for patch in ("merge-patch", "strategic-merge-patch", "json-patch"):
            await refused(wire, "PATCH", f"{CONFIG_MAPS}/kept", body, f"application/{patch}+json")


async def test_yaml_bodies(wire: Wire) -> None:
    for body in malformed.odd_yaml():
        await refused(wire, "POST", CONFIG_MAPS, body, "application/yaml")
        path = f"{CONFIG_MAPS}/other?fieldManager=a"
        await refused(wire, "PATCH", path, body, "application/apply-patch+yaml")


async def test_protobuf_bodies(wire: Wire) -> None:
    for body in malformed.odd_protobuf():
        await refused(wire, "POST", DEPLOYMENTS, body, "application/vnd.kubernetes.protobuf")


async def test_bodies_that_are_too_long(wire: Wire) -> None:
    text = b"a" * 4 * 1024 * 1024
    for body in (text, b'{"metadata":{"name":"x"},"data":{"a":"' + text + b'"}}', b"[" * len(text)):
        status, answer = await wire.call("POST", CONFIG_MAPS, body)
        assert status in (0, 413), answer
        status, _ = await wire.call("PATCH", f"{CONFIG_MAPS}/kept", body, "application/merge-patch+json")
        assert status in (0, 413)


async def test_patches(wire: Wire) -> None:
    good = malformed.encoded(malformed.DEPLOYMENT)
    assert (await wire.call("POST", DEPLOYMENTS, good))[0] == 201
    cases = (
        ("json-patch+json", malformed.odd_json_patches()),
        ("merge-patch+json", malformed.odd_merge_patches()),
        ("strategic-merge-patch+json", malformed.odd_merge_patches()),
        ("strategic-merge-patch+json", malformed.odd_directives()),
        ("apply-patch+yaml", malformed.odd_configurations()),
    )
    for media_type, patches in cases:
        for patch in patches:
            for sub in ("", "/status", "/scale"):
                path = f"{DEPLOYMENTS}/web{sub}?dryRun=All&fieldManager=a&force=true"
                if media_type.startswith(("json", "merge", "strategic")):
                    path = path.replace("&force=true", "")
                await refused(wire, "PATCH", path, malformed.encoded(patch), f"application/{media_type}")


@pytest.mark.parametrize("path", [CONFIG_MAPS, "/api/v1/nodes", "/apis/events.k8s.io/v1/events"])
async def test_queries(wire: Wire, path: str) -> None:
    for query in malformed.QUERIES:
        for method in ("GET", "DELETE"):
            if method == "DELETE" and "namespaces" not in path:
                continue
            status, answer = await wire.call(method, f"{path}?dryRun=All&{query}")
            assert 200 <= status < 500, (method, path, query, status, answer)


async def test_streams_of_bytes(wire: Wire) -> None:
    for stream in malformed.STREAMS:
        data = stream % CONFIG_MAPS.encode() if b"%s" in stream else stream
        head, found, body = data.partition(b"\r\n\r\n")
        if found:
            data = head + b"\r\nAuthorization: Bearer secret" + found + body
        status = await wire.raw(data)
        assert status < 500 or status in (501, 505), (data[:200], status)


async def test_content_types(wire: Wire) -> None:
    for content_type in malformed.CONTENT_TYPES:
        await refused(wire, "POST", CONFIG_MAPS, b'{"metadata":{"name":"x"}}', content_type)
        await refused(wire, "PATCH", f"{CONFIG_MAPS}/kept", b"{}", content_type)


async def test_bodies_with_very_many_fields(wire: Wire) -> None:
    many = ",".join(f'"k{number}":""' for number in range(50_000))
    twice = ",".join(['"a":""'] * 50_000)
    for fields in (many, twice):
        for place in ("%s", '"data":{%s}', '"metadata":{%s}'):
            await refused(wire, "POST", CONFIG_MAPS, ("{" + place % fields + "}").encode())
