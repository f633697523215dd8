"""DaemonSets: placement and rolling updates on values, and the shell on a fake API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pybernetes.api.kinds import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from pybernetes.client.interface import object_key
from pybernetes.controllers.daemonset import plan as planning
from pybernetes.controllers.daemonset.placement import fits, new_pod, target_node

from .builders import node, template

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)
NAME = "daemonset-controller"


def daemon_set(**more):
    spec = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": template(image=more.pop("image", "nginx")),
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        "revisionHistoryLimit": 10,
        **more,
    }
    metadata = {"name": "agent", "namespace": "default", "uid": "ds-uid", "generation": 1}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}


def on(set_, name, digest="new", *, ready=True, phase="Running", number=0):
    pod = new_pod(set_, name, digest)
    pod["metadata"].update(name=f"{name}-{digest}-{number}", uid=f"{name}-{digest}-{number}")
    pod["spec"]["nodeName"] = name
    pod["status"] = {"phase": phase}
    if ready:
        since = "2026-01-01T00:00:00Z"
        pod["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": since}]
    return pod


NODES_3 = [node("a"), node("b"), node("c")]


def names(pods):
    return [one["metadata"]["name"] for one in pods]


def test_every_node_gets_one():
    assert planning.plan(daemon_set(), NODES_3, [], "new", NOW).create == ["a", "b", "c"]


def test_the_pod_is_pinned_to_its_node_and_tolerates_its_troubles():
    pod = new_pod(daemon_set(), "a", "new")
    assert target_node(pod) == "a"
    keys = {(one["key"].split("/")[1], one["effect"]) for one in pod["spec"]["tolerations"]}
    assert ("not-ready", "NoExecute") in keys and ("unschedulable", "NoSchedule") in keys
    assert pod["metadata"]["labels"]["controller-revision-hash"] == "new"


@pytest.mark.parametrize(
    "taint, expected",
    [
        ({"key": "x", "effect": "NoSchedule"}, (False, True)),
        ({"key": "x", "effect": "NoExecute"}, (False, False)),
        ({"key": "x", "effect": "PreferNoSchedule"}, (True, True)),
        ({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, (True, True)),
        ({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, (True, True)),
    ],
)
def test_taints_keep_pods_off_or_drive_them_away(taint, expected):
    assert fits(daemon_set(), node("a", taints=[taint])) == expected


def test_node_selectors_choose_nodes():
    one = daemon_set()
    one["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    assert fits(one, node("a")) == (False, False)
    assert fits(one, node("a", labels={"disk": "ssd"})) == (True, True)


def test_pods_leave_nodes_that_no_longer_fit():
    one = daemon_set()
    one["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    assert names(planning.plan(one, [node("a")], [on(one, "a")], "new", NOW).delete) == ["a-new-0"]


def test_of_two_pods_on_a_node_the_older_stays():
    one = daemon_set()
    first, second = on(one, "a"), on(one, "a", number=1)
    first["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    second["metadata"]["creationTimestamp"] = "2026-01-01T00:00:01Z"
    assert names(planning.plan(one, [node("a")], [second, first], "new", NOW).delete) == ["a-new-1"]


def test_a_failed_pod_is_replaced():
    decided = planning.plan(daemon_set(), [node("a")], [on(daemon_set(), "a", phase="Failed")], "new", NOW)
    assert decided.failed and decided.delete


def test_a_rollout_takes_down_no_more_than_allowed():
    one = daemon_set()
    pods = [on(one, name, "old") for name in "abc"]
    assert len(planning.roll(one, NODES_3, pods, "new", NOW).delete) == 1
    pods[0] = on(one, "a", "new", ready=False)
    assert planning.roll(one, NODES_3, pods, "new", NOW).delete == []


def test_old_pods_that_are_broken_anyway_are_all_replaced():
    one = daemon_set()
    pods = [on(one, "a", "old", ready=False), on(one, "b", "old", ready=False), on(one, "c", "old")]
    assert names(planning.roll(one, NODES_3, pods, "new", NOW).delete) == ["a-old-0", "b-old-0"]


def test_surge_starts_new_pods_beside_old_ones():
    one = daemon_set(updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    pods = [on(one, name, "old") for name in "abc"]
    assert planning.roll(one, NODES_3, pods, "new", NOW).create == ["a"]
    pods.append(on(one, "a", "new", ready=False))
    assert planning.roll(one, NODES_3, pods, "new", NOW).create == []
    assert planning.plan(one, NODES_3, pods, "new", NOW).delete == []
    pods[-1] = on(one, "a", "new")
    assert names(planning.plan(one, NODES_3, pods, "new", NOW).delete) == ["a-old-0"]


def test_on_delete_changes_nothing_by_itself():
    one = daemon_set(updateStrategy={"type": "OnDelete"})
    assert planning.roll(one, NODES_3, [on(one, name, "old") for name in "abc"], "new", NOW).delete == []


def test_the_status_counts_nodes():
    one = daemon_set()
    pods = [on(one, "a"), on(one, "b", "old"), on(one, "c", ready=False)]
    status = planning.status(one, [*NODES_3, node("d")], pods, "new", NOW)
    assert status == {
        "desiredNumberScheduled": 4,
        "currentNumberScheduled": 3,
        "numberMisscheduled": 0,
        "numberReady": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
        "numberUnavailable": 2,
        "observedGeneration": 1,
    }


def run_pods(api):
    for one in list(api.all(PODS)):
        if "status" not in one:
            condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            status = {"phase": "Running", "conditions": [condition]}
            api.change(PODS, object_key(one), {"spec": {"nodeName": target_node(one)}, "status": status})


async def test_a_daemon_set_runs_everywhere_and_rolls_out(run):
    cluster = await run(NAME)
    for name in "ab":
        cluster.api.put(NODES, node(name))
    await cluster.api.create(DAEMON_SETS, daemon_set())
    await cluster.settle()
    assert sorted(target_node(one) for one in cluster.api.all(PODS)) == ["a", "b"]
    run_pods(cluster.api)
    cluster.api.put(NODES, node("c"))
    await cluster.settle()
    assert len(cluster.api.all(PODS)) == 3
    run_pods(cluster.api)
    await cluster.settle()
    assert cluster.api.one(DAEMON_SETS, "default/agent")["status"]["numberAvailable"] == 3
    change = {"metadata": {"generation": 2}, "spec": {"template": template(image="nginx:2")}}
    cluster.api.change(DAEMON_SETS, "default/agent", change)
    for _ in range(8):
        await cluster.settle(1)
        assert len(cluster.api.all(PODS)) >= 2
        run_pods(cluster.api)
    assert {one["spec"]["containers"][0]["image"] for one in cluster.api.all(PODS)} == {"nginx:2"}
    assert sorted(one["revision"] for one in cluster.api.all(CONTROLLER_REVISIONS)) == [1, 2]
    status = cluster.api.one(DAEMON_SETS, "default/agent")["status"]
    assert status["updatedNumberScheduled"] == 3 and status["observedGeneration"] == 2
    version = cluster.api.version
    await cluster.settle(100)
    assert cluster.api.version == version


async def test_failed_daemons_are_replaced_ever_more_slowly(run):
    cluster = await run(NAME)
    cluster.api.put(NODES, node("a"))
    await cluster.api.create(DAEMON_SETS, daemon_set())
    replaced = 0
    for _ in range(40):
        await cluster.settle(1)
        for one in list(cluster.api.all(PODS)):
            if (one.get("status") or {}).get("phase") != "Failed":
                change = {"spec": {"nodeName": "a"}, "status": {"phase": "Failed"}}
                cluster.api.change(PODS, object_key(one), change)
                replaced += 1
    assert 4 <= replaced <= 8
    assert any(reason == "FailedDaemonPod" for _, reason, _ in cluster.api.events())
