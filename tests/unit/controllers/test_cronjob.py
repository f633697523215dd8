"""Cron schedules, CronJobs, Jobs that have lived long enough."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pybernetes.api.kinds import CRON_JOBS, JOBS
from pybernetes.client.interface import object_key
from pybernetes.controllers.cronjob.plan import plan
from pybernetes.controllers.cronjob.schedule import parse

from .builders import template

NAME = "cronjob-controller"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "schedule, moment, following",
    [
        ("* * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01:00"),
        ("*/15 * * * *", "2026-01-01T00:07:30", "2026-01-01T00:15:00"),
        ("0 3 * * *", "2026-01-01T04:00:00", "2026-01-02T03:00:00"),
        ("30 4 1,15 * *", "2026-01-02T00:00:00", "2026-01-15T04:30:00"),
        ("0 0 * * mon", "2026-01-01T00:00:00", "2026-01-05T00:00:00"),
        ("0 0 13 * 5", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
        ("0 0 * feb *", "2026-01-01T00:00:00", "2026-02-01T00:00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 * * 7", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("@hourly", "2026-01-01T00:00:00", "2026-01-01T01:00:00"),
        ("@weekly", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("5-10/2 * * * *", "2026-01-01T00:07:00", "2026-01-01T00:09:00"),
    ],
)
def test_the_next_moment(schedule, moment, following):
    assert parse(schedule).after(at(moment)) == at(following)


def test_a_day_that_never_comes():
    assert parse("0 0 31 2 *").after(at("2026-01-01T00:00:00")) is None


def test_time_zones_and_their_changes_of_clocks():
    assert parse("0 9 * * *", "Europe/Berlin").after(at("2026-07-01T00:00:00")) == at("2026-07-01T07:00:00")
    # 02:30 does not exist on that night.
    assert parse("30 2 * * *", "Europe/Berlin").after(at("2026-03-29T00:00:00")) == at("2026-03-30T00:30:00")


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"])
def test_broken_schedules_are_refused(text):
    with pytest.raises(ValueError):
        parse(text)


def cron_job(schedule="*/5 * * * *", **spec):
    metadata = {
        "name": "c",
        "namespace": "default",
        "uid": "c-uid",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    status = spec.pop("status", {})
    job_template = {"spec": {"template": template()}}
    spec = {"schedule": schedule, "jobTemplate": job_template, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec, "status": status}


def job(name, how="", started="2026-01-01T00:00:00Z"):
    conditions = [{"type": how, "status": "True"}] if how else []
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {},
        "status": {"conditions": conditions, "startTime": started},
    }


def test_a_job_is_started_when_it_is_due():
    assert plan(cron_job(), [], at("2026-01-01T00:04:59")).start is None
    decided = plan(cron_job(), [], at("2026-01-01T00:05:00"))
    made, moment = decided.start
    assert moment == at("2026-01-01T00:05:00")
    assert made["metadata"]["name"] == f"c-{int(moment.timestamp()) // 60}"
    scheduled = made["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert scheduled == "2026-01-01T00:05:00Z"
    assert decided.after == pytest.approx(300, abs=1)


def test_of_many_missed_moments_only_the_last_counts():
    start = plan(cron_job(), [], at("2026-01-03T00:06:00")).start
    assert start[1] == at("2026-01-03T00:05:00")


def test_a_moment_beyond_its_deadline_is_missed():
    assert plan(cron_job(startingDeadlineSeconds=30), [], at("2026-01-01T00:06:00")).start is None


def test_forbid_replace_and_allow():
    running = [job("c-1")]
    now = at("2026-01-01T00:05:00")
    forbidden = plan(cron_job(concurrencyPolicy="Forbid"), running, now)
    assert forbidden.start is None and forbidden.events[-1][1] == "JobAlreadyActive"
    replaced = plan(cron_job(concurrencyPolicy="Replace"), running, now)
    assert replaced.start and replaced.replace == running
    assert plan(cron_job(concurrencyPolicy="Allow"), running, now).start


def test_suspended_cron_jobs_start_nothing():
    assert plan(cron_job(suspend=True), [], at("2026-01-01T01:00:00")).start is None


def test_history_is_limited():
    done = [job(f"d{number}", "Complete", f"2026-01-01T00:0{number}:00Z") for number in range(5)]
    failed = [job(f"f{number}", "Failed", f"2026-01-01T00:0{number}:00Z") for number in range(3)]
    decided = plan(cron_job(suspend=True), [*done, *failed], at("2026-01-01T01:00:00"))
    assert [one["metadata"]["name"] for one in decided.forget] == ["d0", "d1", "f0", "f1"]


def test_an_unparseable_schedule_is_told():
    decided = plan(cron_job("nonsense"), [], at("2026-01-01T01:00:00"))
    assert decided.events[0][:2] == ("Warning", "UnparseableSchedule")


async def test_a_cron_job_starts_jobs_on_time(run):
    cluster = await run(NAME)
    await cluster.api.create(CRON_JOBS, cron_job())
    await cluster.settle(299)
    assert not cluster.api.all(JOBS)
    await cluster.settle(2)
    (first,) = cluster.api.all(JOBS)
    status = cluster.api.one(CRON_JOBS, "default/c")["status"]
    assert status["lastScheduleTime"] == "2026-01-01T00:05:00Z"
    assert [one["name"] for one in status["active"]] == [first["metadata"]["name"]]
    done = {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": "2026-01-01T00:06:00Z"}
    cluster.api.change(JOBS, object_key(first), {"status": done})
    await cluster.settle(1)
    status = cluster.api.one(CRON_JOBS, "default/c")["status"]
    assert status["lastSuccessfulTime"] == "2026-01-01T00:06:00Z" and not status.get("active")
    await cluster.settle(300)
    assert len(cluster.api.all(JOBS)) == 2


async def test_finished_jobs_live_as_long_as_they_say(run):
    cluster = await run("ttl-after-finished-controller")
    finished = job("j", "Complete")
    finished["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    finished["spec"]["ttlSecondsAfterFinished"] = 100
    cluster.api.put(JOBS, finished)
    await cluster.settle(90)
    assert "deletionTimestamp" not in cluster.api.one(JOBS, "default/j")["metadata"]
    await cluster.settle(20)
    assert cluster.api.one(JOBS, "default/j")["metadata"]["finalizers"] == ["foregroundDeletion"]
