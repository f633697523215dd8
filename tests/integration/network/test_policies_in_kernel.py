"""Policies' rules in a real kernel: who gets through to whom."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from informers import HandInformers
from namespaces import World, run
from waiting import eventually

from pybernetes.api.kinds import NAMESPACES, NETWORK_POLICIES, PODS
from pybernetes.lib.clock import RealClock
from pybernetes.network.nft import Nft
from pybernetes.network.policy.enforcer import PolicyEnforcer

Object = dict[str, Any]

ADDRESSES = {"a": "10.244.1.2", "b": "10.244.1.3", "c": "10.244.1.4", "far": "10.244.2.2"}
NAMES = {"b": "team-b"}
"""The namespaces of the pods that are not in `default`."""

PATIENCE = 0.3


class Cluster:
    """Policies by hand, and the enforcer that follows them. Pods have the label app=NAME, namespaces team=NAME."""

    def __init__(self) -> None:
        self.informers = HandInformers()
        self.nft = Nft()
        self.enforcer = PolicyEnforcer(
            self.informers,
            "n1",
            ["10.244.0.0/16"],
            RealClock(),
            self.nft,
            gather=0,
        )
        for name in ("default", "team-b"):
            self.informers.informer(NAMESPACES).put({"metadata": {"name": name, "labels": {"team": name}}})
        for name, address in ADDRESSES.items():
            self.pod(name, address)

    def pod(self, name: str, address: str, **labels: str) -> None:
        ports = [{"name": "web", "containerPort": 8080}]
        self.informers.informer(PODS).put(
            {
                "metadata": {
                    "name": name,
                    "namespace": NAMES.get(name, "default"),
                    "labels": {"app": name, **labels},
                },
                "spec": {
                    "nodeName": "n2" if name == "far" else "n1",
                    "containers": [{"name": "m", "ports": ports}],
                },
                "status": {"phase": "Running", "podIPs": [{"ip": address}]},
            }
        )

    async def policy(self, app: str, namespace: str = "default", **rules: Any) -> None:
        types = [word.capitalize() for word in rules]
        self.informers.informer(NETWORK_POLICIES).put(
            {
                "metadata": {"name": f"for-{app}", "namespace": namespace},
                "spec": {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": types, **rules},
            }
        )
        await self.settled()

    async def settled(self) -> None:
        await eventually(lambda: self.enforcer.current)


@pytest.fixture(scope="module")
def wide(world: World) -> World:
    """A world with a pod of another node, and a service address that leads to pod a."""
    world.add("far", ADDRESSES["far"], beside="outside")
    address = ADDRESSES["a"]
    for hook, kind, rule in (
        ("prerouting", "dstnat", f"ip daddr 10.96.0.5 tcp dport 80 dnat to {address}:8080"),
        ("postrouting", "srcnat", f"ip saddr {address} ip daddr {address} masquerade"),
    ):
        run("nft", f"add table ip test; add chain ip test {hook} {{ type nat hook {hook} priority {kind}; }}")
        run("nft", f"add rule ip test {hook} {rule}")
    return world


@pytest.fixture
async def cluster(wide: World) -> AsyncIterator[Cluster]:
    cluster = Cluster()
    servers = [
        *[await wide.serve(name) for name in (*ADDRESSES, "node", "outside")],
        await wide.serve("a", 9000),
        await wide.serve("a", 9005),
    ]
    cluster.nft.start()
    await cluster.enforcer.start()
    await cluster.settled()
    yield cluster
    await cluster.enforcer.close()
    cluster.nft.close()
    for server in servers:
        server.close()
    run("nft", "delete", "table", "ip", "pybernetes-policy", check=False)


async def reaches(world: World, who: str, whom: str, port: int = 8080) -> bool:
    try:
        await world.ask(who, ADDRESSES.get(whom, whom), port, PATIENCE)
    except TimeoutError:
        return False
    return True


async def who_reaches_a(world: World, port: int = 8080) -> set[str]:
    names = ["b", "c", "far", "outside"]
    found = await asyncio.gather(*(reaches(world, name, "a", port) for name in names))
    return {name for name, reached in zip(names, found, strict=True) if reached}


def app(name: str) -> Object:
    return {"podSelector": {"matchLabels": {"app": name}}}


async def test_pods_that_no_policy_selects_are_open(wide: World, cluster: Cluster) -> None:
    await cluster.policy("c", ingress=[], egress=[])
    assert await who_reaches_a(wide) == {"b", "far", "outside"}
    assert not await reaches(wide, "b", "c")


async def test_an_isolated_pod_is_reached_by_its_node_and_itself_and_reaches_others(
    wide: World, cluster: Cluster
) -> None:
    await cluster.policy("a", ingress=[])
    assert await who_reaches_a(wide) == set()
    assert await reaches(wide, "node", "a")
    assert await reaches(wide, "a", "a") and await reaches(wide, "a", "10.96.0.5", 80)
    assert await reaches(wide, "a", "b") and await reaches(wide, "a", "far")


async def test_pods_are_told_by_their_labels_and_namespaces_on_any_node(
    wide: World, cluster: Cluster
) -> None:
    await cluster.policy("a", ingress=[{"from": [app("c"), app("b")]}])
    assert await who_reaches_a(wide) == {"c"}, "b is in another namespace"
    await cluster.policy(
        "a", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "team-b"}}}]}]
    )
    assert await who_reaches_a(wide) == {"b"}
    await cluster.policy("a", ingress=[{"from": [{"namespaceSelector": {}, **app("far")}]}])
    assert await who_reaches_a(wide) == {"far"}
    await cluster.policy("a", ingress=[{"from": [{"namespaceSelector": {}}]}])
    assert await who_reaches_a(wide) == {"b", "c", "far"}


async def test_a_label_opens_and_closes_the_way(wide: World, cluster: Cluster) -> None:
    await cluster.policy("a", ingress=[{"from": [{"podSelector": {"matchLabels": {"friend": "yes"}}}]}])
    assert await who_reaches_a(wide) == set()
    cluster.pod("c", ADDRESSES["c"], friend="yes")
    await cluster.settled()
    assert await who_reaches_a(wide) == {"c"}
    cluster.pod("c", ADDRESSES["c"])
    await cluster.settled()
    assert await who_reaches_a(wide) == set()


async def test_blocks_of_addresses_have_exceptions(wide: World, cluster: Cluster) -> None:
    block = {"ipBlock": {"cidr": "10.244.0.0/16", "except": [f"{ADDRESSES['b']}/32"]}}
    await cluster.policy("a", ingress=[{"from": [block]}])
    assert await who_reaches_a(wide) == {"c", "far"}
    await cluster.policy("a", ingress=[{"from": [{"ipBlock": {"cidr": f"{World.OUTSIDE}/32"}}]}])
    assert await who_reaches_a(wide) == {"outside"}


@pytest.mark.parametrize(
    ("port", "allowed"),
    [
        ({"port": 9000, "endPort": 9004}, {9000}),
        ({"port": "web"}, {8080}),
        ({"protocol": "TCP"}, {8080, 9000, 9005}),
        ({"protocol": "UDP"}, set()),
    ],
)
async def test_ports_are_numbers_ranges_names_and_protocols(
    wide: World, cluster: Cluster, port: Object, allowed: set[int]
) -> None:
    await cluster.policy("a", ingress=[{"ports": [port]}])
    assert {number for number in (8080, 9000, 9005) if await reaches(wide, "c", "a", number)} == allowed


async def test_what_a_service_leads_to_decides_not_its_address(wide: World, cluster: Cluster) -> None:
    await cluster.policy("a", ingress=[{"from": [app("c")], "ports": [{"port": 8080}]}])
    assert await reaches(wide, "c", "10.96.0.5", 80)
    assert not await reaches(wide, "b", "10.96.0.5", 80)
    await cluster.policy("b", "team-b", egress=[{"to": [{"ipBlock": {"cidr": "10.96.0.0/16"}}]}])
    await cluster.policy("a", ingress=[{}])
    assert not await reaches(wide, "b", "10.96.0.5", 80)


async def test_egress_and_ingress_must_both_allow(wide: World, cluster: Cluster) -> None:
    await cluster.policy("c", egress=[{"to": [app("a"), app("far")], "ports": [{"port": "web"}]}])
    assert await reaches(wide, "c", "a") and await reaches(wide, "c", "far")
    assert not await reaches(wide, "c", "a", 9000)
    assert not await reaches(wide, "c", "b") and not await reaches(wide, "c", World.OUTSIDE)
    assert await reaches(wide, "b", "c"), "answers to what came in go out"
    await cluster.policy("a", ingress=[{"from": [app("far")]}])
    assert not await reaches(wide, "c", "a")
    assert await reaches(wide, "far", "a")


async def test_the_pods_own_node_is_never_out_of_reach(wide: World, cluster: Cluster) -> None:
    await cluster.policy("c", egress=[])
    assert await reaches(wide, "c", World.NODE)
    assert not await reaches(wide, "c", World.OUTSIDE)


async def test_datagrams_are_held_to_it_too(wide: World, cluster: Cluster) -> None:
    server = await wide.serve_udp("a", 5353)

    async def answered(who: str) -> bool:
        asked = wide.socket(who, socket.SOCK_DGRAM)
        try:
            async with RealClock().timeout(PATIENCE):
                loop = asyncio.get_running_loop()
                await loop.sock_sendto(asked, b"x", (ADDRESSES["a"], 5353))
                await loop.sock_recv(asked, 100)
        except TimeoutError:
            return False
        finally:
            asked.close()
        return True

    with contextlib.closing(server):
        await cluster.policy(
            "a", ingress=[{"from": [app("c")], "ports": [{"protocol": "UDP", "port": 5353}]}]
        )
        assert await answered("c") and not await answered("b")
        assert not await reaches(wide, "c", "a")


async def test_what_somebody_else_deletes_is_there_again(wide: World, cluster: Cluster) -> None:
    await cluster.policy("a", ingress=[])
    run("nft", "delete", "table", "ip", "pybernetes-policy")
    async with RealClock().timeout(5):
        while await reaches(wide, "c", "a"):
            await RealClock().sleep(0.01)


async def test_without_policies_nothing_of_ours_is_in_the_kernel(wide: World, cluster: Cluster) -> None:
    await cluster.policy("a", ingress=[])
    assert "pybernetes-policy" in run("nft", "list", "tables")
    cluster.informers.informer(NETWORK_POLICIES).delete("default/for-a")
    await cluster.settled()
    assert "pybernetes-policy" not in run("nft", "list", "tables")
