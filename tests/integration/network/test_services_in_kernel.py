"""The proxy's rules in a real kernel: who answers at which door, whom they see, and who is turned away."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from informers import HandInformers
from namespaces import World, run
from waiting import eventually

from pybernetes.api.kinds import ENDPOINT_SLICES, NODES, PODS, SERVICES
from pybernetes.lib.clock import RealClock
from pybernetes.network.services.proxier import Options, ServiceProxy
from pybernetes.semantics.services import SERVICE_NAME

Object = dict[str, Any]
PODS_BY_NAME = {"a": "10.244.1.2", "b": "10.244.1.3", "c": "10.244.1.4"}
TABLE = "pybernetes-services"


class Cluster:
    """Services and endpoints by hand, and the proxy that follows them."""

    def __init__(self) -> None:
        self.informers = HandInformers()
        self.proxy = ServiceProxy(
            self.informers,
            "n1",
            Options(healthz_port=0, gather=0),
            RealClock(),
        )
        addresses = [{"type": "InternalIP", "address": World.NODE}]
        self.informers.informer(NODES).put({"metadata": {"name": "n1"}, "status": {"addresses": addresses}})

    def service(self, name: str, address: str, *members: str, protocol: str = "TCP", **spec: Any) -> None:
        ports = [{"port": 80, "protocol": protocol, "nodePort": spec.pop("nodePort", 0)}]
        ingress = [{"ip": one} for one in spec.pop("ingress", [])]
        self.informers.informer(SERVICES).put(
            {
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": ports}
                | spec,
                "status": {"loadBalancer": {"ingress": ingress}},
            }
        )
        self.endpoints(name, *members, protocol=protocol)

    def endpoints(self, name: str, *members: str, protocol: str = "TCP") -> None:
        self.informers.informer(ENDPOINT_SLICES).put(
            {
                "metadata": {"name": name, "namespace": "default", "labels": {SERVICE_NAME: name}},
                "addressType": "IPv4",
                "ports": [{"name": "", "port": 8080, "protocol": protocol}],
                "endpoints": [
                    {"addresses": [PODS_BY_NAME.get(one, one)], "nodeName": "n1"} for one in members
                ],
            }
        )

    async def settled(self) -> None:
        await eventually(lambda: self.proxy.current)


@pytest.fixture
async def cluster(world: World) -> AsyncIterator[Cluster]:
    cluster = Cluster()
    servers = [await world.serve(name) for name in ("a", "b")]
    await cluster.proxy.start()
    await cluster.settled()
    yield cluster
    await cluster.proxy.close()
    for server in servers:
        server.close()
    run("nft", "delete", "table", "ip", TABLE)


async def test_connections_are_spread_over_the_endpoints(world: World, cluster: Cluster) -> None:
    cluster.service("web", "10.96.0.5", "a", "b")
    await cluster.settled()
    answers = Counter([await world.ask("c", "10.96.0.5", 80) for _ in range(60)])
    assert answers.keys() == {("a", "10.244.1.4"), ("b", "10.244.1.4")}
    assert min(answers.values()) > 10
    assert {(await world.ask("node", "10.96.0.5", 80))[0] for _ in range(20)} == {"a", "b"}


async def test_a_pod_reaches_itself(world: World, cluster: Cluster) -> None:
    cluster.service("web", "10.96.0.5", "a")
    await cluster.settled()
    assert await world.ask("a", "10.96.0.5", 80) == ("a", "10.244.1.1")


async def test_an_endpoint_that_goes_gets_no_connection_any_more(world: World, cluster: Cluster) -> None:
    cluster.service("web", "10.96.0.5", "a", "b")
    await cluster.settled()
    cluster.endpoints("web", "b")
    await cluster.settled()
    assert {(await world.ask("c", "10.96.0.5", 80))[0] for _ in range(20)} == {"b"}


async def test_without_endpoints_and_at_other_ports_connections_are_refused_at_once(
    world: World, cluster: Cluster
) -> None:
    cluster.service("none", "10.96.0.6", type="NodePort", nodePort=30080)
    cluster.service("web", "10.96.0.5", "a")
    await cluster.settled()
    for who, address, port in (
        ("c", "10.96.0.6", 80),
        ("node", "10.96.0.6", 80),
        ("c", "10.96.0.5", 81),
        ("c", "10.96.99.99", 80),
        ("outside", World.NODE, 30080),
    ):
        with pytest.raises(ConnectionRefusedError):
            await world.ask(who, address, port, 0.5)


async def test_node_ports_hide_the_source_or_keep_it(world: World, cluster: Cluster) -> None:
    cluster.service("every", "10.96.0.5", "a", type="NodePort", nodePort=30080)
    cluster.service("local", "10.96.0.6", "a", type="NodePort", nodePort=30081, externalTrafficPolicy="Local")
    await cluster.settled()
    assert await world.ask("outside", World.NODE, 30080) == ("a", "10.244.1.1")
    assert await world.ask("outside", World.NODE, 30081) == ("a", World.OUTSIDE)
    assert (await world.ask("node", World.NODE, 30080))[0] == "a"
    assert await world.ask("c", World.NODE, 30081) == ("a", "10.244.1.4")


async def test_external_policy_local_drops_what_comes_from_outside(world: World, cluster: Cluster) -> None:
    cluster.service("local", "10.96.0.6", type="NodePort", nodePort=30081, externalTrafficPolicy="Local")
    piece = cluster.informers.informer(ENDPOINT_SLICES).store.get("default/local")
    assert piece is not None
    elsewhere = [{"addresses": [PODS_BY_NAME["a"]], "nodeName": "n2"}]
    cluster.informers.informer(ENDPOINT_SLICES).put({**piece, "endpoints": elsewhere})
    await cluster.settled()
    with pytest.raises(TimeoutError):
        await world.ask("outside", World.NODE, 30081, 0.3)
    assert (await world.ask("c", World.NODE, 30081))[0] == "a"
    assert (await world.ask("c", "10.96.0.6", 80))[0] == "a"


async def test_a_client_stays_with_its_endpoint_until_that_goes(world: World, cluster: Cluster) -> None:
    cluster.service("web", "10.96.0.5", "a", "b", sessionAffinity="ClientIP")
    await cluster.settled()
    (first,) = {(await world.ask("c", "10.96.0.5", 80))[0] for _ in range(20)}
    other = "b" if first == "a" else "a"
    cluster.endpoints("web", "a", "b", "10.244.1.99")
    await cluster.settled()
    assert {(await world.ask("c", "10.96.0.5", 80))[0] for _ in range(10)} == {first}
    cluster.endpoints("web", other)
    await cluster.settled()
    assert {(await world.ask("c", "10.96.0.5", 80))[0] for _ in range(10)} == {other}


async def test_affinity_ends_after_its_time(world: World, cluster: Cluster) -> None:
    config = {"clientIP": {"timeoutSeconds": 1}}
    cluster.service("web", "10.96.0.5", "a", "b", sessionAffinity="ClientIP", sessionAffinityConfig=config)
    await cluster.settled()
    first = (await world.ask("c", "10.96.0.5", 80))[0]
    assert (
        "elements" in run("nft", "list", "table", "ip", TABLE).partition("clients")[2].partition("chain")[0]
    )

    def forgotten() -> bool:
        sets = run("nft", "list", "sets", "ip").split("set ")
        return not any("clients" in one and "10.244.1.4" in one for one in sets)

    assert first in ("a", "b")
    await eventually(forgotten)


async def test_only_allowed_sources_reach_a_load_balancer(world: World, cluster: Cluster) -> None:
    for name, allowed in (("yes", f"{World.OUTSIDE}/32"), ("no", "203.0.113.0/24")):
        cluster.service(
            name,
            f"10.96.0.{5 if name == 'yes' else 6}",
            "a",
            type="LoadBalancer",
            ingress=["198.51.100.5" if name == "yes" else "198.51.100.6"],
            loadBalancerSourceRanges=[allowed],
        )
    await cluster.settled()
    assert (await world.ask("outside", "198.51.100.5", 80))[0] == "a"
    with pytest.raises(TimeoutError):
        await world.ask("outside", "198.51.100.6", 80, 0.3)


async def test_udp_follows_its_endpoint(world: World, cluster: Cluster) -> None:
    servers = [await world.serve_udp(name) for name in ("a", "b")]
    client = world.socket("c", socket.SOCK_DGRAM)
    loop = asyncio.get_running_loop()

    async def ask() -> str:
        await loop.sock_sendto(client, b"?", ("10.96.0.7", 80))
        try:
            async with RealClock().timeout(0.3):
                return (await loop.sock_recv(client, 100)).decode()
        except (TimeoutError, ConnectionRefusedError):
            return ""

    client.bind(("0.0.0.0", 4000))
    cluster.service("udp", "10.96.0.7", protocol="UDP")
    await cluster.settled()
    assert await ask() == ""
    cluster.endpoints("udp", "a", protocol="UDP")
    await cluster.settled()
    assert await ask() == "a"
    cluster.endpoints("udp", "b", protocol="UDP")
    await cluster.settled()
    assert await ask() == "b"
    client.close()
    for server in servers:
        server.close()


async def test_host_ports_lead_to_the_pod(world: World, cluster: Cluster) -> None:
    ports = [{"containerPort": 8080, "hostPort": 54321}]
    cluster.informers.informer(PODS).put(
        {
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {"containers": [{"name": "c", "ports": ports}]},
            "status": {"phase": "Running", "podIPs": [{"ip": PODS_BY_NAME["a"]}]},
        }
    )
    await cluster.settled()
    assert await world.ask("outside", World.NODE, 54321) == ("a", World.OUTSIDE)
    cluster.informers.informer(PODS).delete("default/p")
    await cluster.settled()
    with pytest.raises(ConnectionRefusedError):
        await world.ask("outside", World.NODE, 54321)


async def test_host_ports_are_told_apart_by_address_and_protocol(world: World, cluster: Cluster) -> None:
    """As upstream's conformance test does: the node's own program asks 127.0.0.1 from the node's address."""
    for name, host, protocol in (
        ("a", "127.0.0.1", "TCP"),
        ("b", World.NODE, "TCP"),
        ("c", World.NODE, "UDP"),
    ):
        port = {"containerPort": 8080, "hostPort": 54323, "hostIP": host, "protocol": protocol}
        cluster.informers.informer(PODS).put(
            {
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"containers": [{"name": "c", "ports": [port]}]},
                "status": {"phase": "Running", "podIPs": [{"ip": PODS_BY_NAME[name]}]},
            }
        )
    await cluster.settled()
    udp = await world.serve_udp("c")
    assert await world.ask("node", "127.0.0.1", 54323, source=World.NODE) == ("a", World.NODE)
    assert (await world.ask("node", World.NODE, 54323))[0] == "b"
    assert (await world.ask("outside", World.NODE, 54323))[0] == "b"
    client = world.socket("outside", socket.SOCK_DGRAM)
    loop = asyncio.get_running_loop()
    await loop.sock_sendto(client, b"?", (World.NODE, 54323))
    async with RealClock().timeout(2):
        assert await loop.sock_recv(client, 100) == b"c"
    client.close()
    udp.close()


async def test_loopback_stays_out_of_reach(world: World, cluster: Cluster) -> None:
    cluster.service("bad", "10.96.0.8", "127.0.0.1", type="NodePort", nodePort=30082)
    await cluster.settled()
    for who, address, port in (("c", "10.96.0.8", 80), ("outside", World.NODE, 30082)):
        with pytest.raises(ConnectionRefusedError):
            await world.ask(who, address, port)
    for name in ("all", "default", "eth0", "veth-a"):
        assert run("cat", f"/proc/sys/net/ipv4/conf/{name}/route_localnet") == "0\n"


DAMAGES = {
    "everything is gone": ("flush", "ruleset"),
    "a door is missing": ("delete", "element", "ip", TABLE, "doors", "{ 10.96.0.5 . tcp . 80 }"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_what_others_break_is_mended(world: World, cluster: Cluster, damage: tuple[str, ...]) -> None:
    cluster.service("web", "10.96.0.5", "a")
    await cluster.settled()
    run("nft", *damage)

    def whole() -> bool:
        return "10.96.0.5" in run("nft", "list", "map", "ip", TABLE, "doors", check=False)

    await eventually(whole)
    assert (await world.ask("c", "10.96.0.5", 80))[0] == "a"
