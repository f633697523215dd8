"""What is next for a Job: pods to count, to create and to delete, and how it ends. Pure.

In: a Job, its pods in any state, the time. Out: a `Plan`. Every pod carries a finalizer until it has been
counted: its uid is first written into `uncountedTerminatedPods`, then the finalizer is taken off, and then
the uid becomes part of the count. So a pod is counted exactly once, whatever stops this process in between.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pybernetes.api.times import format_time, parse_time
from pybernetes.controllers.job import indexes, policy
from pybernetes.controllers.job.pods import (
    ended_at,
    has_failed,
    index_failures,
    is_active,
    is_indexed,
    is_tracked,
    replaces_only_failed,
)
from pybernetes.controllers.objects import Object, compact, is_deleting, uid_of
from pybernetes.controllers.replicaset.ranking import pods_to_delete
from pybernetes.semantics.pods import get_condition, is_ready, is_terminal, phase, restart_count

COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
FAILURE_TARGET, SUCCESS_MET = "FailureTarget", "SuccessCriteriaMet"
BACKOFF, LONGEST_BACKOFF = 10.0, 600.0
_NO_LIMIT = 2**31 - 1


@dataclass(slots=True)
class Plan:
    """`untrack`: pods whose finalizer goes after the status is written; `create`: (index or None, earlier failures);
    `events`: (type, reason, message); `after`: seconds until another look."""

    status: dict[str, Any] = field(default_factory=dict)
    untrack: list[Object] = field(default_factory=list)
    create: list[tuple[int | None, int]] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    after: float | None = None


def is_finished(job: Object) -> bool:
    status = job.get("status")
    return any((get_condition(status, type) or {}).get("status") == "True" for type in (COMPLETE, FAILED))


def _condition(type: str, reason: str, message: str, now: datetime, status: str = "True") -> dict[str, Any]:
    moment = format_time(now)
    return {
        "type": type,
        "status": status,
        "lastProbeTime": moment,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }


class _Count:
    """The Job's pods by what they mean; `failed_now` and `succeeded_now` include what is not yet counted."""

    def __init__(self, job: Object, pods: Sequence[Object]) -> None:
        self.job = job
        self.old = job.get("status") or {}
        self.pods = pods
        self.completions = job["spec"].get("completions")
        self.active = [pod for pod in pods if is_active(pod)]
        self.terminating = [pod for pod in pods if is_deleting(pod) and not is_terminal(pod)]
        self.untrack: list[Object] = []
        self.verdict = ""
        limit = int(self.completions or 0) if is_indexed(job) else None
        self.done_indexes = indexes.parse(self.old.get("completedIndexes"), limit)
        self.failed_indexes = indexes.parse(self.old.get("failedIndexes"), limit)
        self.succeeded = int(self.old.get("succeeded") or 0)
        self.failed = int(self.old.get("failed") or 0)
        uncounted = self.old.get("uncountedTerminatedPods") or {}
        by_uid = {uid_of(pod): pod for pod in pods}
        self.waiting_good = self._flush(uncounted.get("succeeded") or (), by_uid, good=True)
        self.waiting_bad = self._flush(uncounted.get("failed") or (), by_uid, good=False)
        for pod in pods:
            if is_tracked(pod):
                self._notice(pod)

    def _flush(self, uids: Sequence[str], by_uid: dict[str, Object], good: bool) -> list[str]:
        """Uids whose pods have lost their finalizer become part of the count; the others still wait."""
        waiting = []
        for uid in uids:
            pod = by_uid.get(uid)
            if pod is not None and is_tracked(pod):
                waiting.append(uid)
                self.untrack.append(pod)
            elif good:
                self.succeeded += 1
            else:
                self.failed += 1
        return waiting

    def _notice(self, pod: Object) -> None:
        uid = uid_of(pod)
        if uid in self.waiting_good or uid in self.waiting_bad:
            return
        index = indexes.index_of(pod)
        if phase(pod) == "Succeeded":
            self.untrack.append(pod)
            if not is_indexed(self.job):
                self.waiting_good.append(uid)
            elif 0 <= index < int(self.completions or 0):
                self.done_indexes.add(index)
        elif has_failed(self.job, pod):
            self.untrack.append(pod)
            action, message = policy.verdict(self.job, pod) if phase(pod) == "Failed" else (policy.COUNT, "")
            if action == policy.FAIL_JOB and not self.verdict:
                self.verdict = message
            if action != policy.IGNORE:
                self.waiting_bad.append(uid)
                self._fail_index(pod, index, action)

    def _fail_index(self, pod: Object, index: int, action: str) -> None:
        limit = self.job["spec"].get("backoffLimitPerIndex")
        if limit is None or index < 0:
            return
        if action == policy.FAIL_INDEX or index_failures(pod) >= int(limit):
            self.failed_indexes.add(index)

    @property
    def succeeded_now(self) -> int:
        return len(self.done_indexes) if is_indexed(self.job) else self.succeeded + len(self.waiting_good)

    @property
    def failed_now(self) -> int:
        return self.failed + len(self.waiting_bad)

    def all_counted(self) -> bool:
        return not self.waiting_good and not self.waiting_bad and not self.untrack


def plan(job: Object, pods: Sequence[Object], may_act: bool, now: datetime) -> Plan:
    """Without `may_act` (earlier creations or deletions are still unseen) only counts and conditions change."""
    count = _Count(job, pods)
    result = Plan(untrack=count.untrack)
    conditions: list[dict[str, Any]] = list(count.old.get("conditions") or ())
    start = count.old.get("startTime")
    suspended = bool(job["spec"].get("suspend"))
    if not suspended and not start:
        start = format_time(now)
    ending = _ending(count, conditions)
    if ending is None and not is_deleting(job):
        ending = _outcome(count, start if not suspended else None, now)
        if ending is not None:
            conditions.append(ending)
    completion = count.old.get("completionTime")
    if ending is not None:
        if may_act:
            result.delete = count.active
        if count.all_counted() and not count.active and not count.terminating:
            final = COMPLETE if ending["type"] == SUCCESS_MET else FAILED
            conditions.append(_condition(final, ending["reason"], ending.get("message", ""), now))
            if final == COMPLETE:
                completion = format_time(now)
                result.events.append(("Normal", "Completed", "Job completed"))
            else:
                result.events.append(("Warning", ending["reason"], ending.get("message", "")))
    elif not is_deleting(job):
        conditions, start = _suspension(count, conditions, suspended, start, result, now)
        if may_act:
            _replace(count, suspended, result, now)
        _deadline(count, start, result, now)
    result.status = _status(count, conditions, start, completion)
    return result


def _ending(count: _Count, conditions: list[dict[str, Any]]) -> dict[str, Any] | None:
    for type in (SUCCESS_MET, FAILURE_TARGET):
        found = get_condition({"conditions": conditions}, type)
        if found is not None and found.get("status") == "True":
            return found
    return None


def _outcome(count: _Count, start: str | None, now: datetime) -> dict[str, Any] | None:
    """The condition that says that the Job has failed or succeeded, if it has."""
    spec = count.job["spec"]

    def failure(reason: str, message: str) -> dict[str, Any]:
        return _condition(FAILURE_TARGET, reason, message, now)

    if count.verdict:
        return failure("PodFailurePolicy", count.verdict)
    deadline = spec.get("activeDeadlineSeconds")
    if start and deadline is not None and parse_time(start) + timedelta(seconds=int(deadline)) <= now:
        return failure("DeadlineExceeded", "Job was active longer than specified deadline")
    per_index = spec.get("backoffLimitPerIndex") is not None
    limit = spec.get("backoffLimit")
    limit = int(limit) if limit is not None else (_NO_LIMIT if per_index else 6)
    if count.failed_now > limit or _restarted_too_often(count, limit):
        return failure("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if per_index:
        most = spec.get("maxFailedIndexes")
        if most is not None and len(count.failed_indexes) > int(most):
            return failure(
                "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
            )
    matched = policy.success_rule(count.job, count.done_indexes) if is_indexed(count.job) else ""
    if matched:
        return _condition(SUCCESS_MET, "SuccessPolicy", matched, now)
    if count.completions is None:
        done = count.succeeded_now > 0 and not count.active
    else:
        done = count.succeeded_now >= int(count.completions)
        resolved = len(count.done_indexes | count.failed_indexes) >= int(count.completions)
        if not done and resolved and count.failed_indexes and not count.active:
            return failure("FailedIndexes", "Job has failed indexes")
    if done:
        return _condition(SUCCESS_MET, "CompletionsReached", "Reached expected number of succeeded pods", now)
    return None


def _restarted_too_often(count: _Count, limit: int) -> bool:
    """With restartPolicy OnFailure containers fail in place: their restarts count."""
    if (count.job["spec"]["template"].get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    restarts = sum(restart_count(pod) for pod in count.active if phase(pod) in ("Running", "Pending"))
    return restarts > 0 if limit == 0 else restarts >= limit


def _suspension(
    count: _Count,
    conditions: list[dict[str, Any]],
    suspended: bool,
    start: str | None,
    result: Plan,
    now: datetime,
) -> tuple[list[dict[str, Any]], str | None]:
    current = (get_condition({"conditions": conditions}, SUSPENDED) or {}).get("status")
    others = [one for one in conditions if one.get("type") != SUSPENDED]
    if suspended and current != "True":
        result.events.append(("Normal", "Suspended", "Job suspended"))
        return [*others, _condition(SUSPENDED, "JobSuspended", "Job suspended", now)], None
    if not suspended and current == "True":
        result.events.append(("Normal", "Resumed", "Job resumed"))
        resumed = _condition(SUSPENDED, "JobResumed", "Job resumed", now, "False")
        return [*others, resumed], format_time(now)
    return conditions, None if suspended else start


def _replace(count: _Count, suspended: bool, result: Plan, now: datetime) -> None:
    """Start pods up to the parallelism, or stop those that are too many."""
    spec = count.job["spec"]
    active = count.active
    parallelism = 1 if spec.get("parallelism") is None else int(spec["parallelism"])
    if suspended:
        result.delete = list(active)
        return
    if count.completions is None:
        want = len(active) if count.succeeded_now > 0 else parallelism
    else:
        left = int(count.completions) - count.succeeded_now - len(count.failed_indexes)
        want = max(0, min(left, parallelism))
    surplus = len(active) - want
    if surplus > 0:
        result.delete = pods_to_delete(active, surplus, active, now)
        return
    occupied = [*active, *(count.terminating if replaces_only_failed(count.job) else ())]
    missing = want - len(occupied)
    if missing <= 0:
        return
    wait = _backoff(count, now)
    if wait > 0:
        result.after = wait
        return
    if is_indexed(count.job):
        result.create = _indexes_to_start(count, occupied, missing)
    else:
        result.create = [(None, 0)] * missing


def _indexes_to_start(
    count: _Count, occupied: Sequence[Object], missing: int
) -> list[tuple[int | None, int]]:
    taken = {indexes.index_of(pod) for pod in occupied} | count.done_indexes | count.failed_indexes
    failures: dict[int, int] = {}
    for pod in count.pods:
        if has_failed(count.job, pod) and policy.verdict(count.job, pod)[0] != policy.IGNORE:
            index = indexes.index_of(pod)
            failures[index] = max(failures.get(index, 0), index_failures(pod) + 1)
    free = [one for one in range(int(count.completions or 0)) if one not in taken]
    return [(one, failures.get(one, 0)) for one in free[:missing]]


def _backoff(count: _Count, now: datetime) -> float:
    """Seconds that a new pod has to wait: doubling with each failure since the last success."""
    good = [moment for pod in count.pods if phase(pod) == "Succeeded" and (moment := ended_at(pod))]
    since = max(good) if good else None
    bad = [
        moment
        for pod in count.pods
        if has_failed(count.job, pod) and (moment := ended_at(pod)) and (since is None or moment > since)
    ]
    if not bad:
        return 0.0
    delay = min(BACKOFF * 2 ** min(len(bad) - 1, 10), LONGEST_BACKOFF)
    return (max(bad) + timedelta(seconds=delay) - now).total_seconds()


def _deadline(count: _Count, start: str | None, result: Plan, now: datetime) -> None:
    seconds = count.job["spec"].get("activeDeadlineSeconds")
    if seconds is None or not start:
        return
    left = (parse_time(start) + timedelta(seconds=int(seconds)) - now).total_seconds()
    left = max(left, 0.01)
    result.after = left if result.after is None else min(result.after, left)


def _status(
    count: _Count, conditions: list[dict[str, Any]], start: str | None, completion: str | None
) -> dict[str, Any]:
    uncounted = compact({"succeeded": count.waiting_good, "failed": count.waiting_bad})
    status = compact(
        {
            "conditions": conditions,
            "startTime": start,
            "completionTime": completion,
            "active": len(count.active),
            "succeeded": len(count.done_indexes) if is_indexed(count.job) else count.succeeded,
            "failed": count.failed,
            "completedIndexes": indexes.render(count.done_indexes),
            "failedIndexes": indexes.render(count.failed_indexes),
        }
    )
    status["uncountedTerminatedPods"] = uncounted
    status["ready"] = sum(is_ready(pod) for pod in count.active)
    status["terminating"] = len(count.terminating)
    if count.job["spec"].get("backoffLimitPerIndex") is not None:
        status["failedIndexes"] = indexes.render(count.failed_indexes)
    return status
