"""The snapshot keeps its sums right through every change."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_objects import node, pod

from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import Snapshot


def info(name: str, **more: object) -> PodInfo:
    return PodInfo(pod(name, **more))


def test_an_assumed_pod_counts_and_can_be_forgotten() -> None:
    snapshot = Snapshot()
    a = snapshot.set_node(node("a"))
    snapshot.assume(info("p", cpu="1"), "a")
    assert a.requested == {"cpu": 1000}
    assert snapshot.forget("default/p")
    assert a.requested.get("cpu", 0) == 0 and not a.pods


def test_what_the_server_says_replaces_what_was_assumed() -> None:
    snapshot = Snapshot()
    a, b = snapshot.set_node(node("a")), snapshot.set_node(node("b"))
    snapshot.assume(info("p", cpu="1"), "a")
    snapshot.add_pod(info("p", cpu="1"), "b")
    assert not a.pods and list(b.pods) == ["default/p"]
    assert not snapshot.forget("default/p")


def test_pods_of_a_node_that_is_not_known_yet_count_when_it_comes() -> None:
    snapshot = Snapshot()
    snapshot.add_pod(info("p", cpu="1"), "a")
    assert snapshot.set_node(node("a")).requested == {"cpu": 1000}


def test_pods_of_a_node_that_goes_and_comes_back_still_count() -> None:
    snapshot = Snapshot()
    snapshot.set_node(node("a"))
    snapshot.add_pod(info("p", cpu="1"), "a")
    snapshot.remove_node("a")
    assert not snapshot.nodes
    assert snapshot.set_node(node("a")).requested == {"cpu": 1000}


def test_only_changed_nodes_are_named() -> None:
    snapshot = Snapshot()
    for name in "abc":
        snapshot.set_node(node(name))
    seen = snapshot.generation
    snapshot.assume(info("p"), "b")
    assert [one.name for one in snapshot.changed_since(seen)] == ["b"]


def test_supposing_leaves_no_trace() -> None:
    snapshot = Snapshot()
    a = snapshot.set_node(node("a"))
    placed, other = info("p", cpu="1"), info("q", cpu="2")
    snapshot.add_pod(placed, "a")
    with snapshot.supposing("a", without=[placed], also=[other]):
        assert a.requested["cpu"] == 2000
    assert a.requested["cpu"] == 1000 and list(a.pods) == ["default/p"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["assume", "add", "forget", "remove", "lose", "find"]),
            st.integers(0, 4),
            st.sampled_from("ab"),
        ),
        max_size=40,
    )
)
def test_sums_are_what_the_pods_add_up_to(steps: list[tuple[str, int, str]]) -> None:
    snapshot = Snapshot()
    for name in "ab":
        snapshot.set_node(node(name))
    for action, number, where in steps:
        one = info(f"p{number}", cpu=f"{number + 1}00m", labels={"app": str(number % 2)})
        if action == "assume":
            snapshot.assume(one, where)
        elif action == "add":
            snapshot.add_pod(one, where)
        elif action == "forget":
            snapshot.forget(one.key)
        elif action == "remove":
            snapshot.remove_pod(one.key)
        elif action == "lose":
            snapshot.remove_node(where)
        else:
            snapshot.set_node(node(where))
    for place in snapshot.nodes.values():
        expected = sum(one.requests["cpu"] for one in place.pods.values())
        assert place.requested.get("cpu", 0) == expected
        assert sum(place.groups.values()) == len(place.pods)
        assert all(snapshot.place_of(key) == place.name for key in place.pods)
