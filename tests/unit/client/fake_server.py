"""A handler that answers as a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from pybernetes.lib.http.messages import Answer, Headers, Request, Response, Streaming, Writer

encode = msgspec.json.encode


def json_answer(body: Any, status: int = 200, **headers: str) -> Response:
    lines = {"content-type": "application/json"}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Response(status, Headers(lines), encode(body))


def frame(type_: str, obj: Any) -> bytes:
    return encode({"type": type_, "object": obj}) + b"\n"


class WatchFeed:
    """What watchers are sent: `send` reaches every open watch, `end` closes them all."""

    def __init__(self) -> None:
        self.queues: list[asyncio.Queue[bytes | None]] = []

    def answer(self, first: bytes = b"") -> Streaming:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.queues.append(queue)

        async def run(writer: Writer) -> None:
            if first:
                writer.write(first)
            while (data := await queue.get()) is not None:
                writer.write(data)

        return Streaming(run, 200, Headers({"content-type": "application/json"}))

    def send(self, data: bytes) -> None:
        for queue in self.queues:
            queue.put_nowait(data)

    def end(self) -> None:
        self.send(None)
        self.queues.clear()


class FakeServer:
    def __init__(self, respond: Callable[[Request], Answer]) -> None:
        self.respond = respond
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.respond(request)


def pod(name: str, version: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            "managedFields": [{"manager": "test"}],
        },
        "spec": spec,
    }


def bookmark(version: int, end: bool = False) -> bytes:
    meta: dict[str, Any] = {"resourceVersion": str(version)}
    if end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    return frame("BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": meta})
