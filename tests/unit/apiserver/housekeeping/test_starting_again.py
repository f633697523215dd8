"""A server that starts on what an earlier one left in the store."""

from __future__ import annotations

import pytest

from pybernetes.api.kinds import ENDPOINTS, IP_ADDRESSES, SERVICES
from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.options import Options
from pybernetes.lib.clock import RealClock
from pybernetes.store.memory import MemoryStore


async def test_a_second_start_finds_everything_done_and_writes_nothing() -> None:
    clock = RealClock()
    store = MemoryStore(clock)
    options = Options(advertise_address="10.0.0.1")
    revisions = []
    for _ in range(2):
        server = APIServer(store, clock, options)
        await server.start()
        async with clock.timeout(20):
            await server.ready()
        revisions.append(await store.revision())
        await server.close()
    assert revisions[0] == revisions[1]
    await store.close()


async def test_what_a_crash_left_half_done_is_mended() -> None:
    clock = RealClock()
    store = MemoryStore(clock)
    options = Options(advertise_address="10.0.0.1")
    server = APIServer(store, clock, options)
    await server.start()
    await server.ready()
    port = {"port": 80}
    made = await server.client.create(
        SERVICES, {"metadata": {"name": "web"}, "spec": {"ports": [port]}}, "default"
    )
    address = made["spec"]["clusterIP"]
    await server.close()
    taken = "/registry/ipaddresses.networking.k8s.io"
    # a crash after an address was taken and before its service was stored, and the other way round
    await store.delete("/registry/services/default/kubernetes", None)
    await store.delete(f"{taken}/{address}", None)
    orphan = (await store.get("/registry/ipaddresses.networking.k8s.io/10.96.0.1")).value
    await store.put(
        "/registry/ipaddresses.networking.k8s.io/10.96.0.77", orphan.replace(b"10.96.0.1", b"10.96.0.77"), 0
    )
    server = APIServer(store, clock, options)
    await server.start()
    async with clock.timeout(20):
        await server.ready()
    found = {item["metadata"]["name"] for item in (await server.client.list(IP_ADDRESSES))["items"]}
    services = (await server.client.list(SERVICES))["items"]
    assert found == {item["spec"]["clusterIP"] for item in services}
    assert {item["metadata"]["name"] for item in services} >= {"kubernetes", "web"}
    await server.close()
    await store.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0", ""])
async def test_an_address_that_pods_cannot_reach_is_not_told_to_them(address: str) -> None:
    clock = RealClock()
    server = APIServer(MemoryStore(clock), clock, Options(advertise_address=address))
    await server.start()
    async with clock.timeout(20):
        await server.ready()
    assert (await server.client.list(ENDPOINTS))["items"] == []
    assert (await server.client.get(SERVICES, "default", "kubernetes"))["spec"]["clusterIP"] == "10.96.0.1"
    await server.close()
