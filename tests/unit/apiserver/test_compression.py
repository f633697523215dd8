"""Which answers are packed, and that unpacking gives what was packed."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from api_harness import Api

from pybernetes.apiserver.compression import THRESHOLD
from pybernetes.lib.http.messages import Headers, Peer, Request, Response, Streaming

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Collecting:
    """A writer that keeps everything."""

    closed = False
    buffered = 0

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None:
        pass

    async def wait_closed(self) -> None:
        pass


async def answered(api: Api, target: str, address: str = "10.0.0.5", **headers: str) -> tuple[Any, bytes]:
    token = {"authorization": f"Bearer {api.server.access.loopback_token}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("GET", target, Headers({**token, **named}), peer=Peer(address))
    answer = await api.server.handler(request)
    if isinstance(answer, Streaming):
        writer = Collecting()
        await answer.run(writer)
        return answer, writer.data
    assert isinstance(answer, Response)
    return answer, answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


@pytest.fixture
async def big(api: Api) -> Api:
    for number in range(4):
        await api.post(CONFIG_MAPS, {"metadata": {"name": f"c{number}"}, "data": {"a": "b" * THRESHOLD}})
    return api


@pytest.mark.parametrize("target", [CONFIG_MAPS, f"{CONFIG_MAPS}/c0", f"{CONFIG_MAPS}?limit=1"])
async def test_big_answers_are_packed_for_who_takes_it(big: Api, target: str) -> None:
    plain, whole = await answered(big, target)
    assert "content-encoding" not in plain.headers
    packed, data = await answered(big, target, accept_encoding="deflate, gzip;q=1.0")
    assert packed.headers.get("content-encoding") == "gzip"
    assert len(data) < len(whole) / 10
    assert gzip.decompress(data) == whole


@pytest.mark.parametrize(
    ("target", "address", "accepted"),
    [
        (f"{CONFIG_MAPS}/small", "10.0.0.5", "gzip"),
        (CONFIG_MAPS, "127.0.0.1", "gzip"),
        (CONFIG_MAPS, "::1", "gzip"),
        (CONFIG_MAPS, "10.0.0.5", "gzip;q=0"),
        (CONFIG_MAPS, "10.0.0.5", "br"),
    ],
)
async def test_what_is_left_as_it_is(big: Api, target: str, address: str, accepted: str) -> None:
    await big.post(CONFIG_MAPS, {"metadata": {"name": "small"}})
    answer, data = await answered(big, target, address, accept_encoding=accepted)
    assert "content-encoding" not in answer.headers
    assert data.startswith(b"{")


async def test_watches_are_never_packed(big: Api) -> None:
    request = Request(
        "GET",
        f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1",
        Headers({"authorization": f"Bearer {big.server.access.loopback_token}", "accept-encoding": "gzip"}),
        peer=Peer("10.0.0.5"),
    )
    answer = await big.server.handler(request)
    assert isinstance(answer, Streaming)
    assert "content-encoding" not in answer.headers
    writer = Collecting()
    await answer.run(writer)
    assert writer.data.startswith(b'{"type":"ADDED"')
