"""Nodes come and go; what is set on the machine follows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest
from informers import HandInformers
from overlay_objects import node

from pybernetes.api.kinds import NODES
from pybernetes.lib.clock import VirtualClock
from pybernetes.network.commands import CommandFailed
from pybernetes.network.nft import Nft
from pybernetes.network.overlay.plan import AddDevice, DeleteRoute, Operation, Present, SetRoute, Way
from pybernetes.network.overlay.rtnetlink import Address, Link
from pybernetes.network.pod_network import PodNetwork, Settings


class Machine:
    """Routes and rules as the pod network has left them; `broken` makes it refuse."""

    def __init__(self) -> None:
        self.routes: dict[str, Way] = {}
        self.devices: list[Link] = []
        self.rules = ""
        self.broken = False
        self.asked = 0
        self.changed: Callable[[], None] = lambda: None
        self.closed = False

    async def nft(self, command: list[str], text: str) -> str:
        if self.broken:
            raise CommandFailed("nft: no")
        self.rules = text
        return ""

    def present(self) -> Present:
        self.asked += 1
        links = {1: Link(1, "eth0", 1500, True, "")}
        return Present(links, [Address(1, "10.209.0.11/24")], routes=dict(self.routes))

    def apply(self, operations: Iterable[Operation]) -> None:
        if self.broken:
            raise OSError("no")
        for operation in operations:
            match operation:
                case SetRoute(destination, way):
                    self.routes[destination] = way
                case DeleteRoute(destination):
                    del self.routes[destination]
                case AddDevice(link):
                    self.devices.append(link)

    def watch(self, changed: Callable[[], None]) -> None:
        self.changed = changed

    def close(self) -> None:
        self.closed = True


class GuardedNft(Nft):
    """Lets a test say that somebody else has changed a table."""

    def guard(self, table: tuple[str, str], changed: Callable[[], None]) -> None:
        self.changed = changed


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.informers = HandInformers()
        self.nodes = self.informers.informer(NODES)
        self.machine, self.host = Machine(), Machine()
        self.file = folder / "net.d" / "10-pybernetes.conflist"
        self.nft = GuardedNft(self.machine.nft)
        settings = Settings("a", ("10.244.0.0/16",), folder / "net.d", 1500, host_namespace=0)
        self.network = PodNetwork(
            self.informers,
            self.clock,
            settings,
            self.nft,
            lambda namespace: self.machine if namespace is None else self.host,
        )

    def two_nodes(self) -> None:
        self.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24"), node("b", "10.209.0.12", "10.244.1.0/24"))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    task = asyncio.get_running_loop().create_task(world.network.run())
    yield world
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert world.machine.closed and world.host.closed


async def test_without_a_pod_cidr_there_is_no_network_yet(world: World) -> None:
    world.nodes.put(node("a", "10.209.0.11", ""))
    await world.clock.advance(1)
    assert not world.file.exists()
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24"))
    await world.clock.advance(1)
    assert "10.244.0.0/24" in world.file.read_text()
    assert "10.244.0.0/24" in world.machine.rules
    assert world.host.routes == {"10.244.0.0/24": Way("10.209.0.11")}


async def test_routes_follow_the_other_nodes(world: World) -> None:
    world.two_nodes()
    await world.clock.advance(1)
    assert world.machine.routes == {"10.244.1.0/24": Way("10.209.0.12")}
    world.nodes.put(node("b", "10.209.0.22", "10.244.1.0/24"))
    await world.clock.advance(1)
    assert world.machine.routes == {"10.244.1.0/24": Way("10.209.0.22")}
    world.nodes.delete("b")
    await world.clock.advance(1)
    assert world.machine.routes == {}


async def test_pods_made_while_a_peer_is_in_another_subnet_have_smaller_packets(world: World) -> None:
    world.two_nodes()
    await world.clock.advance(1)
    assert '"mtu": 1500' in world.file.read_text()
    world.nodes.put(node("c", "10.9.0.1", "10.244.2.0/24"))
    await world.clock.advance(1)
    assert '"mtu": 1450' in world.file.read_text()
    assert world.machine.devices
    world.nodes.delete("c")
    await world.clock.advance(1)
    assert '"mtu": 1500' in world.file.read_text()


async def test_a_heartbeat_asks_nothing(world: World) -> None:
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24"))
    await world.clock.advance(1)
    before = world.machine.asked
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24") | {"extra": "heartbeat"})
    await world.clock.advance(1)
    assert world.machine.asked == before


async def test_a_failure_is_tried_again(world: World) -> None:
    world.machine.broken = True
    world.two_nodes()
    await world.clock.settle()
    assert world.machine.routes == {}
    world.machine.broken = False
    await world.clock.advance(1)
    assert world.machine.routes == {"10.244.1.0/24": Way("10.209.0.12")}


async def test_what_somebody_else_removed_is_put_back_when_the_kernel_tells_of_it(world: World) -> None:
    world.two_nodes()
    await world.clock.advance(1)
    world.machine.routes.clear()
    world.machine.changed()
    await world.clock.advance(1)
    assert world.machine.routes == {"10.244.1.0/24": Way("10.209.0.12")}
    world.machine.rules = ""
    world.nft.changed()
    await world.clock.advance(1)
    assert "masquerade" in world.machine.rules


async def test_what_nobody_told_of_is_put_back_within_a_minute(world: World) -> None:
    world.two_nodes()
    await world.clock.advance(1)
    world.host.routes.clear()
    await world.clock.advance(61)
    assert world.host.routes == {"10.244.0.0/24": Way("10.209.0.11")}


async def test_routes_of_others_on_the_host_are_left_alone(world: World) -> None:
    world.host.routes["10.250.0.0/24"] = Way("10.209.1.11")
    world.two_nodes()
    await world.clock.advance(1)
    assert world.host.routes["10.250.0.0/24"] == Way("10.209.1.11")
