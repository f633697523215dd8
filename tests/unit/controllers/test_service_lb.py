"""Services of type LoadBalancer get an address, each its own, and keep it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pybernetes.api.kinds import NODES, SERVICES
from pybernetes.controllers.service_lb import choose, expand

from .conftest import Running

Object = dict[str, Any]
Run = Callable[..., Awaitable[Running]]


def service(name: str, port: int = 80, **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": port, "protocol": "TCP"}], **spec},
    }


def node(name: str, address: str, ready: str = "True") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def addresses(running: Running, name: str) -> list[str]:
    found = running.api.one(SERVICES, f"default/{name}")
    return [one["ip"] for one in found.get("status", {}).get("loadBalancer", {}).get("ingress", [])]


async def test_each_service_has_an_address_of_the_pool_for_itself(run: Run) -> None:
    running = await run("service-lb-controller", load_balancer_pool=("192.0.2.8-192.0.2.9",))
    for name in ("a", "b", "c"):
        await running.api.create(SERVICES, service(name))
    await running.settle()
    assert [addresses(running, name) for name in ("a", "b", "c")] == [["192.0.2.8"], ["192.0.2.9"], []]
    await running.api.delete(SERVICES, "default", "a")
    await running.settle(60)
    assert addresses(running, "c") == ["192.0.2.8"]
    assert addresses(running, "b") == ["192.0.2.9"]


async def test_without_a_pool_services_share_ready_nodes_by_port(run: Run) -> None:
    running = await run("service-lb-controller")
    await running.api.create(NODES, node("n0", "10.0.0.9", ready="False"))
    await running.api.create(NODES, node("n1", "10.0.0.1"))
    for name, port in (("a", 80), ("b", 81), ("c", 80)):
        await running.api.create(SERVICES, service(name, port))
    await running.settle()
    assert [addresses(running, name) for name in ("a", "b", "c")] == [["10.0.0.1"], ["10.0.0.1"], []]
    await running.api.create(NODES, node("n2", "10.0.0.2"))
    await running.settle()
    assert addresses(running, "c") == ["10.0.0.2"]


async def test_other_types_and_others_classes_are_left_alone(run: Run) -> None:
    running = await run("service-lb-controller", load_balancer_pool=("192.0.2.0/30",))
    await running.api.create(SERVICES, service("a", type="NodePort"))
    await running.api.create(SERVICES, service("b", loadBalancerClass="example.com/other"))
    await running.settle()
    assert addresses(running, "a") == addresses(running, "b") == []


def test_a_wished_address_is_given_if_it_is_free() -> None:
    pool = ["192.0.2.1", "192.0.2.2"]
    wish = service("a", loadBalancerIP="192.0.2.2")
    assert choose(wish, pool, {}, shared=False) == ["192.0.2.2"]
    assert choose(wish, pool, {"192.0.2.2": {("TCP", 81)}}, shared=False) == ["192.0.2.1"]
    assert choose(service("a", loadBalancerIP="198.51.100.1"), pool, {}, shared=False) == ["192.0.2.1"]


def test_what_a_service_has_it_keeps() -> None:
    mine = service("a")
    mine["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}]}}
    assert choose(mine, ["192.0.2.1", "192.0.2.2"], {}, shared=False) == ["192.0.2.2"]
    assert choose(mine, ["192.0.2.1"], {}, shared=False) == ["192.0.2.1"]


def test_two_families_need_an_address_of_each_that_there_is() -> None:
    both = service("a", ipFamilies=["IPv4", "IPv6"])
    assert choose(both, ["192.0.2.1", "fd00::1"], {}, shared=False) == ["192.0.2.1", "fd00::1"]
    taken = {"fd00::1": {("TCP", 80)}}
    assert choose(both, ["192.0.2.1", "fd00::1"], taken, shared=False) is None
    assert choose(both, ["192.0.2.1"], {}, shared=False) == ["192.0.2.1"]


def test_pools_are_ranges_and_networks() -> None:
    assert list(expand(["192.0.2.254-192.0.3.1", "198.51.100.0/30"])) == [
        "192.0.2.254",
        "192.0.2.255",
        "192.0.3.0",
        "192.0.3.1",
        "198.51.100.1",
        "198.51.100.2",
    ]
