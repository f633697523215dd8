"""The scheduling queue: order, back-off, waking and gates. Time is an argument."""

from __future__ import annotations

from scheduling_objects import pod

from pybernetes.scheduler.events import ClusterEvent
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.queue import Place, QueuedPod, SchedulingQueue

FIT = frozenset({"NodeResourcesFit"})


def info(name: str, **more: object) -> PodInfo:
    return PodInfo(pod(name, **more))


def pop(queue: SchedulingQueue, now: float) -> QueuedPod:
    found = queue.pop(now)
    assert found is not None
    return found


def names(queue: SchedulingQueue, now: float) -> list[str]:
    found = []
    while (queued := queue.pop(now)) is not None:
        found.append(queued.pod.name)
    return found


def test_priority_first_then_age() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 1)
    queue.add(info("b", priority=5), 2)
    queue.add(info("c"), 0)
    assert names(queue, 3) == ["b", "c", "a"]


def test_a_refused_pod_waits_for_an_event_that_its_plugin_cares_about() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0)
    queue.refused(pop(queue, 0), FIT)
    assert queue.pop(100) is None
    queue.move(ClusterEvent.NAMESPACE_CHANGED, 100)
    assert queue.pop(100) is None
    queue.move(ClusterEvent.POD_GONE, 100)
    assert names(queue, 100) == ["a"]


def test_an_event_that_does_not_help_this_pod_does_not_wake_it() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0)
    queue.refused(pop(queue, 0), FIT)
    assert queue.move(ClusterEvent.NODE_CHANGED, 100, lambda queued: False) == 0
    assert queue.pop(100) is None


def test_a_pod_woken_within_its_back_off_yields_to_others() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0)
    queue.refused(pop(queue, 0), FIT)
    queue.move(ClusterEvent.POD_GONE, 0.5)
    assert queue.count(Place.BACKING_OFF) == 1
    queue.add(info("b"), 0.5)
    assert names(queue, 0.5) == ["b", "a"]


def test_back_off_doubles_to_ten_seconds() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0)
    now, delays = 0.0, []
    for _ in range(6):
        queued = pop(queue, now)
        queue.failed(queued)
        due = queue.next_due()
        assert due is not None
        delays.append(due - now)
        assert queue.pop(due - 0.01) is None
        now = due
    assert delays == [1, 2, 4, 8, 10, 10]


def test_a_refused_pod_is_tried_again_after_five_minutes_anyway() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0)
    queue.refused(pop(queue, 0), FIT)
    assert queue.next_due() == 300
    assert queue.pop(299) is None
    assert names(queue, 300) == ["a"]


def test_a_gated_pod_is_not_tried_until_its_gates_are_gone() -> None:
    queue = SchedulingQueue()
    queue.add(info("a", schedulingGates=[{"name": "example.com/wait"}]), 0)
    queue.move(ClusterEvent.NODE_ADDED, 1)
    assert queue.pop(1) is None
    queue.update(info("a"), 2, matters=True)
    assert names(queue, 2) == ["a"]


def test_a_changed_pod_is_tried_again() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0)
    queue.refused(pop(queue, 0), FIT)
    queue.update(info("a", cpu="1"), 5, matters=False)
    assert queue.pop(5) is None
    queue.update(info("a", cpu="1"), 5, matters=True)
    assert names(queue, 5) == ["a"]


def test_a_removed_pod_never_comes_out() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0)
    queue.add(info("b"), 0)
    queue.refused(pop(queue, 0), FIT)
    queue.remove("default/a")
    queue.remove("default/b")
    queue.move(ClusterEvent.NODE_ADDED, 10)
    assert len(queue) == 0 and queue.pop(1000) is None


def test_only_a_node_helps_when_there_were_none() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0)
    queue.refused(pop(queue, 0), frozenset())
    queue.move(ClusterEvent.POD_GONE, 10)
    assert queue.pop(10) is None
    queue.move(ClusterEvent.NODE_ADDED, 10)
    assert names(queue, 10) == ["a"]
