"""Nodes come and go; what is run on the machine follows."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from pybernetes.api.kinds import NODES, Kind
from pybernetes.lib.clock import VirtualClock
from pybernetes.network.commands import CommandFailed
from pybernetes.network.pod_network import PodNetwork, Settings

Object = dict[str, Any]


def node(name: str, address: str, cidr: str) -> Object:
    spec = {"podCIDR": cidr} if cidr else {}
    addresses = [{"type": "InternalIP", "address": address}]
    return {"metadata": {"name": name}, "spec": spec, "status": {"addresses": addresses}}


class Nodes:
    """An informer of nodes that a test changes by hand."""

    kind: Kind = NODES
    synced = True

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.handlers: list[dict[str, Callable[..., None]]] = []
        self.store = self

    def informer(self, kind: Kind, **selection: Any) -> "Nodes":
        assert kind is NODES
        return self

    def add_handler(self, **handler: Callable[..., None]) -> None:
        self.handlers.append(handler)

    async def wait_synced(self) -> None:
        return

    def get(self, key: str) -> Object | None:
        return self.objects.get(key)

    def list(self, namespace: str | None = None) -> Iterable[Object]:
        return list(self.objects.values())

    def put(self, obj: Object) -> None:
        old = self.objects.get(obj["metadata"]["name"])
        self.objects[obj["metadata"]["name"]] = obj
        for handler in self.handlers:
            if old is None:
                handler["added"](obj)
            else:
                handler["updated"](old, obj)

    def delete(self, name: str) -> None:
        obj = self.objects.pop(name)
        for handler in self.handlers:
            handler["deleted"](obj)


class Machine:
    """Routes and rules as commands have left them; `broken` makes every command fail."""

    def __init__(self) -> None:
        self.routes: dict[str, str] = {}
        self.host_routes: dict[str, str] = {}
        self.rules = ""
        self.broken = False
        self.commands = 0

    async def run(self, command: list[str], stdin: str = "", *, pass_descriptors: Iterable[int] = ()) -> str:
        self.commands += 1
        if self.broken:
            raise CommandFailed("ip: no")
        if command[0] == "nft":
            self.rules = stdin
            return ""
        routes = self.host_routes if command[0] == "nsenter" else self.routes
        if "show" in command:
            return json.dumps([{"dst": dst, "gateway": via} for dst, via in routes.items()])
        for line in stdin.splitlines():
            words = line.split()
            if words[1] == "replace":
                routes[words[2]] = words[4]
            else:
                del routes[words[2]]
        return ""


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.nodes = Nodes()
        self.machine = Machine()
        self.file = folder / "net.d" / "10-pybernetes.conflist"
        settings = Settings("a", "10.244.0.0/16", folder / "net.d", 1500, host_namespace=0)
        self.network = PodNetwork(self.nodes, self.clock, settings, self.machine.run)  # type: ignore[arg-type]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    task = asyncio.get_running_loop().create_task(world.network.run())
    yield world
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_a_pod_cidr_there_is_no_network_yet(world: World) -> None:
    world.nodes.put(node("a", "10.209.0.11", ""))
    await world.clock.settle()
    assert not world.file.exists()
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24"))
    await world.clock.settle()
    assert "10.244.0.0/24" in world.file.read_text()
    assert "10.244.0.0/24" in world.machine.rules
    assert world.machine.host_routes == {"10.244.0.0/24": "10.209.0.11"}


async def test_routes_follow_the_other_nodes(world: World) -> None:
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24"))
    world.nodes.put(node("b", "10.209.0.12", "10.244.1.0/24"))
    await world.clock.settle()
    assert world.machine.routes == {"10.244.1.0/24": "10.209.0.12"}
    world.nodes.put(node("b", "10.209.0.22", "10.244.1.0/24"))
    await world.clock.settle()
    assert world.machine.routes == {"10.244.1.0/24": "10.209.0.22"}
    world.nodes.delete("b")
    await world.clock.settle()
    assert world.machine.routes == {}


async def test_a_heartbeat_runs_nothing(world: World) -> None:
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24"))
    await world.clock.settle()
    before = world.machine.commands
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24") | {"extra": "heartbeat"})
    await world.clock.settle()
    assert world.machine.commands == before


async def test_a_failure_is_tried_again(world: World) -> None:
    world.machine.broken = True
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24"))
    world.nodes.put(node("b", "10.209.0.12", "10.244.1.0/24"))
    await world.clock.settle()
    assert world.machine.routes == {}
    world.machine.broken = False
    await world.clock.advance(1)
    assert world.machine.routes == {"10.244.1.0/24": "10.209.0.12"}


async def test_what_somebody_else_removed_is_put_back_within_a_minute(world: World) -> None:
    world.nodes.put(node("a", "10.209.0.11", "10.244.0.0/24"))
    world.nodes.put(node("b", "10.209.0.12", "10.244.1.0/24"))
    await world.clock.settle()
    world.machine.routes.clear()
    await world.clock.advance(61)
    assert world.machine.routes == {"10.244.1.0/24": "10.209.0.12"}
