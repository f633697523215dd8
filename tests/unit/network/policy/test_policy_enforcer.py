"""What follows policies, namespaces and pods, and writes to the kernel."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from informers import HandInformers
from nft_kernel import Kernel
from policy_objects import Object, app, namespaces, pod, policy
from waiting import eventually

from pybernetes.api.kinds import NAMESPACES, NETWORK_POLICIES, PODS
from pybernetes.lib.clock import RealClock
from pybernetes.network.commands import CommandFailed
from pybernetes.network.nft import Nft
from pybernetes.network.policy.enforcer import PolicyEnforcer


class GuardedNft(Nft):
    """Lets a test say that somebody else has changed a table."""

    def guard(self, table: tuple[str, str], changed: Callable[[], None]) -> None:
        self.changed = changed


class World:
    """Informers by hand, and a kernel that keeps what it is told, or refuses while `broken`."""

    def __init__(self) -> None:
        self.informers = HandInformers()
        self.kernel = Kernel()
        self.transactions: list[str] = []
        self.broken = False
        self.nft = GuardedNft(self._nft)
        self.enforcer = PolicyEnforcer(
            self.informers,
            "n1",
            ["10.244.0.0/16"],
            RealClock(),
            self.nft,
            gather=0,
        )

    async def _nft(self, command: list[str], text: str) -> str:
        if self.broken:
            raise CommandFailed("nft: no")
        self.transactions.append(text)
        self.kernel.run(text)
        return ""

    def put(self, *objects: Object) -> None:
        for obj in objects:
            kind = (
                NETWORK_POLICIES
                if "podSelector" in obj.get("spec", {})
                else PODS
                if "spec" in obj
                else NAMESPACES
            )
            self.informers.informer(kind).put(obj)

    async def settle(self) -> None:
        await eventually(lambda: self.enforcer.current)

    @property
    def isolated(self) -> set[str]:
        return set(self.kernel.elements.get("ingress", {}))

    def peers(self) -> set[str]:
        return {
            one for name, found in self.kernel.elements.items() if name.startswith("pods-") for one in found
        }


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.put(pod("web", "10.244.0.2"), pod("db", "10.244.0.3"), pod("far", "10.244.1.2", "n2"))
    await world.enforcer.start()
    await world.settle()
    yield world
    await world.enforcer.close()


async def test_without_policies_there_is_no_table(world: World) -> None:
    assert not world.kernel.chains
    world.put(policy("a", {"app": "far"}, ingress=[]))
    await world.settle()
    assert not world.kernel.chains


async def test_a_policy_comes_and_goes(world: World) -> None:
    world.put(policy("a", {"app": "db"}, ingress=[{"from": [app("web"), app("far")]}]))
    await world.settle()
    assert world.isolated == {"10.244.0.3"} and world.peers() == {"10.244.0.2", "10.244.1.2"}
    world.put(pod("far", "10.244.1.9", "n2"))
    await world.settle()
    assert world.peers() == {"10.244.0.2", "10.244.1.9"}
    world.informers.informer(PODS).delete("default/far")
    await world.settle()
    assert world.peers() == {"10.244.0.2"}
    world.informers.informer(NETWORK_POLICIES).delete("default/a")
    await world.settle()
    assert not world.kernel.chains


async def test_namespaces_are_followed_by_their_labels(world: World) -> None:
    world.put({"metadata": {"name": "ops", "labels": {"team": "a"}}}, pod("eye", "10.244.1.7", "n2", "ops"))
    world.put(policy("a", ingress=[{"from": [namespaces(team="a")]}]))
    await world.settle()
    assert world.peers() == {"10.244.1.7"}
    world.put({"metadata": {"name": "ops", "labels": {}}})
    await world.settle()
    assert world.peers() == set()


async def test_a_heartbeat_of_a_pod_changes_nothing(world: World) -> None:
    world.put(policy("a", {"app": "db"}, ingress=[]))
    await world.settle()
    before = len(world.transactions)
    world.put(pod("db", "10.244.0.3", extra="condition"))
    world.put(policy("a", {"app": "db"}, ingress=[]) | {"extra": "managed"})
    await world.settle()
    assert len(world.transactions) == before


async def test_a_pod_is_isolated_before_it_runs(world: World) -> None:
    world.put(policy("a", {"app": "new"}, ingress=[]))
    starting = pod("new", "")
    world.put(starting)
    await world.settle()
    assert not world.isolated
    await world.enforcer.protect(starting, ("10.244.0.9",))
    assert world.isolated == {"10.244.0.9"}
    world.put(pod("new", "10.244.0.9"))
    await world.settle()
    assert world.isolated == {"10.244.0.9"}
    world.put(pod("new", "10.244.0.9", phase="Succeeded"))
    await world.settle()
    assert not world.isolated


async def test_a_new_sandbox_counts_before_the_status_tells_of_it(world: World) -> None:
    world.put(policy("a", {"app": "db"}, ingress=[]))
    await world.enforcer.protect(pod("db", "10.244.0.3"), ("10.244.0.30",))
    assert world.isolated == {"10.244.0.30"}


async def test_pods_without_policies_in_their_namespace_wait_for_nothing(world: World) -> None:
    before = len(world.transactions)
    await world.enforcer.protect(pod("new", ""), ("10.244.0.9",))
    await world.enforcer.protect(pod("host", "", spec={"hostNetwork": True}), ("10.209.0.11",))
    assert len(world.transactions) == before


async def test_what_the_kernel_refuses_is_written_anew_and_pods_wait_for_it(world: World) -> None:
    world.broken = True
    world.put(policy("a", {"app": "db"}, ingress=[]))
    waiting = asyncio.ensure_future(world.enforcer.protect(pod("db", ""), ("10.244.0.3",)))
    await RealClock().sleep(0.02)
    assert not waiting.done() and not world.isolated
    world.broken = False
    await waiting
    assert world.isolated == {"10.244.0.3"}


async def test_a_table_that_somebody_changed_is_written_anew(world: World) -> None:
    world.put(policy("a", {"app": "db"}, ingress=[]))
    await world.settle()
    world.kernel.elements["ingress"].clear()
    world.nft.changed()
    await world.settle()
    assert world.isolated == {"10.244.0.3"}


async def test_a_policy_that_nobody_understands_is_left_out(world: World) -> None:
    broken: Any = policy("a", ingress=[])
    broken["spec"]["podSelector"] = {"matchExpressions": [{"key": "a", "operator": "Like"}]}
    world.put(broken, policy("b", {"app": "db"}, ingress=[]))
    await world.settle()
    assert world.isolated == {"10.244.0.3"}
