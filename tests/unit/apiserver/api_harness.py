"""A server over the memory store, called directly: requests as bytes in, answers as status, headers and JSON out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.options import Options
from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import Headers
from pybernetes.store.memory import MemoryStore

Object = dict[str, Any]


@dataclass
class Reply:
    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json.get("message"))

    @property
    def reason(self) -> str:
        return str(self.json.get("reason"))


class Watching:
    """The lines of a watch, one at a time."""

    def __init__(self, response: Any) -> None:
        self.status = response.status
        self.response = response
        self._chunks = response.__aiter__()
        self._buffer = b""

    async def next(self) -> Object:
        while b"\n" not in self._buffer:
            self._buffer += await self._chunks.__anext__()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return dict(json.loads(line))

    async def ended(self) -> bool:
        return not [chunk async for chunk in self._chunks]

    async def close(self) -> None:
        await self.response.close()


class Api:
    """Requests as an admin unless they say otherwise."""

    def __init__(self, server: APIServer) -> None:
        self.server = server
        self.transport = InProcessTransport(server.handler)

    def _headers(self, headers: dict[str, str]) -> Headers:
        token = {"authorization": f"Bearer {self.server.access.loopback_token}"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return Headers({name: value for name, value in {**token, **given}.items() if value})

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = await self.transport.request(method, path, self._headers(headers), data)
        return Reply(answer.status, answer.headers, answer.body)

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any, **headers: str) -> Reply:
        return await self.call("POST", path, body, **headers)

    async def put(self, path: str, body: Any, **headers: str) -> Reply:
        return await self.call("PUT", path, body, **headers)

    async def delete(self, path: str, body: Any = None, **headers: str) -> Reply:
        return await self.call("DELETE", path, body, **headers)

    async def patch(self, path: str, body: Any, kind: str = "merge", **headers: str) -> Reply:
        names = {"merge": "merge-patch+json", "json": "json-patch+json", "apply": "apply-patch+yaml"}
        media_type = names.get(kind, "strategic-merge-patch+json")
        return await self.call("PATCH", path, body, content_type=f"application/{media_type}", **headers)

    async def watch(self, path: str, **headers: str) -> Watching:
        return Watching(await self.transport.stream("GET", path, self._headers(headers)))

    async def made(self, path: str, body: Any, **headers: str) -> Object:
        """POST that must succeed."""
        reply = await self.post(path, body, **headers)
        assert reply.status == 201, reply.body
        return dict(reply.json)

    async def config_map(self, name: str = "one", **fields: Any) -> Object:
        fields.setdefault("data", {"a": "1"})
        body = {"metadata": {"name": name, **fields.pop("metadata", {})}, **fields}
        return await self.made("/api/v1/namespaces/default/configmaps", body)

    async def pod(self, name: str = "web", **spec: Any) -> Object:
        body = {
            "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "nginx"}], **spec},
        }
        return await self.made("/api/v1/namespaces/default/pods", body)

    async def node(self, name: str = "n1") -> Object:
        return await self.made("/api/v1/nodes", {"metadata": {"name": name}})

    async def bind(self, pod: str, node: str) -> None:
        body = {"metadata": {"name": pod}, "target": {"kind": "Node", "name": node}}
        await self.made(f"/api/v1/namespaces/default/pods/{pod}/binding", body)

    async def deployment(self, name: str = "web", replicas: int = 1) -> Object:
        return await self.made("/apis/apps/v1/namespaces/default/deployments", deployment(name, replicas))


def deployment(name: str = "web", replicas: int = 1, image: str = "nginx") -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    }


async def start(options: Options) -> Api:
    clock = RealClock()
    server = APIServer(MemoryStore(clock), clock, options)
    await server.start()
    return Api(server)


async def stop(api: Api) -> None:
    await api.transport.close()
    await api.server.close()
    await api.server.registry.store.close()
