"""What may become of a Job's status: its counts, its conditions and what they say together.

A rule is asked only when what it is about has changed, so that older objects can still be written.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import IMMUTABLE, OMITTED, STATUS, FieldError, duplicate, invalid, required
from pybernetes.api.validation.jobpolicies import count_indexes, overlap
from pybernetes.api.validation.values import not_negative

Object = dict[str, Any]

_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
_CONDITIONS = STATUS.child("conditions")


def update_job_status(new: Object, old: Object) -> list[FieldError]:
    """A write to /status of a Job."""
    spec, now, before = new.get("spec") or {}, new.get("status") or {}, old.get("status") or {}
    errors = [error for field in _COUNTS for error in not_negative(now, field, STATUS)]
    errors.extend(_uncounted(now.get("uncountedTerminatedPods") or {}))
    errors.extend(_endings(now, before))
    errors.extend(_finished(spec, now, before))
    errors.extend(_indexes(spec, now, before))
    return errors + _together(spec, now, before) + _history(spec, now, before)


def _is(status: Object, kind: str, value: str = "True") -> bool:
    return any(
        one.get("type") == kind and one.get("status") == value for one in status.get("conditions") or ()
    )


def _ended(status: Object) -> bool:
    return _is(status, "Complete") or _is(status, "Failed")


def _turned(now: Object, before: Object, *kinds: str) -> bool:
    return any(_is(now, kind) != _is(before, kind) for kind in kinds)


def _changed(now: Object, before: Object, *fields: str) -> bool:
    return any(now.get(field) != before.get(field) for field in fields)


def _uncounted(pods: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for position, uid in enumerate(pods.get(field) or ()):
            where = STATUS.child("uncountedTerminatedPods", field).at(position)
            if not uid:
                errors.append(invalid(where, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(where, uid))
            seen.add(uid)
    return errors


def _wrong_conditions(why: str) -> FieldError:
    return invalid(_CONDITIONS, OMITTED, why)


def _endings(now: Object, before: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    complete, failed = _is(now, "Complete"), _is(now, "Failed")
    end, start, where = now.get("completionTime"), now.get("startTime"), STATUS.child("completionTime")
    if complete and failed and _turned(now, before, "Complete", "Failed"):
        errors.append(_wrong_conditions("cannot set Complete=True and Failed=true conditions"))
    if complete and _is(now, "FailureTarget") and _turned(now, before, "Complete", "FailureTarget"):
        errors.append(_wrong_conditions("cannot set Complete=True and FailureTarget=true conditions"))
    if _turned(now, before, "Complete") or _changed(now, before, "completionTime"):
        if end and not complete:
            why = "cannot set completionTime when there is no Complete=True condition"
            errors.append(invalid(where, end, why))
        if complete and not end:
            errors.append(required(where, "completionTime is required for Complete jobs"))
    if start and end and end < start and _changed(now, before, "startTime", "completionTime"):
        errors.append(invalid(where, end, "must be equal to or after `startTime`"))
    fails = _turned(now, before, "Failed") or _changed(now, before, "failedIndexes")
    if failed and fails and not _is(now, "FailureTarget"):
        why = "cannot set Failed=True condition without the FailureTarget=true condition"
        errors.append(_wrong_conditions(why))
    completes = _turned(now, before, "Complete", "SuccessCriteriaMet")
    if complete and completes and not _is(now, "SuccessCriteriaMet"):
        why = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        errors.append(_wrong_conditions(why))
    return errors


def _finished(spec: Object, now: Object, before: Object) -> list[FieldError]:
    """A Job that has ended has no pods, but it has begun."""
    if not _ended(now):
        return []
    errors: list[FieldError] = []
    ends = not _ended(before)
    if now.get("active") and (ends or _changed(now, before, "active")):
        errors.append(invalid(STATUS.child("active"), now["active"], "active>0 is invalid for finished job"))
    never_began = spec.get("suspend") and spec.get("completions") == 0
    if not now.get("startTime") and not never_began and (ends or _changed(now, before, "startTime")):
        errors.append(required(STATUS.child("startTime"), "startTime is required for finished job"))
    uncounted = now.get("uncountedTerminatedPods") or {}
    if any(uncounted.values()) and (ends or _changed(now, before, "uncountedTerminatedPods")):
        where = STATUS.child("uncountedTerminatedPods")
        errors.append(invalid(where, uncounted, "must be empty for finished job"))
    return errors


def _indexes(spec: Object, now: Object, before: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    completions = spec.get("completions")
    completed, failed = now.get("completedIndexes") or "", now.get("failedIndexes")
    done, lost = STATUS.child("completedIndexes"), STATUS.child("failedIndexes")
    completed_changed = _changed(now, before, "completedIndexes")
    failed_changed = _changed(now, before, "failedIndexes")
    if completed_changed and completions is not None:
        fault = count_indexes(completed, completions)[1]
        if fault:
            errors.append(invalid(done, completed, f"error parsing completedIndexes: {fault}"))
    limited = spec.get("backoffLimitPerIndex") is not None
    if failed_changed and completions is not None and limited and failed is not None:
        fault = count_indexes(failed, completions)[1]
        if fault:
            errors.append(invalid(lost, failed, f"error parsing failedIndexes: {fault}"))
    if completed_changed and completed and spec.get("completionMode") != "Indexed":
        why = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid(done, completed, why))
    if failed_changed and failed is not None and not limited:
        why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid(lost, failed, why))
    if (failed_changed or completed_changed) and completions is not None and failed is not None:
        fault = overlap(completed, failed, completions)
        if fault:
            errors.append(invalid(lost, failed, fault))
    return errors


def _together(spec: Object, now: Object, before: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    terminating = now.get("terminating") or 0
    if terminating > 0 and _ended(now) and (not _ended(before) or _changed(now, before, "terminating")):
        where = STATUS.child("terminating")
        errors.append(invalid(where, terminating, "terminating>0 is invalid for finished job"))
    ready = now.get("ready")
    if ready is not None and ready > (now.get("active") or 0) and _changed(now, before, "ready", "active"):
        errors.append(invalid(STATUS.child("ready"), ready, "cannot set more ready pods than active"))
    met = _is(now, "SuccessCriteriaMet")
    for kind in ("Failed", "FailureTarget"):
        if met and _is(now, kind):
            why = f"cannot set SuccessCriteriaMet=True and {kind}=true conditions"
            errors.append(_wrong_conditions(why))
    if spec.get("successPolicy") is not None and not met and _is(now, "Complete"):
        why = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        errors.append(_wrong_conditions(why))
    return errors


def _history(spec: Object, now: Object, before: Object) -> list[FieldError]:
    """What has been said once stays said."""
    errors = [
        _wrong_conditions(f"cannot disable the terminal {kind}=True condition")
        for kind in ("Failed", "Complete", "FailureTarget")
        if _is(before, kind) and not _is(now, kind)
    ]
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    for field in ("failed",) if elastic else ("failed", "succeeded"):
        count = now.get(field) or 0
        if count < (before.get(field) or 0):
            errors.append(invalid(STATUS.child(field), count, f"cannot decrease the {field} counter"))
    end, ended = now.get("completionTime"), before.get("completionTime")
    if end and ended and end != ended:
        errors.append(invalid(STATUS.child("completionTime"), end, IMMUTABLE))
    resumes = _is(before, "Suspended") and _is(now, "Suspended", "False")
    restarts = bool(before.get("startTime")) and _changed(now, before, "startTime")
    if restarts and not resumes and not spec.get("suspend"):
        why = "field is immutable for unsuspended job once set"
        errors.append(invalid(STATUS.child("startTime"), now.get("startTime"), why))
    if _is(before, "SuccessCriteriaMet") and not _is(now, "SuccessCriteriaMet"):
        errors.append(_wrong_conditions("cannot disable the SuccessCriteriaMet=True condition"))
    if _is(before, "Complete") and not _is(before, "SuccessCriteriaMet") and _is(now, "SuccessCriteriaMet"):
        why = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(_wrong_conditions(why))
    return errors
