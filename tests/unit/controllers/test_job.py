"""Jobs: the plan on values, and the shell on a fake API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pybernetes.api.kinds import JOBS, PODS
from pybernetes.client.interface import object_key
from pybernetes.controllers.job import indexes, policy
from pybernetes.controllers.job.plan import plan
from pybernetes.controllers.job.pods import TRACKING, new_pod

from .builders import template

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)
NAME = "job-controller"


def job(**spec):
    status = spec.pop("status", {"startTime": "2026-01-01T00:59:00Z"})
    metadata = {"name": "j", "namespace": "default", "uid": "j-uid", "generation": 1}
    full = {"parallelism": 1, "completions": 1, "backoffLimit": 6, "template": template(), **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": full, "status": status}


def worker(
    phase, number=0, *, index=None, tracked=True, code=None, ended="2026-01-01T00:00:00Z", failures=0, of=None
):
    pod = new_pod(of or job(), index, failures)
    pod["metadata"].update(name=f"p{number}", uid=f"u{number}")
    if not tracked:
        del pod["metadata"]["finalizers"]
    pod["status"] = {"phase": phase}
    if phase in ("Succeeded", "Failed"):
        state = {"terminated": {"exitCode": code or 0, "finishedAt": ended}}
        pod["status"]["containerStatuses"] = [{"name": "c", "state": state, "restartCount": 0}]
    return pod


def types(decided):
    return [one["type"] for one in decided.status.get("conditions", [])]


@pytest.mark.parametrize(
    "text, numbers", [("", []), ("0", [0]), ("0,2-4", [0, 2, 3, 4]), ("1,2,5-7", [1, 2, 5, 6, 7])]
)
def test_indexes_round_trip(text, numbers):
    assert sorted(indexes.parse(text)) == numbers
    assert indexes.render(numbers) == text


def test_a_new_job_starts_its_pods():
    decided = plan(job(parallelism=2, completions=5, status={}), [], True, NOW)
    assert decided.create == [(None, 0)] * 2
    assert decided.status["startTime"] == "2026-01-01T01:00:00Z"


def test_nothing_is_started_while_creations_are_unseen():
    assert plan(job(), [], False, NOW).create == []


def test_a_finished_pod_is_first_written_down_then_freed_then_counted():
    pod = worker("Succeeded")
    first = plan(job(), [pod], True, NOW)
    assert first.status["uncountedTerminatedPods"] == {"succeeded": ["u0"]}
    assert "succeeded" not in first.status and first.untrack == [pod]
    assert types(first) == ["SuccessCriteriaMet"] and not first.create
    second = plan(job(status=first.status), [worker("Succeeded", tracked=False)], True, NOW)
    assert second.status["succeeded"] == 1 and types(second) == ["SuccessCriteriaMet", "Complete"]
    assert second.status["completionTime"]
    assert second.events == [("Normal", "Completed", "Job completed")]


def test_a_counted_pod_that_is_gone_still_counts():
    status = {"uncountedTerminatedPods": {"failed": ["x"]}, "failed": 1, "startTime": "2026-01-01T00:00:00Z"}
    assert plan(job(status=status), [], True, NOW).status["failed"] == 2


def test_failures_are_retried_with_growing_pauses():
    pods = [worker("Failed", number, tracked=False, ended="2026-01-01T00:59:55Z") for number in range(2)]
    decided = plan(job(status={"failed": 2, "startTime": "2026-01-01T00:00:00Z"}), pods, True, NOW)
    assert decided.create == [] and decided.after == 15
    later = plan(job(status={"failed": 2, "startTime": "x"}), pods, True, NOW.replace(minute=1))
    assert later.create == [(None, 0)]


def test_too_many_failures_fail_the_job():
    one = job(backoffLimit=0)
    first = plan(one, [worker("Failed"), worker("Running", 1)], True, NOW)
    (condition,) = first.status["conditions"]
    assert (condition["type"], condition["reason"]) == ("FailureTarget", "BackoffLimitExceeded")
    assert condition["message"] == "Job has reached the specified backoff limit"
    assert [pod["metadata"]["name"] for pod in first.delete] == ["p1"]
    second = plan(job(backoffLimit=0, status=first.status), [worker("Failed", tracked=False)], True, NOW)
    assert types(second) == ["FailureTarget", "Failed"]
    assert second.events == [
        ("Warning", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    ]


def test_a_deadline_ends_a_job():
    decided = plan(job(activeDeadlineSeconds=30), [worker("Running")], True, NOW)
    assert decided.status["conditions"][0]["reason"] == "DeadlineExceeded"
    waiting = plan(job(activeDeadlineSeconds=90), [worker("Running")], True, NOW)
    assert waiting.after == 30


def test_a_work_queue_is_done_when_one_succeeded_and_none_runs():
    one = job(parallelism=3)
    del one["spec"]["completions"]
    assert len(plan(one, [], True, NOW).create) == 3
    busy = plan(one, [worker("Succeeded"), worker("Running", 1)], True, NOW)
    assert types(busy) == [] and busy.create == []
    assert types(plan(one, [worker("Succeeded"), worker("Succeeded", 1)], True, NOW)) == [
        "SuccessCriteriaMet"
    ]


def test_parallelism_can_be_lowered():
    pods = [worker("Running", number) for number in range(3)]
    assert len(plan(job(parallelism=1, completions=9), pods, True, NOW).delete) == 2


def test_suspending_stops_pods_and_the_clock():
    decided = plan(job(suspend=True), [worker("Running")], True, NOW)
    assert len(decided.delete) == 1 and "startTime" not in decided.status
    assert decided.events == [("Normal", "Suspended", "Job suspended")]
    resumed = plan(job(status=decided.status), [], True, NOW)
    assert resumed.status["startTime"] == "2026-01-01T01:00:00Z" and resumed.create
    assert resumed.events == [("Normal", "Resumed", "Job resumed")]


def test_indexed_jobs_start_the_indexes_that_are_missing():
    one = job(completionMode="Indexed", completions=4, parallelism=3)
    pods = [worker("Succeeded", index=0, of=one), worker("Running", 1, index=2, of=one)]
    decided = plan(one, pods, True, NOW)
    assert decided.create == [(1, 0), (3, 0)]
    assert decided.status["completedIndexes"] == "0" and decided.status["succeeded"] == 1


def test_an_indexed_pod_knows_its_index():
    one = job(completionMode="Indexed", completions=4)
    pod = new_pod(one, 3, 0)
    assert pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] == "3"
    assert pod["spec"]["hostname"] == "j-3" and pod["metadata"]["generateName"] == "j-3-"
    assert pod["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
    assert TRACKING in pod["metadata"]["finalizers"]


def test_an_index_fails_by_itself():
    one = job(completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=1)
    first = plan(one, [worker("Failed", index=0, of=one), worker("Running", 1, index=1, of=one)], True, NOW)
    assert first.create == [(0, 1)]
    pods = [worker("Failed", index=0, failures=1, of=one), worker("Succeeded", 1, index=1, of=one)]
    decided = plan(one, pods, True, NOW)
    assert decided.status["failedIndexes"] == "0"
    assert decided.status["conditions"][0]["reason"] == "FailedIndexes"


RULES = [
    {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
]


def test_a_failure_policy_fails_the_job_at_once():
    decided = plan(job(podFailurePolicy={"rules": RULES}), [worker("Failed", code=42)], True, NOW)
    (condition,) = decided.status["conditions"]
    assert condition["reason"] == "PodFailurePolicy"
    assert condition["message"] == (
        "Container c for pod default/p0 failed with exit code 42 matching FailJob rule at index 0"
    )


def test_a_failure_policy_ignores_disruptions():
    pod = worker("Failed", code=1)
    pod["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
    decided = plan(job(podFailurePolicy={"rules": RULES}), [pod], True, NOW)
    assert decided.status["uncountedTerminatedPods"] == {} and decided.untrack == [pod]


def test_a_success_policy_ends_a_job_early():
    rules = [{"succeededIndexes": "0", "succeededCount": 1}]
    one = job(completionMode="Indexed", completions=3, parallelism=3, successPolicy={"rules": rules})
    assert policy.success_rule(one, {1}) == ""
    decided = plan(
        one, [worker("Succeeded", index=0, of=one), worker("Running", 1, index=1, of=one)], True, NOW
    )
    assert decided.status["conditions"][0]["reason"] == "SuccessPolicy"
    assert len(decided.delete) == 1


def finish(api, phase="Succeeded"):
    for one in list(api.all(PODS)):
        if "status" not in one:
            api.change(PODS, object_key(one), {"status": {"phase": phase}})


async def test_a_job_runs_to_its_end(run):
    cluster = await run(NAME)
    await cluster.api.create(JOBS, job(completions=3, parallelism=2, status={}))
    for _ in range(5):
        await cluster.settle()
        finish(cluster.api)
    done = cluster.api.one(JOBS, "default/j")["status"]
    assert done["succeeded"] == 3 and len(cluster.api.all(PODS)) == 3
    assert [one["type"] for one in done["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert not any(one["metadata"].get("finalizers") for one in cluster.api.all(PODS))
    assert ("Normal", "Completed", "Job completed") in cluster.api.events()
    version = cluster.api.version
    await cluster.settle(100)
    assert cluster.api.version == version


async def test_pods_of_a_deleted_job_are_freed(run):
    cluster = await run(NAME)
    await cluster.api.create(JOBS, job(status={}))
    await cluster.settle()
    cluster.api.remove(JOBS, "default/j")
    await cluster.settle()
    assert not cluster.api.all(PODS)[0]["metadata"].get("finalizers")


async def test_a_deleted_pod_is_counted_as_failed_and_replaced(run):
    cluster = await run(NAME)
    cluster.api.graceful_pods = True
    await cluster.api.create(JOBS, job(status={}))
    await cluster.settle()
    (pod,) = cluster.api.all(PODS)
    await cluster.api.delete(PODS, "default", pod["metadata"]["name"])
    await cluster.settle(15)
    assert cluster.api.one(JOBS, "default/j")["status"]["failed"] == 1
    assert len(cluster.api.all(PODS)) == 2
