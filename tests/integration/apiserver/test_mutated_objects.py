"""Every kind takes nearly good objects through every door: accepted or refused, but never with a 5xx."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from mutations import GOOD, Mutator, Object

from pybernetes.api.kinds import Kind
from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.options import Options
from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import Headers
from pybernetes.store.memory import MemoryStore

ROUNDS = 6
FORMS = (
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
)
DOORS = ("status", "resize", "ephemeralcontainers")


class Client:
    def __init__(self, server: APIServer) -> None:
        self.server = server
        self.transport = InProcessTransport(server.handler)

    async def call(
        self, method: str, path: str, body: Any = None, kind: str = "json", accept: str = ""
    ) -> int:
        """The status, which must not be a 5xx."""
        headers = Headers(
            {
                "authorization": f"Bearer {self.server.access.loopback_token}",
                "content-type": f"application/{kind}",
                "accept": accept or "application/json",
            }
        )
        data = b"" if body is None else msgspec.json.encode(body)
        answer = await self.transport.request(method, path, headers, data)
        assert answer.status < 500, (method, path, body, answer.body)
        return answer.status


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    clock = RealClock()
    server = APIServer(MemoryStore(clock), clock, Options(bootstrap=False))
    await server.start()
    client = Client(server)
    await client.call("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}})
    account = {"metadata": {"name": "default"}}
    await client.call("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    yield client
    await server.close()


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: f"{kind.resource}-{kind.version}")
async def test_nearly_good_objects(client: Client, kind: Kind) -> None:
    mutator = Mutator(seed=len(kind.resource))
    schema = client.server.resources.of(kind).schema
    collection = kind.path("default") if kind.namespaced else kind.path()
    path = f"{collection}/subject"
    good: Object = {**GOOD[kind], "metadata": {"name": "subject"}}
    assert await client.call("POST", collection, good) == 201
    for _ in range(ROUNDS):
        await client.call(
            "POST", collection, {**mutator.mutated(good, schema), "metadata": {"name": "other"}}
        )
        await client.call("DELETE", f"{collection}/other?gracePeriodSeconds=0")
        await client.call("PUT", path, mutator.mutated(good, schema))
        for patch in ("merge-patch+json", "strategic-merge-patch+json"):
            await client.call("PATCH", path, mutator.mutated(good, schema), patch)
        applied = {**mutator.mutated(good, schema), "apiVersion": kind.api_version, "kind": kind.kind}
        await client.call("PATCH", f"{path}?fieldManager=m&force=true", applied, "apply-patch+yaml")
        for sub in kind.subresources:
            if sub.name in DOORS:
                status = {"status": mutator.value(schema.fields["status"], 2)}
                await client.call("PUT", f"{path}/{sub.name}", {**mutator.mutated(good, schema), **status})
        for accept in FORMS:
            await client.call("GET", collection, accept=accept)
            await client.call("GET", path, accept=accept)
