"""Deployments on values: surge and unavailability, proportions, revisions, conditions, and whole rollouts."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from pybernetes.api.times import format_time
from pybernetes.controllers.actions import Delete, Emit, Update
from pybernetes.controllers.deployment import revisions, scaling, status
from pybernetes.controllers.deployment.plan import plan

from .builders import deployment, template

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)


def version(owner, image="nginx", size=0, *, available=None, total=None, revision=1, age=0, **more):
    """A ReplicaSet as the controller would have made it for this image."""
    of = {**owner, "spec": {**owner["spec"], "template": template(image=image)}}
    made = revisions.new_set(of, size, revision, scaling.wanted(owner), scaling.upper_limit(owner))
    meta = made["metadata"]
    meta.update(uid=f"uid-{meta['name']}", generation=1, creationTimestamp=f"2026-01-01T00:0{age}:00Z")
    meta["annotations"]["deployment.kubernetes.io/max-replicas"] = str(
        more.get("limit", scaling.upper_limit(owner))
    )
    if "desired" in more:
        meta["annotations"]["deployment.kubernetes.io/desired-replicas"] = str(more["desired"])
    available = size if available is None else available
    made["status"] = {
        "replicas": size if total is None else total,
        "readyReplicas": available,
        "availableReplicas": available,
        "observedGeneration": 1,
    }
    return made


def sizes(decided):
    return {
        one.obj["metadata"]["name"]: one.obj["spec"]["replicas"]
        for one in decided.actions
        if isinstance(one, Update)
    }


def messages(decided):
    return [one.message for one in decided.actions if isinstance(one, Emit)]


@pytest.mark.parametrize(
    "replicas, surge, unavailable, expected",
    [
        (10, "25%", "25%", (3, 2)),
        (3, "25%", "25%", (1, 0)),
        (1, "25%", "25%", (1, 0)),
        (4, 0, 1, (0, 1)),
        (4, 0, 0, (0, 1)),
        (4, "0%", "0%", (0, 1)),
        (4, 2, 0, (2, 0)),
        (0, "25%", "25%", (0, 1)),
        (100, "1%", "100%", (1, 100)),
    ],
)
def test_surge_rounds_up_and_unavailability_down(replicas, surge, unavailable, expected):
    assert scaling.limits(deployment(replicas=replicas, surge=surge, unavailable=unavailable)) == expected


@pytest.mark.parametrize("text", ["x", "10", "%"])
def test_nonsense_is_no_share(text):
    with pytest.raises(ValueError):
        scaling.int_or_percent(text, 10, round_up=True)


def test_a_new_deployment_gets_its_first_replica_set():
    owner = deployment()
    decided = plan(owner, [], False, NOW)
    made = decided.create
    assert made["spec"]["replicas"] == 3
    annotations = made["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "1"
    assert annotations["deployment.kubernetes.io/desired-replicas"] == "3"
    assert annotations["deployment.kubernetes.io/max-replicas"] == "4"
    reasons = {one["type"]: one["reason"] for one in decided.status["conditions"]}
    assert reasons == {"Available": "MinimumReplicasUnavailable", "Progressing": "NewReplicaSetCreated"}
    assert decided.annotate == {"deployment.kubernetes.io/revision": "1"}


def test_the_name_depends_on_the_template_and_nothing_else():
    first = plan(deployment(), [], False, NOW).create["metadata"]["name"]
    assert first == plan(deployment(replicas=9), [], False, NOW).create["metadata"]["name"]
    assert first != plan(deployment(image="b"), [], False, NOW).create["metadata"]["name"]
    collided = deployment(status={"collisionCount": 1})
    assert first != plan(collided, [], False, NOW).create["metadata"]["name"]


def test_kubectls_and_owners_annotations():
    annotations = {"note": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    made = plan(deployment(metadata={"annotations": annotations}), [], False, NOW).create
    assert made["metadata"]["annotations"]["note"] == "x"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in made["metadata"]["annotations"]


@pytest.mark.parametrize(
    "replicas, surge, unavailable, old, new, expected",
    [
        (4, 1, 0, (4, 4), (0, 0), {"new": 1}),
        (4, 1, 0, (4, 4), (1, 0), {}),
        (4, 1, 0, (4, 4), (1, 1), {"old": 3}),
        (4, 1, 0, (3, 3), (1, 1), {"new": 2}),
        (4, 0, 1, (4, 4), (0, 0), {"old": 3}),
        (4, 0, 1, (3, 3), (0, 0), {"new": 1}),
        (4, 2, 2, (4, 4), (0, 0), {"new": 2}),
        (4, 2, 2, (4, 4), (2, 0), {"old": 2}),
        (4, 1, 1, (4, 2), (1, 0), {"old": 3}),
        (4, 1, 0, (0, 0), (4, 4), {}),
        (4, 4, 0, (4, 4), (4, 4), {"old": 0}),
    ],
)
def test_one_step_of_a_rolling_update(replicas, surge, unavailable, old, new, expected):
    owner = deployment(replicas=replicas, surge=surge, unavailable=unavailable, image="b")
    sets = {
        "old": version(owner, "a", old[0], available=old[1]),
        "new": version(owner, "b", new[0], available=new[1], revision=2, age=1),
    }
    decided = plan(owner, list(sets.values()), False, NOW)
    wanted = {sets[which]["metadata"]["name"]: size for which, size in expected.items()}
    assert sizes(decided) == wanted
    assert len(messages(decided)) == len(wanted)


@pytest.mark.parametrize(
    "replicas, surge, unavailable",
    list(itertools.product((1, 3, 10), (0, 1, "25%", "100%"), (0, 1, "50%"))),
)
def test_a_whole_rollout_keeps_its_promises(replicas, surge, unavailable):
    """Every pod becomes available one step after it is asked for; the limits hold at each step."""
    owner = deployment(replicas=replicas, surge=surge, unavailable=unavailable, image="b")
    most, least = scaling.upper_limit(owner), replicas - scaling.max_unavailable(owner)
    present = {"a": version(owner, "a", replicas)}
    for step in range(60):
        decided = plan(owner, list(present.values()), False, NOW + timedelta(seconds=step))
        if decided.create is not None:
            made = decided.create
            made["metadata"].update(uid="b", generation=1, creationTimestamp="2026-01-01T00:09:00Z")
            made["status"] = {"replicas": 0, "availableReplicas": 0}
            present["b"] = made
        for action in decided.actions:
            if isinstance(action, Update):
                image = action.obj["spec"]["template"]["spec"]["containers"][0]["image"]
                present[image] = action.obj
        assert sum(one["spec"]["replicas"] for one in present.values()) <= most
        available = 0
        for one in present.values():
            size = one["spec"]["replicas"]
            kept = min(size, one["status"].get("availableReplicas", 0))
            available += kept
            one["status"] = {"replicas": size, "availableReplicas": kept, "readyReplicas": kept}
        assert available >= least
        owner = {**owner, "status": decided.status}
        for one in present.values():
            size = one["spec"]["replicas"]
            one["status"] = {"replicas": size, "availableReplicas": size, "readyReplicas": size}
    assert present["b"]["spec"]["replicas"] == replicas
    assert present["a"]["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    "replicas, before, old, new, expected",
    [
        (10, 5, 5, 0, (10, None)),
        (20, 10, 8, 5, (15, 10)),
        (5, 10, 8, 5, (4, 3)),
        (0, 10, 8, 5, (0, 0)),
    ],
)
def test_scaling_in_the_middle_of_a_rollout_is_proportional(replicas, before, old, new, expected):
    owner = deployment(replicas=replicas, surge="25%", unavailable="25%", image="b")
    limit = scaling.upper_limit(deployment(replicas=before, surge="25%", unavailable="25%"))
    sets = [version(owner, "a", old, limit=limit, desired=before)]
    if new:
        sets.append(version(owner, "b", new, limit=limit, desired=before, revision=2, age=1))
    found = sizes(plan(owner, sets, False, NOW))
    assert found[sets[0]["metadata"]["name"]] == expected[0]
    if new:
        assert found[sets[1]["metadata"]["name"]] == expected[1]


@pytest.mark.parametrize("replicas", range(1, 30, 4))
@pytest.mark.parametrize("before", [5, 10, 17])
def test_proportions_add_up(replicas, before):
    owner = deployment(replicas=replicas, surge=3, unavailable=2, image="b")
    limit = before + 3
    sets = [
        version(owner, "a", before - 2, limit=limit, desired=before),
        version(owner, "b", 4, limit=limit, desired=before, revision=2, age=1),
        version(owner, "c", 1, limit=limit, desired=before, revision=2, age=2),
    ]
    found = scaling.proportional(owner, sets)
    assert sum(found.values()) == scaling.upper_limit(owner)
    assert all(size >= 0 for size in found.values())


def test_scaling_changes_the_one_active_set_and_its_annotations():
    owner = deployment(replicas=7)
    only = version(owner, "nginx", 3, desired=3)
    decided = plan(owner, [only], False, NOW)
    assert sizes(decided) == {only["metadata"]["name"]: 7}
    assert messages(decided) == [f"Scaled up replica set {only['metadata']['name']} from 3 to 7"]
    (update,) = [one for one in decided.actions if isinstance(one, Update)]
    assert update.obj["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] == "7"


def test_scaling_to_nothing_and_back():
    owner = deployment(replicas=0)
    only = version(owner, "nginx", 3, desired=3)
    assert sizes(plan(owner, [only], False, NOW)) == {only["metadata"]["name"]: 0}
    back = deployment(replicas=2)
    only = version(back, "nginx", 0, desired=0)
    assert sizes(plan(back, [only], False, NOW)) == {only["metadata"]["name"]: 2}


def test_recreate_takes_everything_down_first():
    owner = deployment(strategy="Recreate", image="b")
    old = version(owner, "a", 3)
    assert sizes(plan(owner, [old], True, NOW)) == {old["metadata"]["name"]: 0}
    empty = version(owner, "a", 0)
    assert plan(owner, [empty], True, NOW).create is None
    assert plan(owner, [empty], False, NOW).create["spec"]["replicas"] == 3


def test_the_templates_own_hash_label_and_empty_fields_make_no_difference():
    one = template()
    two = template()
    two["metadata"]["creationTimestamp"] = None
    two["metadata"]["labels"] = {**two["metadata"]["labels"], "pod-template-hash": "x"}
    assert revisions.same_template(one, two)


def test_revisions_count_up_and_remember():
    owner = deployment(image="a")
    old = version(owner, "a", 0, revision=1)
    newer = version(owner, "b", 3, revision=2, age=1)
    decided = plan(owner, [old, newer], False, NOW)
    changed = next(
        one.obj
        for one in decided.actions
        if isinstance(one, Update) and one.obj["metadata"]["name"] == old["metadata"]["name"]
    )
    annotations = changed["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"
    assert decided.annotate == {"deployment.kubernetes.io/revision": "3"}


def test_history_beyond_the_limit_is_deleted_oldest_first():
    done = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    owner = deployment(image="z", spec={"revisionHistoryLimit": 1}, status=done)
    old = [version(owner, image, 0, revision=number) for number, image in enumerate("abc", 1)]
    current = version(owner, "z", 3, revision=4, age=5)
    gone = [one.name for one in plan(owner, [*old, current], False, NOW).actions if isinstance(one, Delete)]
    assert gone == [one["metadata"]["name"] for one in old[:2]]


def test_history_with_pods_left_is_kept():
    done = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    owner = deployment(image="z", spec={"revisionHistoryLimit": 0}, status=done)
    busy = version(owner, "a", 0, total=1)
    assert not [
        one
        for one in plan(owner, [busy, version(owner, "z", 3, age=1)], False, NOW).actions
        if isinstance(one, Delete)
    ]


def progressing(decided):
    return next((one for one in decided.status["conditions"] if one["type"] == "Progressing"), None)


def with_condition(reason, since, truth="True", **counts):
    moment = format_time(since)
    condition = {
        "type": "Progressing",
        "status": truth,
        "reason": reason,
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
    }
    return {"observedGeneration": 1, "conditions": [condition], **counts}


def test_progress_moves_the_time_but_not_the_transition():
    before = NOW - timedelta(seconds=100)
    old = with_condition("ReplicaSetUpdated", before, replicas=3, updatedReplicas=3)
    owner = deployment(status=old)
    found = progressing(plan(owner, [version(owner, "nginx", 3, available=1)], False, NOW))
    assert found["reason"] == "ReplicaSetUpdated"
    assert (found["lastUpdateTime"], found["lastTransitionTime"]) == (format_time(NOW), format_time(before))


def test_no_progress_waits_for_the_deadline():
    old = with_condition("ReplicaSetUpdated", NOW - timedelta(seconds=100), replicas=3, updatedReplicas=3)
    owner = deployment(status=old)
    decided = plan(owner, [version(owner, "nginx", 3, available=0)], False, NOW)
    assert progressing(decided)["lastUpdateTime"] == format_time(NOW - timedelta(seconds=100))
    assert decided.after == 501


def test_the_deadline_passes():
    old = with_condition("ReplicaSetUpdated", NOW - timedelta(seconds=601), replicas=3, updatedReplicas=3)
    owner = deployment(status=old)
    found = progressing(plan(owner, [version(owner, "nginx", 3, available=0)], False, NOW))
    assert (found["status"], found["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_a_finished_rollout_does_not_time_out():
    counts = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3}
    old = with_condition("NewReplicaSetAvailable", NOW - timedelta(days=1), **counts)
    owner = deployment(status=old)
    found = progressing(plan(owner, [version(owner, "nginx", 3, available=1)], False, NOW))
    assert found["reason"] == "NewReplicaSetAvailable"


@pytest.mark.parametrize("deadline", [None, 2**31 - 1])
def test_without_a_deadline_there_is_no_progress_to_speak_of(deadline):
    owner = deployment(spec={"progressDeadlineSeconds": deadline})
    assert progressing(plan(owner, [version(owner, "nginx", 3)], False, NOW)) is None


@pytest.mark.parametrize(
    "available, reason", [(3, "MinimumReplicasAvailable"), (2, "MinimumReplicasUnavailable")]
)
def test_availability(available, reason):
    owner = deployment()
    decided = plan(owner, [version(owner, "nginx", 3, available=available)], False, NOW)
    found = next(one for one in decided.status["conditions"] if one["type"] == "Available")
    assert found["reason"] == reason


def test_a_replica_failure_is_passed_on():
    owner = deployment()
    one = version(owner, "nginx", 3, available=0)
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}
    one["status"]["conditions"] = [{**failure, "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    decided = plan(owner, [one], False, NOW)
    found = next(one for one in decided.status["conditions"] if one["type"] == "ReplicaFailure")
    assert found["message"] == "quota"


def test_pausing_and_resuming_are_conditions():
    paused = deployment(spec={"paused": True})
    decided = plan(paused, [version(paused, "nginx", 3)], False, NOW)
    assert (progressing(decided)["status"], progressing(decided)["reason"]) == ("Unknown", "DeploymentPaused")
    resumed = deployment(status=decided.status)
    conditions = status.pause_conditions(resumed, NOW)
    assert next(one for one in conditions if one["type"] == "Progressing")["reason"] == "DeploymentResumed"


def test_a_paused_deployment_makes_no_new_version():
    paused = deployment(image="b", spec={"paused": True})
    decided = plan(paused, [version(paused, "a", 3)], False, NOW)
    assert decided.create is None and sizes(decided) == {}


def test_selecting_everything_is_refused():
    owner = deployment(spec={"selector": {}})
    decided = plan(owner, [], False, NOW)
    assert messages(decided) == ["This deployment is selecting all pods. A non-empty selector is required."]
    assert decided.status == {"observedGeneration": 1}


def test_a_deployment_that_goes_only_counts():
    owner = deployment(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    decided = plan(owner, [version(owner, "nginx", 3)], False, NOW)
    assert decided.create is None and not decided.actions and decided.status["replicas"] == 3
