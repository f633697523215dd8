"""Load balancers' addresses are taken by one node each."""

from __future__ import annotations

import json
from typing import Any

from informers import HandInformers

from pybernetes.api.kinds import ENDPOINT_SLICES, NODES, SERVICES
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.tasks import Tasks
from pybernetes.network.services.announcer import Announcer, gratuitous_arp
from pybernetes.network.services.announcing import Pool, own_addresses

Object = dict[str, Any]
POOL = Pool(["192.0.2.0/24"])
NAMES = ("n1", "n2", "n3")


def balanced(name: str, address: str, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }


def node(name: str, ready: str = "True") -> Object:
    return {
        "metadata": {"name": name},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": "192.0.2.11"}],
        },
    }


def shares(services: list[Object], nodes: list[Object], slices: list[Object] | None = None) -> list[set[str]]:
    return [own_addresses(services, lambda service: slices or [], nodes, POOL, name) for name in NAMES]


def test_every_address_is_one_nodes_and_they_are_spread() -> None:
    services = [balanced(f"s{number}", f"192.0.2.{number}") for number in range(60)]
    parts = shares(services, [node(name) for name in NAMES])
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 60
    assert min(len(part) for part in parts) > 8


def test_when_a_node_is_not_ready_only_its_addresses_move() -> None:
    services = [balanced(f"s{number}", f"192.0.2.{number}") for number in range(60)]
    before = shares(services, [node(name) for name in NAMES])
    after = shares(services, [node("n1"), node("n2", "Unknown"), node("n3")])
    assert not after[1]
    assert before[0] < after[0]
    assert before[2] < after[2]


def test_with_external_policy_local_a_node_with_endpoints_answers() -> None:
    slices = [{"endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "n2", "conditions": {"ready": True}}]}]
    services = [
        balanced(f"s{number}", f"192.0.2.{number}", externalTrafficPolicy="Local") for number in range(9)
    ]
    assert [len(part) for part in shares(services, [node(name) for name in NAMES], slices)] == [0, 9, 0]


def test_addresses_that_are_not_of_the_pool_are_somebody_elses() -> None:
    services = [balanced("a", "203.0.113.1"), balanced("b", "192.0.2.1", type="NodePort")]
    assert shares(services, [node(name) for name in NAMES]) == [set(), set(), set()]


async def test_the_node_takes_an_address_tells_everybody_and_gives_it_back() -> None:
    clock, informers = VirtualClock(), HandInformers()
    link = {"ifname": "eth0", "address": "02:42:00:00:00:01", "addr_info": [{"local": "192.0.2.11"}]}
    loopback: list[str] = []
    told: list[tuple[str, str, str]] = []

    async def run(command: list[str], stdin: str = "") -> str:
        for line in stdin.splitlines():
            _, verb, address, *_ = line.split()
            (loopback.append if verb == "add" else loopback.remove)(address.partition("/")[0])
        infos = [{"local": one} for one in ("127.0.0.1", *loopback)]
        return json.dumps([{"ifname": "lo", "addr_info": infos}, link]) if "show" in command else ""

    announcer = Announcer(
        informers,
        clock,
        "n1",
        ("192.0.2.64/26",),
        run,
        lambda *frame: told.append(frame),
    )
    informers.informer(NODES).put(node("n1"))
    tasks = Tasks("test")
    tasks.spawn(announcer.run(), "announcer")
    informers.informer(ENDPOINT_SLICES)
    informers.informer(SERVICES).put(balanced("a", "192.0.2.99"))
    await clock.settle()
    assert loopback == ["192.0.2.99"]
    assert told == [("eth0", "02:42:00:00:00:01", "192.0.2.99")]
    informers.informer(SERVICES).delete("default/a")
    await clock.settle()
    assert loopback == []
    await tasks.close()


def test_a_gratuitous_arp_names_the_address_twice() -> None:
    frame = gratuitous_arp(bytes.fromhex("024200000001"), "192.0.2.99")
    assert len(frame) == 42
    assert frame.count(bytes([192, 0, 2, 99])) == 2
