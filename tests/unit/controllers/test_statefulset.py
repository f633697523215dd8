"""StatefulSets: the plan on values, and the shell on a fake API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pybernetes.api.kinds import CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from pybernetes.client.interface import object_key
from pybernetes.controllers.statefulset import identity
from pybernetes.controllers.statefulset.plan import plan, status

from .builders import template

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)
NAME = "statefulset-controller"


def stateful_set(replicas=3, **spec):
    metadata = {"name": "db", "namespace": "default", "uid": "db-uid", "generation": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            **spec,
        },
    }


def member(ordinal, digest="v1", *, ready=True, phase="Running", deleting=False):
    pod = identity.new_pod(stateful_set(), template(), ordinal, digest)
    pod["metadata"].update(uid=f"uid-{ordinal}")
    if deleting:
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    since = "2026-01-01T00:00:00Z"
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": since}] if ready else []
    pod["status"] = {"phase": phase, "conditions": conditions}
    return pod


def steps(set_, pods, current="v1", update="v1"):
    decided = plan(set_, pods, current, update, NOW)
    return [one for one, _ in decided.create], [one["metadata"]["name"] for one in decided.delete]


@pytest.mark.parametrize(
    "pods, expected",
    [
        ([], ([0], [])),
        ([member(0)], ([1], [])),
        ([member(0, ready=False)], ([], [])),
        ([member(0, deleting=True)], ([], [])),
        ([member(1), member(2)], ([0], [])),
        ([member(0), member(1), member(2)], ([], [])),
        ([member(0), member(1), member(2), member(3)], ([], ["db-3"])),
        ([member(0), member(1), member(2), member(3), member(4)], ([], ["db-4"])),
        ([member(0), member(1), member(2), member(3), member(4, deleting=True)], ([], [])),
        ([member(0, phase="Failed"), member(1), member(2)], ([], ["db-0"])),
        ([member(0), member(1), member(2), member(3, ready=False)], ([], ["db-3"])),
    ],
)
def test_an_ordered_set_takes_one_step_at_a_time(pods, expected):
    assert steps(stateful_set(), pods) == expected


def test_a_parallel_set_does_all_at_once():
    one = stateful_set(podManagementPolicy="Parallel")
    assert steps(one, []) == ([0, 1, 2], [])
    assert steps(one, [member(number) for number in range(6)]) == ([], ["db-5", "db-4", "db-3"])


def test_ordinals_may_start_elsewhere():
    one = stateful_set(ordinals={"start": 5})
    assert steps(one, [member(5)]) == ([6], [])
    assert steps(one, [member(5), member(6), member(7), member(2)]) == ([], ["db-2"])


def test_a_rollout_goes_from_the_last_to_the_first():
    pods = [member(0), member(1), member(2)]
    assert steps(stateful_set(), pods, "v1", "v2") == ([], ["db-2"])
    pods[2] = member(2, "v2", ready=False)
    assert steps(stateful_set(), pods, "v1", "v2") == ([], [])
    pods[2] = member(2, "v2")
    assert steps(stateful_set(), pods, "v1", "v2") == ([], ["db-1"])


def test_a_partition_holds_pods_back():
    one = stateful_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    pods = [member(0), member(1), member(2, "v2")]
    assert steps(one, pods, "v1", "v2") == ([], [])
    assert plan(one, [member(1), member(2, "v2")], "v1", "v2", NOW).create == [(0, "v1")]
    assert plan(one, [member(0), member(1)], "v1", "v2", NOW).create == [(2, "v2")]


def test_on_delete_waits_for_somebody_to_delete():
    one = stateful_set(updateStrategy={"type": "OnDelete"})
    assert steps(one, [member(0), member(1), member(2)], "v1", "v2") == ([], [])
    assert plan(one, [member(0), member(1)], "v1", "v2", NOW).create == [(2, "v2")]


def test_min_ready_seconds_hold_up_the_next_pod():
    one = stateful_set(minReadySeconds=7200)
    assert steps(one, [member(0)]) == ([], [])


def test_identity_of_a_pod():
    one = stateful_set(
        volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": {"accessModes": ["RWO"]}}]
    )
    pod = identity.new_pod(one, template(), 1, "v1")
    assert pod["metadata"]["name"] == "db-1"
    assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    assert pod["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}]
    (claim,) = identity.new_claims(one, 1)
    assert claim["metadata"]["name"] == "data-db-1" and claim["metadata"]["labels"] == {"app": "web"}


@pytest.mark.parametrize(
    "name, ordinal", [("db-0", 0), ("db-12", 12), ("db-01", -1), ("other-1", -1), ("db", -1)]
)
def test_ordinals_are_read_off_names(name, ordinal):
    assert identity.ordinal_of(stateful_set(), {"metadata": {"name": name}}) == ordinal


def test_the_status_moves_on_when_the_rollout_is_complete():
    pods = [member(number, "v2") for number in range(3)]
    found = status(stateful_set(), pods, "v1", "v2", NOW)
    assert (found["currentRevision"], found["currentReplicas"], found["updatedReplicas"]) == ("v2", 3, 3)
    half = status(stateful_set(), [member(0), member(1), member(2, "v2")], "v1", "v2", NOW)
    assert (half["currentRevision"], half["currentReplicas"], half["updatedReplicas"]) == ("v1", 2, 1)


def run_pods(api):
    for one in list(api.all(PODS)):
        if "status" not in one:
            condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            api.change(PODS, object_key(one), {"status": {"phase": "Running", "conditions": [condition]}})


async def test_a_stateful_set_grows_rolls_and_shrinks(run):
    cluster = await run(NAME)
    claims = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    await cluster.api.create(STATEFUL_SETS, stateful_set(volumeClaimTemplates=claims))
    await cluster.settle()
    assert [one["metadata"]["name"] for one in cluster.api.all(PODS)] == ["db-0"]
    for _ in range(4):
        run_pods(cluster.api)
        await cluster.settle()
    assert [one["metadata"]["name"] for one in cluster.api.all(PODS)] == ["db-0", "db-1", "db-2"]
    assert len(cluster.api.all(PERSISTENT_VOLUME_CLAIMS)) == 3
    assert (
        "Normal",
        "SuccessfulCreate",
        "create Pod db-0 in StatefulSet db successful",
    ) in cluster.api.events()
    change = {"metadata": {"generation": 2}, "spec": {"template": template(image="nginx:2")}}
    cluster.api.change(STATEFUL_SETS, "default/db", change)
    for _ in range(8):
        await cluster.settle()
        run_pods(cluster.api)
    assert {one["spec"]["containers"][0]["image"] for one in cluster.api.all(PODS)} == {"nginx:2"}
    found = cluster.api.one(STATEFUL_SETS, "default/db")["status"]
    assert found["currentRevision"] == found["updateRevision"] and found["readyReplicas"] == 3
    revisions = cluster.api.all(CONTROLLER_REVISIONS)
    assert len(revisions) == 2
    assert all("controller.kubernetes.io/hash" in one["metadata"]["labels"] for one in revisions)
    labels = [one["metadata"]["labels"] for one in cluster.api.all(PODS)]
    assert {one["controller-revision-hash"] for one in labels} == {found["updateRevision"]}
    cluster.api.change(STATEFUL_SETS, "default/db", {"spec": {"replicas": 1}})
    await cluster.settle()
    assert [one["metadata"]["name"] for one in cluster.api.all(PODS)] == ["db-0"]
    assert len(cluster.api.all(PERSISTENT_VOLUME_CLAIMS)) == 3
    version = cluster.api.version
    await cluster.settle(100)
    assert cluster.api.version == version
