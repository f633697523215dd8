"""The pod network in real kernels: three machines, two of them in one subnet, and a router that knows no pods."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from informers import HandInformers
from namespaces import World, run
from overlay_objects import node
from waiting import eventually

from pybernetes.api.kinds import NODES
from pybernetes.lib.clock import RealClock
from pybernetes.network.nft import Nft
from pybernetes.network.overlay.kernel import Kernel
from pybernetes.network.overlay.plan import DEVICE, Present
from pybernetes.network.pod_network import PodNetwork, Settings

MACHINES = {
    "a": ("10.1.0.11", "10.244.10.0/24"),
    "b": ("10.1.0.12", "10.244.11.0/24"),
    "c": ("10.2.0.13", "10.244.12.0/24"),
}
PODS = {"a": "10.244.10.2", "b": "10.244.11.2", "c": "10.244.12.2"}


@pytest.fixture(scope="module")
def machines(world: World) -> Iterator[World]:
    """Machines hang on a bridge for each subnet in the namespace `outside`, which routes between them."""
    with world.inside("outside"):
        for number in (1, 2):
            run("ip", "link", "add", f"subnet{number}", "up", "type", "bridge")
            run("ip", "addr", "add", f"10.{number}.0.1/24", "dev", f"subnet{number}")
    for name, (address, _) in MACHINES.items():
        world.add(name, address, device=f"to-{name}", beside="outside")
        number = address.split(".")[1]
        with world.inside("outside"):
            run("ip", "link", "set", f"to-{name}", "master", f"subnet{number}")
        with world.inside(name):
            run("ip", "route", "add", "default", "via", f"10.{number}.0.1")
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        world.add(f"pod-{name}", PODS[name], beside=name)
    yield world


class Network:
    """The pod networks of all machines, with Nodes by hand."""

    def __init__(self, world: World, folder: Path) -> None:
        self.informers = HandInformers()
        self.nodes = self.informers.informer(NODES)
        self.kernels = {}
        self.tasks = []
        self.namespaces = []
        self.folder = folder
        for name in MACHINES:
            with world.inside(name):
                namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            self.kernels[name] = Kernel(namespace)
            network = PodNetwork(
                self.informers,
                RealClock(),
                Settings(name, ("10.244.0.0/16",), folder / name, 1500),
                Nft(self._nft),
                lambda _, name=name: self.kernels[name],
            )
            self.tasks.append(asyncio.get_running_loop().create_task(network.run()))
            self.namespaces.append(namespace)

    async def _nft(self, command: list[str], text: str) -> str:
        return ""

    def present(self, name: str) -> Present:
        return self.kernels[name].present()


@pytest.fixture
async def network(machines: World, tmp_path: Path) -> AsyncIterator[Network]:
    network = Network(machines, tmp_path)
    for name, (address, cidr) in MACHINES.items():
        network.nodes.put(node(name, address, cidr))
    await eventually(lambda: all(len(network.present(name).routes) == 2 for name in MACHINES))
    yield network
    for task in network.tasks:
        task.cancel()
    await asyncio.gather(*network.tasks, return_exceptions=True)
    for namespace in network.namespaces:
        os.close(namespace)
    for name in MACHINES:
        with machines.inside(name):
            run("ip", "link", "del", DEVICE, check=False)
            run("ip", "route", "flush", "proto", "139")


async def test_pods_reach_pods_beside_and_beyond_under_their_own_addresses(
    machines: World, network: Network
) -> None:
    servers = [await machines.serve(f"pod-{name}") for name in MACHINES]
    for one in MACHINES:
        for other in MACHINES:
            if one != other:
                answer = await machines.ask(f"pod-{one}", PODS[other], 8080)
                assert answer == (f"pod-{other}", PODS[one])
    for server in servers:
        server.close()


async def test_only_what_crosses_subnets_is_wrapped(machines: World, network: Network) -> None:
    assert {name: way.overlay for name, way in network.present("a").routes.items()} == {
        "10.244.11.0/24": False,
        "10.244.12.0/24": True,
    }
    assert all(way.overlay for way in network.present("c").routes.values())


async def test_programs_of_a_machine_reach_pods_too(machines: World, network: Network) -> None:
    server = await machines.serve("pod-c")
    assert await machines.ask("a", PODS["c"], 8080) == ("pod-c", "10.244.10.0")
    server.close()
    server = await machines.serve("pod-b")
    assert await machines.ask("a", PODS["b"], 8080) == ("pod-b", "10.1.0.11")
    server.close()


async def test_pods_with_larger_packets_than_the_vxlan_takes_are_told(
    machines: World, network: Network
) -> None:
    """Pods that ran before the first distant peer came keep their MTU."""
    size = 300_000

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * size)
        writer.close()

    opened = machines.socket("pod-c")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("0.0.0.0", 8081))
    async with await asyncio.start_server(connected, sock=opened):
        answer, _ = await machines.ask("pod-a", PODS["c"], 8081, 5)
        assert len(answer) == size
    with machines.inside("pod-c"):
        assert "mtu 1450" in run("ip", "route", "get", PODS["a"])
    assert '"mtu": 1450' in (network.folder / "a" / "10-pybernetes.conflist").read_text()


async def test_a_peer_that_goes_leaves_nothing(machines: World, network: Network) -> None:
    network.nodes.delete("c")
    await eventually(lambda: network.present("a").device is None)
    found = network.present("a")
    assert set(found.routes) == {"10.244.11.0/24"} and not found.neighbours and not found.forwarding
    network.nodes.put(node("c", *MACHINES["c"]))
    await eventually(lambda: len(network.present("a").routes) == 2)
    server = await machines.serve("pod-c")
    assert (await machines.ask("pod-a", PODS["c"], 8080))[0] == "pod-c"
    server.close()


async def test_a_peer_that_moves_to_another_subnet_is_found_there(machines: World, network: Network) -> None:
    network.nodes.put(node("b", "10.2.0.99", MACHINES["b"][1]))
    await eventually(lambda: network.present("a").routes["10.244.11.0/24"].overlay)
    assert "10.2.0.99" in network.present("a").forwarding.values()


async def test_what_somebody_removes_is_there_again_at_once(machines: World, network: Network) -> None:
    before = network.present("a")
    for command in (
        ["ip", "link", "del", DEVICE],
        ["ip", "link", "set", DEVICE, "down"],
        ["ip", "addr", "flush", "dev", DEVICE],
        ["ip", "route", "flush", "proto", "139"],
    ):
        with machines.inside("a"):
            run(*command)

        def mended() -> bool:
            now = network.present("a")
            return (
                (now.routes, now.neighbours, now.forwarding)
                == (before.routes, before.neighbours, before.forwarding)
                and now.device is not None
                and now.device.up
                and any(one.text == "10.244.10.0/32" for one in now.addresses)
            )

        await eventually(mended)


async def test_an_interface_that_was_down_gets_its_routes_back(machines: World, network: Network) -> None:
    with machines.inside("a"):
        run("ip", "link", "set", "link0", "down")
        run("ip", "link", "set", "link0", "up")
        run("ip", "route", "add", "default", "via", "10.1.0.1")
    wanted = {"10.244.11.0/24": False, "10.244.12.0/24": True}
    await eventually(
        lambda: {name: way.overlay for name, way in network.present("a").routes.items()} == wanted
    )


async def test_pods_with_addresses_of_both_families_reach_each_other_by_both(
    machines: World, network: Network
) -> None:
    """The machines' own network knows IPv4 only; nodes beside each other have no common IPv6 either."""
    six = {name: f"fd00:244:0:{number}::" for number, name in enumerate(MACHINES, 10)}
    for name, prefix in six.items():
        with machines.inside(name):
            run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
            run("ip", "addr", "add", "fe80::1/64", "dev", f"veth-pod-{name}", "nodad", check=False)
            run("ip", "route", "replace", f"{prefix}2", "dev", f"veth-pod-{name}")
        with machines.inside(f"pod-{name}"):
            run("ip", "addr", "add", f"{prefix}2/128", "dev", "link0", "nodad", check=False)
            run("ip", "-6", "route", "replace", "default", "via", "fe80::1", "dev", "link0")
        network.nodes.put(node(name, MACHINES[name][0], f"{MACHINES[name][1]} {prefix}/64"))
    await eventually(lambda: all(len(network.present(name).routes) == 4 for name in MACHINES))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(str(writer.get_extra_info("peername")[0]).encode())
        writer.close()

    def socket_in(name: str) -> socket.socket:
        with machines.inside(name):
            return socket.socket(socket.AF_INET6, socket.SOCK_STREAM)

    listening = socket_in("pod-c")
    listening.bind(("::", 8082))
    async with await asyncio.start_server(connected, sock=listening), RealClock().timeout(10):
        for name in ("a", "b"):
            asking = socket_in(f"pod-{name}")
            asking.setblocking(False)
            await asyncio.get_running_loop().sock_connect(asking, (f"{six['c']}2", 8082))
            reader, writer = await asyncio.open_connection(sock=asking)
            assert (await reader.read()).decode() == f"{six[name]}2"
            writer.close()
    assert all(network.present("a").routes[f"{six[name]}/64"].overlay for name in ("b", "c"))
