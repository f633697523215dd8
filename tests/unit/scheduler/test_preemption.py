"""Which pods make room, and what is said when none can."""

from __future__ import annotations

from typing import Any

from scheduling_objects import World, node, pod

from pybernetes.client.interface import Object
from pybernetes.scheduler.diagnosis import Unschedulable
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.preemption import NoPlan, Plan, plan


def outcome(world: World, obj: Object, budgets: list[Object] | None = None) -> Plan | NoPlan:
    info = PodInfo(obj)
    try:
        world.cycle.schedule(info)
    except Unschedulable as error:
        return plan(info, world.cycle, error.diagnosis, budgets or [])
    raise AssertionError("there is room without preemption")


def victims(world: World, obj: Object, budgets: list[Object] | None = None) -> tuple[str, list[str]]:
    found = outcome(world, obj, budgets)
    assert isinstance(found, Plan)
    return found.node, [victim.name for victim in found.victims]


def message(world: World, obj: Object) -> str:
    found = outcome(world, obj)
    assert isinstance(found, NoPlan)
    return found.message


def high(**more: Any) -> Object:
    return pod("high", priority=100, **more)


def test_the_least_important_pods_go_and_no_more_than_needed() -> None:
    world = World(node("a", cpu="3"))
    world.put(pod("low", "1", priority=1), "a")
    world.put(pod("middle", "1", priority=5), "a")
    world.put(pod("other-low", "1", priority=1, status={"startTime": "2026-01-01T00:00:00Z"}), "a")
    assert victims(world, high(cpu="1")) == ("a", ["low"])
    assert victims(world, high(cpu="2")) == ("a", ["other-low", "low"])


def test_the_node_with_the_cheapest_victims_is_chosen() -> None:
    world = World(node("a", cpu="1"), node("b", cpu="1"))
    world.put(pod("dear", "1", priority=50), "a")
    world.put(pod("cheap", "1", priority=1), "b")
    assert victims(world, high(cpu="1")) == ("b", ["cheap"])


def test_a_disruption_budget_is_kept_where_another_node_will_do() -> None:
    world = World(node("a", cpu="1"), node("b", cpu="1"))
    world.put(pod("guarded", "1", labels={"app": "db"}, priority=1), "a")
    world.put(pod("free", "1", labels={"app": "web"}, priority=5), "b")
    budget = {
        "metadata": {"namespace": "default", "name": "db"},
        "spec": {"selector": {"matchLabels": {"app": "db"}}},
        "status": {"disruptionsAllowed": 0},
    }
    assert victims(world, high(cpu="1"), [budget]) == ("b", ["free"])


def test_pods_of_equal_priority_stay() -> None:
    world = World(node("a", cpu="1"), node("b", cpu="1", unschedulable=True))
    world.put(pod("equal", "1", priority=100), "a")
    assert message(world, high(cpu="1")) == (
        "no new claims to deallocate, preemption: 0/2 nodes are available: "
        "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    )


def test_a_node_that_is_too_small_cannot_be_helped() -> None:
    world = World(node("a", cpu="1"))
    world.put(pod("low", "1"), "a")
    assert "1 Preemption is not helpful for scheduling." in message(world, high(cpu="2"))


def test_a_pod_may_be_told_never_to_preempt() -> None:
    world = World(node("a", cpu="1"))
    world.put(pod("low", "1"), "a")
    assert message(world, high(cpu="1", preemptionPolicy="Never")) == (
        "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
    )


def test_while_victims_leave_no_more_are_chosen() -> None:
    world = World(node("a", cpu="1"), node("b", cpu="1"))
    leaving = pod("leaving", "1", status={"conditions": []})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    leaving["status"]["conditions"] = [
        {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    ]
    world.put(leaving, "a")
    world.put(pod("low", "1"), "b")
    found = outcome(world, high(cpu="1", status={"nominatedNodeName": "a"}))
    assert isinstance(found, NoPlan) and found.keep_nomination
    assert "not eligible due to a terminating pod on the nominated node." in found.message


def test_planning_leaves_the_snapshot_as_it_was() -> None:
    world = World(node("a", cpu="2"))
    world.put(pod("low", "1"), "a")
    world.put(pod("lower", "1", priority=-1), "a")
    before = dict(world.snapshot.nodes["a"].requested)
    victims(world, high(cpu="1"))
    assert world.snapshot.nodes["a"].requested == before
    assert set(world.snapshot.nodes["a"].pods) == {"default/low", "default/lower"}
