"""The proxy's shell: what it hands to nft and when, and what it does when that fails."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from informers import HandInformers
from service_objects import endpoint, service, slice_of

from pybernetes.api.kinds import ENDPOINT_SLICES, NODES, SERVICES
from pybernetes.lib.clock import RealClock, VirtualClock
from pybernetes.network.commands import CommandFailed
from pybernetes.network.services.health import HealthServers
from pybernetes.network.services.model import HealthCheck
from pybernetes.network.services.proxier import Options, ServiceProxy


class Kernel:
    """Stands for `Nft`; `broken` refuses everything."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.broken = False
        self.changed: list[Any] = []

    def guard(self, table: tuple[str, str], changed: Any) -> None:
        self.changed.append(changed)

    async def apply(self, table: tuple[str, str], text: str) -> None:
        if self.broken:
            raise CommandFailed("nft: no")
        self.texts.append(text)


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.informers = HandInformers()
        self.kernel = Kernel()
        self.forgotten: list[Any] = []
        self.proxy = ServiceProxy(
            self.informers,
            "n1",
            Options(healthz_port=0),
            self.clock,
            nft=self.kernel,
        )
        addresses = [{"type": "InternalIP", "address": "192.0.2.11"}]
        self.node = {"metadata": {"name": "n1"}, "status": {"addresses": addresses}}
        self.informers.informer(NODES).put(self.node)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.proxy.start()
    await world.clock.settle()
    yield world
    await world.proxy.close()


async def test_it_starts_with_the_whole_table_and_goes_on_with_changes(world: World) -> None:
    (first,) = world.kernel.texts
    assert first.startswith("table ip pybernetes-services\ndelete table ip pybernetes-services\n")
    world.informers.informer(SERVICES).put(service("a", "10.96.0.5"))
    world.informers.informer(ENDPOINT_SLICES).put(slice_of("a", endpoint("10.244.0.2")))
    await world.clock.advance(0.01)
    assert len(world.kernel.texts) == 2, "both changes in one transaction"
    assert "10.96.0.5 . tcp . 80 : 10.244.0.2 . 8080" in world.kernel.texts[1]
    assert "delete table" not in world.kernel.texts[1]
    assert world.proxy.healthy
    assert world.proxy.current


async def test_what_changes_nothing_is_no_transaction(world: World) -> None:
    world.informers.informer(ENDPOINT_SLICES).put(slice_of("nobody", endpoint("10.244.0.2")))
    world.informers.informer(NODES).put({**world.node, "metadata": {"name": "n1", "resourceVersion": "2"}})
    await world.clock.advance(1)
    assert len(world.kernel.texts) == 1


async def test_a_refusal_is_answered_with_the_whole_table_after_a_while(world: World) -> None:
    world.kernel.broken = True
    world.informers.informer(SERVICES).put(service("a", "10.96.0.5"))
    await world.clock.advance(0.05)
    assert not world.proxy.healthy
    world.kernel.broken = False
    await world.clock.advance(1)
    assert "delete table" in world.kernel.texts[-1]
    assert "10.96.0.5" in world.kernel.texts[-1]
    assert world.proxy.healthy


async def test_a_table_that_others_changed_is_written_anew(world: World) -> None:
    world.kernel.changed[0]()
    await world.clock.advance(0.01)
    assert world.kernel.texts[1] == world.kernel.texts[0]


async def test_another_address_of_the_node_moves_node_ports(world: World) -> None:
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]
    world.informers.informer(SERVICES).put(service("a", "10.96.0.5", type="NodePort", ports=ports))
    await world.clock.advance(0.01)
    assert "192.0.2.11 . tcp . 30080" in world.kernel.texts[-1]
    moved = {"addresses": [{"type": "InternalIP", "address": "192.0.2.12"}]}
    world.informers.informer(NODES).put({**world.node, "status": moved})
    await world.clock.advance(0.01)
    assert "192.0.2.12 . tcp . 30080" in world.kernel.texts[-1]
    assert "192.0.2.11" not in world.kernel.texts[-1]


async def get(port: int, path: str = "/") -> tuple[int, dict[str, Any]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(body)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def test_health_checks_say_how_many_endpoints_are_here() -> None:
    port, own = free_port(), free_port()
    healthy = True
    servers = HealthServers(RealClock(), lambda: healthy, host="127.0.0.1", proxy_port=own)
    await servers.start()
    try:
        await servers.update({port: HealthCheck(port, "default/a", 2)})
        assert await get(port) == (
            200,
            {
                "service": {"namespace": "default", "name": "a"},
                "localEndpoints": 2,
                "serviceProxyHealthy": True,
            },
        )
        await servers.update({port: HealthCheck(port, "default/a", 0)})
        assert (await get(port))[0] == 503
        assert (await get(own, "/healthz"))[0] == 200
        assert (await get(own, "/other"))[0] == 404
        healthy = False
        assert (await get(own, "/healthz"))[0] == 503
        await servers.update({})
        with pytest.raises(ConnectionRefusedError):
            await get(port)
    finally:
        await servers.close()
