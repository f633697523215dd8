"""What a CronJob is to do now: start a Job, stop others, forget old ones, and when to look again. Pure.

In: a CronJob, its Jobs, the time. Out: a `Plan`.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pybernetes.api.kinds import CRON_JOBS, JOBS
from pybernetes.api.times import format_time, parse_time
from pybernetes.controllers.cronjob.schedule import Schedule, parse
from pybernetes.controllers.job.plan import COMPLETE, FAILED
from pybernetes.controllers.objects import (
    Object,
    compact,
    created_at,
    is_deleting,
    name_of,
    namespace_of,
    uid_of,
)
from pybernetes.semantics.owners import owner_ref
from pybernetes.semantics.pods import get_condition

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
TOO_MANY_MISSED = 100
Event = tuple[str, str, str]


@dataclass(slots=True)
class Plan:
    """`start`: the Job to create and the moment that it is for; `replace` and `forget`: Jobs to delete."""

    status: dict[str, Any] = field(default_factory=dict)
    start: tuple[Object, datetime] | None = None
    replace: list[Object] = field(default_factory=list)
    forget: list[Object] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    after: float | None = None


def ended(job: Object) -> str:
    """Complete, Failed, or "" for a Job that has not ended."""
    for type in (COMPLETE, FAILED):
        if (get_condition(job.get("status"), type) or {}).get("status") == "True":
            return type
    return ""


def _reference(job: Object) -> dict[str, Any]:
    return {
        "kind": "Job",
        "apiVersion": JOBS.api_version,
        "namespace": namespace_of(job),
        "name": name_of(job),
        "uid": uid_of(job),
        "resourceVersion": job["metadata"].get("resourceVersion", ""),
    }


def plan(cron_job: Object, jobs: Sequence[Object], now: datetime) -> Plan:
    result = Plan(status=dict(cron_job.get("status") or {}))
    _track(result, jobs)
    _forget(cron_job, result, jobs)
    if is_deleting(cron_job) or cron_job["spec"].get("suspend"):
        return _done(result)
    spec = cron_job["spec"]
    try:
        schedule = parse(spec.get("schedule", ""), spec.get("timeZone") or "")
    except ValueError as error:
        text = f'unparseable schedule "{spec.get("schedule")}": {error}'
        result.events.append(("Warning", "UnparseableSchedule", text))
        return _done(result)
    _start(cron_job, result, jobs, schedule, now)
    following = schedule.after(now)
    if following is not None:
        result.after = (following - now).total_seconds() + 0.1
    return _done(result)


def _done(result: Plan) -> Plan:
    result.status = compact(result.status)
    return result


def _track(result: Plan, jobs: Sequence[Object]) -> None:
    """Which Jobs run, and when one last succeeded."""
    listed = {one.get("uid"): one for one in result.status.get("active") or ()}
    present = {uid_of(job): job for job in jobs}
    active = []
    for job in jobs:
        how = ended(job)
        if how:
            if uid_of(job) in listed:
                message = f"Saw completed job: {name_of(job)}, condition: {how}"
                result.events.append(("Normal", "SawCompletedJob", message))
            finished = (job.get("status") or {}).get("completionTime")
            if how == COMPLETE and finished and finished > result.status.get("lastSuccessfulTime", ""):
                result.status["lastSuccessfulTime"] = finished
        else:
            active.append(listed.get(uid_of(job)) or _reference(job))
    for uid, one in listed.items():
        if uid not in present:
            message = f"Active job went missing: {one.get('name')}"
            result.events.append(("Normal", "MissingJob", message))
    result.status["active"] = active


def _forget(cron_job: Object, result: Plan, jobs: Sequence[Object]) -> None:
    for how, limit_field, default in (
        (COMPLETE, "successfulJobsHistoryLimit", 3),
        (FAILED, "failedJobsHistoryLimit", 1),
    ):
        limit = cron_job["spec"].get(limit_field)
        limit = default if limit is None else int(limit)
        finished = [job for job in jobs if ended(job) == how and not is_deleting(job)]
        finished.sort(key=lambda job: ((job.get("status") or {}).get("startTime") or "", name_of(job)))
        result.forget.extend(finished[: max(0, len(finished) - limit)])


def _latest_due(cron_job: Object, schedule: Schedule, now: datetime) -> tuple[datetime | None, int]:
    """The last moment that was missed or is now, and how many there were."""
    last = (cron_job.get("status") or {}).get("lastScheduleTime")
    since = parse_time(last) if last else created_at(cron_job) or now
    deadline = cron_job["spec"].get("startingDeadlineSeconds")
    if deadline is not None:
        since = max(since, now - timedelta(seconds=int(deadline)))
    found: datetime | None = None
    count = 0
    moment = schedule.after(since)
    while moment is not None and moment <= now:
        found, count = moment, count + 1
        if count > TOO_MANY_MISSED:
            # Only the latest matters: come near to now in ever smaller steps back.
            found = _last_before(schedule, moment, now)
            break
        moment = schedule.after(moment)
    return found, count


def _last_before(schedule: Schedule, known: datetime, now: datetime) -> datetime:
    for back in (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=366)):
        moment = schedule.after(max(known, now - back))
        if moment is None or moment > now:
            continue
        while moment is not None and moment <= now:
            known, moment = moment, schedule.after(moment)
        return known
    return known


def _start(cron_job: Object, result: Plan, jobs: Sequence[Object], schedule: Schedule, now: datetime) -> None:
    moment, missed = _latest_due(cron_job, schedule, now)
    if moment is None:
        return
    if missed > TOO_MANY_MISSED:
        message = (
            "too many missed start times: "
            f"{missed}. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        )
        result.events.append(("Warning", "TooManyMissedTimes", message))
    name = job_name(cron_job, moment)
    if any(name_of(job) == name for job in jobs):
        if format_time(moment) > result.status.get("lastScheduleTime", ""):
            result.status["lastScheduleTime"] = format_time(moment)
        return
    running = [job for job in jobs if not ended(job)]
    policy = cron_job["spec"].get("concurrencyPolicy")
    if running and policy == "Forbid":
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        result.events.append(("Normal", "JobAlreadyActive", message))
        return
    if policy == "Replace":
        result.replace = running
    result.start = (new_job(cron_job, moment), moment)


def job_name(cron_job: Object, moment: datetime) -> str:
    """The same for the same moment, so that it is never started twice."""
    return f"{name_of(cron_job)[:52]}-{int(moment.timestamp()) // 60}"


def new_job(cron_job: Object, moment: datetime) -> Object:
    template = cron_job["spec"]["jobTemplate"]
    meta = template.get("metadata") or {}
    zone = cron_job["spec"].get("timeZone")
    local = format_time(moment)
    if zone:
        schedule = parse(cron_job["spec"]["schedule"], zone)
        local = moment.astimezone(schedule.zone).isoformat(timespec="seconds")
    metadata: dict[str, Any] = {
        "name": job_name(cron_job, moment),
        "namespace": namespace_of(cron_job),
        "annotations": {**(meta.get("annotations") or {}), SCHEDULED: local},
        "ownerReferences": [owner_ref(cron_job, CRON_JOBS)],
    }
    if meta.get("labels"):
        metadata["labels"] = meta["labels"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template.get("spec") or {}}


def with_started(status: dict[str, Any], job: Object, moment: datetime) -> dict[str, Any]:
    """The status after the Job was created."""
    return {
        **status,
        "active": [*(status.get("active") or ()), _reference(job)],
        "lastScheduleTime": format_time(moment),
    }


def without_jobs(status: dict[str, Any], jobs: Sequence[Object]) -> dict[str, Any]:
    gone = {uid_of(job) for job in jobs}
    return {**status, "active": [one for one in status.get("active") or () if one.get("uid") not in gone]}
