"""ReplicaSets on values: how many pods, which to give up, and the status."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pybernetes.api.kinds import REPLICA_SETS, REPLICATION_CONTROLLERS
from pybernetes.controllers.claims import adoption, claim, release
from pybernetes.controllers.expectations import LIFETIME, Expectations
from pybernetes.controllers.replicaset import plan as planning
from pybernetes.controllers.replicaset.ranking import deletion_cost, pods_to_delete

from .builders import pod, replica_set

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)
COST = "controller.kubernetes.io/pod-deletion-cost"


def names(pods):
    return [one["metadata"]["name"] for one in pods]


@pytest.mark.parametrize("wanted", [0, 1, 3, 10])
@pytest.mark.parametrize("present", [0, 1, 3, 5])
def test_the_difference_is_made_up(wanted, present):
    owner = replica_set(replicas=wanted)
    owned = [pod(owner=owner) for _ in range(present)]
    decided = planning.plan(owner, owned, owned, NOW)
    assert decided.create == max(0, wanted - present)
    assert len(decided.delete) == max(0, present - wanted)


@pytest.mark.parametrize("more", [{"phase": "Succeeded"}, {"phase": "Failed"}, {"deleting": True}])
def test_pods_that_are_over_do_not_count(more):
    owner = replica_set(replicas=2)
    assert planning.plan(owner, [pod(owner=owner, **more)], [], NOW).create == 2


def test_a_set_that_is_being_deleted_does_nothing():
    owner = replica_set(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert planning.plan(owner, [], [], NOW) == planning.Plan()


@pytest.mark.parametrize(
    "first, second",
    [
        ({"node": ""}, {"node": "n1"}),
        ({"phase": "Pending", "ready": False}, {"phase": "Running", "ready": False}),
        ({"phase": "Unknown", "ready": False}, {"phase": "Running", "ready": False}),
        ({"ready": False}, {"ready": True}),
        ({"annotations": {COST: "-5"}}, {}),
        ({}, {"annotations": {COST: "5"}}),
        ({"ready": "2026-01-01T00:59:00Z"}, {"ready": "2026-01-01T00:10:00Z"}),
        ({"restarts": 3}, {"restarts": 1}),
        ({"created": "2026-01-01T00:59:00Z"}, {"created": "2026-01-01T00:00:00Z"}),
        ({"node": "", "annotations": {COST: "100"}}, {"ready": False}),
        ({"ready": False, "annotations": {COST: "100"}}, {"annotations": {COST: "-100"}}),
    ],
)
def test_who_goes_first(first, second):
    one, two = pod("first", **first), pod("second", **second)
    for order in ([one, two], [two, one]):
        assert names(pods_to_delete(order, 1, order, NOW)) == ["first"]


def test_doubled_up_pods_go_before_lonely_ones():
    pods = [pod("a", node="n1"), pod("b", node="n2"), pod("c", node="n2")]
    other = pod("other", node="n2")
    assert names(pods_to_delete(pods, 1, [*pods, other], NOW))[0] in ("b", "c")


@pytest.mark.parametrize(
    "text, cost",
    [("5", 5), ("-5", -5), ("0", 0), ("+5", 0), ("05", 0), ("x", 0), ("", 0), ("99999999999", 0), ("-0", 0)],
)
def test_the_cost_of_a_deletion(text, cost):
    assert deletion_cost(pod(annotations={COST: text})) == cost


def test_the_status_counts_active_pods():
    owner = replica_set(replicas=5, spec={"minReadySeconds": 60})
    owned = [
        pod(owner=owner),
        pod(owner=owner, ready="2026-01-01T00:59:30Z"),
        pod(owner=owner, ready=False),
        pod(owner=owner, labels={"app": "web", "x": "y"}),
        pod(owner=owner, deleting=True),
        pod(owner=owner, phase="Failed"),
    ]
    assert planning.status(owner, REPLICA_SETS, owned, NOW) == {
        "replicas": 4,
        "fullyLabeledReplicas": 4,
        "readyReplicas": 3,
        "availableReplicas": 2,
        "terminatingReplicas": 1,
        "observedGeneration": 1,
    }
    status = planning.status(owner, REPLICA_SETS, owned, NOW)
    assert planning.look_again_in(owner, owned, status, NOW) == 30


def test_a_controller_of_the_old_kind_has_no_terminating_replicas():
    assert "terminatingReplicas" not in planning.status(replica_set(), REPLICATION_CONTROLLERS, [], NOW)


def test_a_failure_is_recorded_once_and_taken_back():
    owner = replica_set()
    failed = planning.status(owner, REPLICA_SETS, [], NOW, ("FailedCreate", "quota"))
    (condition,) = failed["conditions"]
    assert (condition["reason"], condition["message"]) == ("FailedCreate", "quota")
    owner["status"] = failed
    again = planning.status(owner, REPLICA_SETS, [], NOW.replace(hour=2), ("FailedCreate", "quota"))
    assert planning.same_status(failed, again)
    assert "conditions" not in planning.status(owner, REPLICA_SETS, [], NOW)


def test_the_new_pod_is_the_template():
    owner = replica_set()
    made = planning.new_pod(owner, REPLICA_SETS)
    assert made["metadata"]["labels"] == {"app": "web"} and made["spec"] == owner["spec"]["template"]["spec"]


def selector_of(owner):
    return planning.selector_of(owner, REPLICA_SETS)


@pytest.mark.parametrize(
    "candidate, where",
    [
        (lambda owner: pod(), "adopt"),
        (lambda owner: pod(labels={"app": "x"}), None),
        (lambda owner: pod(deleting=True), None),
        (lambda owner: pod(owner=owner), "owned"),
        (lambda owner: pod(owner=owner, labels={}), "release"),
        (lambda owner: pod(owner=owner, labels={}, deleting=True), None),
        (lambda owner: pod(owner=replica_set("other")), None),
    ],
)
def test_claims(candidate, where):
    owner = replica_set()
    found = claim(owner, selector_of(owner), [candidate(owner)])
    for field in ("owned", "adopt", "release"):
        assert bool(getattr(found, field)) == (field == where)


def test_nothing_is_adopted_by_what_is_being_deleted():
    owner = replica_set(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert not claim(owner, selector_of(owner), [pod()]).adopt


def test_adoption_and_release_are_conditional_on_the_object():
    owner, orphan = replica_set(), pod()
    orphan["metadata"]["resourceVersion"] = "7"
    patch = adoption(owner, REPLICA_SETS, orphan, REPLICA_SETS).patch["metadata"]
    assert (patch["uid"], patch["resourceVersion"]) == (orphan["metadata"]["uid"], "7")
    assert patch["ownerReferences"][0]["controller"] is True
    assert release(owner, pod(owner=owner), REPLICA_SETS).patch["metadata"]["ownerReferences"] is None


def test_expectations_hold_until_everything_is_seen():
    waiting = Expectations()
    assert waiting.satisfied("k", 0)
    waiting.expect_creations("k", 2, 0)
    waiting.observe_creation("k")
    assert not waiting.satisfied("k", 0)
    waiting.observe_creation("k")
    assert waiting.satisfied("k", 0)
    waiting.expect_deletions("k", ["a", "b"], 0)
    waiting.observe_deletion("k", "a")
    waiting.observe_deletion("k", "a")
    assert not waiting.satisfied("k", 0)
    waiting.observe_deletion("k", "b")
    assert waiting.satisfied("k", 0)


def test_expectations_do_not_hold_for_ever():
    waiting = Expectations()
    waiting.expect_creations("k", 1, 0)
    assert not waiting.satisfied("k", LIFETIME)
    assert waiting.satisfied("k", LIFETIME + 1)
