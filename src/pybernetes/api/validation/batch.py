"""Jobs and CronJobs."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    IMMUTABLE,
    METADATA,
    SPEC,
    FieldError,
    FieldPath,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.validation.cron import schedule_fault, time_zone_fault
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.podspec import validate_template
from pybernetes.api.validation.values import not_negative, one_of, selects

Object = dict[str, Any]

_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_MAX_CRON_NAME = 52


def _job_spec(spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in _COUNTS:
        errors.extend(not_negative(spec, field, path))
    mode = spec.get("completionMode")
    if mode is not None:
        errors.extend(one_of(mode, ("Indexed", "NonIndexed"), path.child("completionMode")))
    if mode == "Indexed" and spec.get("completions") is None:
        why = "when completion mode is Indexed"
        errors.append(required(path.child("completions"), why))
    where = path.child("template")
    errors.extend(validate_template(spec.get("template"), where))
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") or ""
    place = where.child("spec", "restartPolicy")
    if policy in ("", "Always"):
        errors.append(required(place, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(not_supported(place, policy, ("OnFailure", "Never")))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        errors.append(invalid(place, policy, 'only "Never" is supported when podFailurePolicy is specified'))
    return errors


def _job(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = _job_spec(spec, SPEC)
    selector = spec.get("selector")
    if selector is None:
        errors.append(required(SPEC.child("selector")))
        return errors
    errors.extend(validate_label_selector(selector, SPEC.child("selector")))
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not selects(selector, labels):
        why = "`selector` does not match template `labels`"
        errors.append(invalid(SPEC.child("template", "metadata", "labels"), labels, why))
    return errors


def _update_job(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return []
    after, before = (new.get("spec") or {}), (old.get("spec") or {})
    errors = _job_spec(after, SPEC)
    frozen = [
        "selector",
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ]
    grows = before.get("completionMode") == "Indexed" and after.get("completions") == after.get("parallelism")
    if not grows:
        frozen.append("completions")
    if not _may_change_template(old):
        frozen.append("template")
    for field in frozen:
        if after.get(field) != before.get(field):
            errors.append(invalid(SPEC.child(field), after.get(field), IMMUTABLE))
    return errors


def _may_change_template(job: Object) -> bool:
    """A suspended job that has not started may still be steered to other nodes and resources."""
    status = job.get("status") or {}
    return bool((job.get("spec") or {}).get("suspend")) and not status.get("startTime")


def _cron_job(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    schedule = spec.get("schedule") or ""
    if not schedule:
        errors.append(required(SPEC.child("schedule")))
    else:
        fault = schedule_fault(schedule)
        if fault:
            errors.append(invalid(SPEC.child("schedule"), schedule, fault))
        if "TZ" in schedule:
            why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            errors.append(invalid(SPEC.child("schedule"), schedule, why))
    zone = spec.get("timeZone")
    if zone is not None:
        fault = time_zone_fault(zone)
        if fault:
            errors.append(invalid(SPEC.child("timeZone"), zone, fault))
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors.extend(not_negative(spec, field, SPEC))
    choices = ("Allow", "Forbid", "Replace")
    errors.extend(one_of(spec.get("concurrencyPolicy"), choices, SPEC.child("concurrencyPolicy")))
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    errors.extend(_job_spec(job, SPEC.child("jobTemplate", "spec")))
    return errors


def _create_cron_job(obj: Object) -> list[FieldError]:
    name = (obj.get("metadata") or {}).get("name") or ""
    errors: list[FieldError] = []
    if len(name) > _MAX_CRON_NAME:
        errors.append(
            invalid(METADATA.child("name"), name, f"must be no more than {_MAX_CRON_NAME} characters")
        )
    return errors + _cron_job(obj)


def _update_cron_job(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return [] if subresource == "status" else _cron_job(new)


CREATE = {"CronJob": _create_cron_job, "Job": _job}
UPDATE = {"CronJob": _update_cron_job, "Job": _update_job}
