"""Requests that take too long: answered, and nothing is left half done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_harness import Api

from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.options import Options
from pybernetes.lib.clock import VirtualClock
from pybernetes.store.memory import MemoryStore

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class GatedStore(MemoryStore):
    """Writes wait for `gate`."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, *args: Any, **options: Any) -> Any:
        await self.gate.wait()
        return await super().put(*args, **options)


@pytest.fixture
async def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def store(clock: VirtualClock) -> AsyncIterator[GatedStore]:
    store = GatedStore(clock)
    yield store
    await store.close()


@pytest.fixture
async def api(clock: VirtualClock, store: GatedStore) -> AsyncIterator[Api]:
    options = Options(
        bootstrap=False, authorization="AlwaysAllow", max_mutating_in_flight=1, request_timeout=60
    )
    server = APIServer(store, clock, options)
    await server.start()
    api = Api(server)
    await api.made("/api/v1/namespaces", {"metadata": {"name": "default"}})
    yield api
    await api.transport.close()
    await server.close()


async def test_a_request_that_waits_too_long_is_a_timeout(api: Api, clock: VirtualClock) -> None:
    await api.server.writing_seats.take()
    waiting = asyncio.ensure_future(api.post(CONFIG_MAPS, {"metadata": {"name": "a"}}))
    await clock.advance(59.9)
    assert not waiting.done()
    await clock.advance(0.2)
    reply = await waiting
    assert (reply.status, reply.reason) == (504, "Timeout")
    assert reply.message == "Timeout: request did not complete within the allotted timeout"
    api.server.writing_seats.leave()
    assert (await api.post(CONFIG_MAPS, {"metadata": {"name": "a"}})).status == 201


async def test_each_request_has_its_own_time(api: Api, clock: VirtualClock) -> None:
    await api.server.writing_seats.take()
    first = asyncio.ensure_future(api.post(CONFIG_MAPS, {"metadata": {"name": "a"}}))
    await clock.advance(30)
    second = asyncio.ensure_future(api.post(CONFIG_MAPS, {"metadata": {"name": "b"}}))
    await clock.advance(31)
    assert first.done() and not second.done()
    await clock.advance(30)
    assert (await second).status == 504


async def test_a_client_may_ask_for_less_time(api: Api, clock: VirtualClock) -> None:
    await api.server.writing_seats.take()
    waiting = asyncio.ensure_future(api.post(CONFIG_MAPS + "?timeout=5s", {"metadata": {"name": "a"}}))
    await clock.advance(5)
    assert (await waiting).status == 504
    assert (await api.get(CONFIG_MAPS + "?timeout=5s")).status == 200
    refused = await api.get(CONFIG_MAPS + "?timeout=soon")
    assert refused.status == 400
    assert refused.message == 'invalid timeout specified in the request URL - time: invalid duration "soon"'


async def test_a_write_that_the_store_has_is_waited_for(
    api: Api, clock: VirtualClock, store: GatedStore
) -> None:
    store.gate.clear()
    waiting = asyncio.ensure_future(api.post(CONFIG_MAPS, {"metadata": {"name": "a"}}))
    await clock.advance(300)
    assert not waiting.done()
    store.gate.set()
    assert (await waiting).status == 201


async def test_a_watch_is_not_bounded(api: Api, clock: VirtualClock) -> None:
    watching = await api.watch(CONFIG_MAPS + "?watch=1")
    await clock.advance(120)
    await api.config_map("a")
    assert (await watching.next())["type"] == "ADDED"
    await watching.close()
