"""Jobs and CronJobs."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    METADATA,
    SPEC,
    FieldError,
    FieldPath,
    invalid,
    not_supported,
    required,
    too_long,
)
from pybernetes.api.names import is_dns1123_label, is_domain_prefixed_path
from pybernetes.api.validation.cron import schedule_fault, time_zone_fault
from pybernetes.api.validation.differences import SELECTOR, shown
from pybernetes.api.validation.jobpolicies import validate_failure_policy, validate_success_policy
from pybernetes.api.validation.jobstatus import update_job_status
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.podspec import validate_template
from pybernetes.api.validation.values import immutable, not_negative, one_of_required, selects

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
_MODES = ("NonIndexed", "Indexed")
_REPLACEMENTS = ("Failed", "TerminatingOrFailed")
_MAX_CRON_NAME = 52
_MAX_MANAGED_BY = 63
_MOST_INDEXES = 100_000
_MOST_WITH_MANY = 10_000
"""Of pods at once, and of failed indexes, when there are more than `_MOST_INDEXES` completions."""
_LEGACY_LABELS = ("controller-uid", "job-name")
_LABELS = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")


def _job_spec(spec: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in _COUNTS:
        errors.extend(not_negative(spec, field, path))
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        errors.append(required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"))
    manager = spec.get("managedBy")
    if manager is not None:
        errors.extend(is_domain_prefixed_path(path.child("managedBy"), manager))
        if len(manager) > _MAX_MANAGED_BY:
            errors.append(too_long(path.child("managedBy"), _MAX_MANAGED_BY))
    errors.extend(_completion(spec, path))
    if spec.get("podFailurePolicy") is not None:
        errors.extend(validate_failure_policy(spec, path.child("podFailurePolicy")))
    success, where = spec.get("successPolicy"), path.child("successPolicy")
    if success is not None and spec.get("completionMode") != "Indexed":
        errors.append(invalid(where, shown(success, "SuccessPolicy"), "requires indexed completion mode"))
    elif success is not None:
        errors.extend(validate_success_policy(spec, where))
    replacement = spec.get("podReplacementPolicy")
    choices = _REPLACEMENTS if spec.get("podFailurePolicy") is None else _REPLACEMENTS[:1]
    if replacement is not None and replacement not in choices:
        errors.append(not_supported(path.child("podReplacementPolicy"), replacement, choices))
    return errors + _template(spec, path.child("template"))


def _completion(spec: Object, path: FieldPath) -> list[FieldError]:
    mode, completions, pods = (
        spec.get("completionMode"),
        spec.get("completions"),
        spec.get("parallelism") or 0,
    )
    failures, where = spec.get("maxFailedIndexes"), path.child("maxFailedIndexes")
    limit = spec.get("backoffLimitPerIndex")
    if mode is not None and mode not in _MODES:
        return [not_supported(path.child("completionMode"), mode, _MODES)]
    if mode != "Indexed":
        why = "requires indexed completion mode"
        return [
            invalid(path.child(field), spec[field], why)
            for field in ("backoffLimitPerIndex", "maxFailedIndexes")
            if spec.get(field) is not None
        ]
    errors: list[FieldError] = []
    if completions is None:
        errors.append(required(path.child("completions"), "when completion mode is Indexed"))
    if pods > _MOST_INDEXES:
        why = f"must be less than or equal to {_MOST_INDEXES} when completion mode is Indexed"
        errors.append(invalid(path.child("parallelism"), pods, why))
    if failures is not None and completions is not None and failures > completions:
        errors.append(invalid(where, failures, "must be less than or equal to completions"))
    if failures is not None and failures > _MOST_INDEXES:
        errors.append(invalid(where, failures, f"must be less than or equal to {_MOST_INDEXES}"))
    if completions is not None and completions > _MOST_INDEXES and limit is not None:
        if failures is None:
            why = f"must be specified when completions is above {_MOST_INDEXES}"
            errors.append(required(where, why))
        why = (
            f"must be less than or equal to {_MOST_WITH_MANY} when completions are above {_MOST_INDEXES} and "
            "used with backoff limit per index"
        )
        if pods > _MOST_WITH_MANY:
            errors.append(invalid(path.child("parallelism"), pods, why))
        if failures is not None and failures > _MOST_WITH_MANY:
            errors.append(invalid(where, failures, why))
    return errors


def _template(spec: Object, path: FieldPath) -> list[FieldError]:
    errors = validate_template(spec.get("template"), path)
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") or ""
    place = path.child("spec", "restartPolicy")
    if policy in ("", "Always"):
        errors.append(required(place, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(not_supported(place, policy, ("OnFailure", "Never")))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        errors.append(invalid(place, policy, 'only "Never" is supported when podFailurePolicy is specified'))
    return errors


def _selected_spec(spec: Object) -> list[FieldError]:
    errors = _job_spec(spec, SPEC)
    selector = spec.get("selector")
    if selector is None:
        errors.append(required(SPEC.child("selector")))
    else:
        errors.extend(validate_label_selector(selector, SPEC.child("selector")))
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if selector is None or not selects(selector, labels):
        why = "`selector` does not match template `labels`"
        errors.append(invalid(SPEC.child("template", "metadata", "labels"), labels, why))
    return errors


def _generated_selector(job: Object, prefixed: bool) -> list[FieldError]:
    """The selector of a Job that does not choose its own is the server's, and so are the labels that go with it."""
    spec, metadata = job.get("spec") or {}, job.get("metadata") or {}
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None:
        return []
    values = (metadata.get("uid") or "", metadata.get("name") or "")
    expected = dict(zip(_LEGACY_LABELS, values, strict=True))
    if prefixed:
        expected |= dict(zip(_LABELS, values, strict=True))
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    errors: list[FieldError] = []
    for label, value in expected.items():
        where = SPEC.child("template", "metadata", "labels").key(label)
        if label not in labels:
            errors.append(required(where, f"must be '{value}'"))
        elif labels[label] != value:
            errors.append(invalid(where, labels, f"must be '{value}'"))
    if not selects(selector, expected):
        errors.append(invalid(SPEC.child("selector"), selector, "`selector` not auto-generated"))
    return errors


def _job(obj: Object, prefixed: bool = True) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = _generated_selector(obj, prefixed) + _selected_spec(spec)
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0:
        name = (obj.get("metadata") or {}).get("name") or ""
        host = f"{name}-{completions - 1}"
        if is_dns1123_label(host):
            why = f"will not able to create pod with invalid DNS label: {host}"
            errors.append(invalid(METADATA.child("name"), name, why))
    return errors


def _update_job(new: Object, old: Object, subresource: str) -> list[FieldError]:
    if subresource == "status":
        return update_job_status(new, old)
    after, before = (new.get("spec") or {}), (old.get("spec") or {})
    labels = ((before.get("template") or {}).get("metadata") or {}).get("labels") or {}
    errors = _job(new, all(label in labels for label in _LABELS))
    if errors:
        errors.extend(_selected_spec(after))
    if after.get("completionMode") != "Indexed":
        errors.extend(immutable(after, before, "completions", SPEC))
    elif after.get("completions") not in (None, before.get("completions"), after.get("parallelism")):
        why = "can only be modified in tandem with spec.parallelism"
        errors.append(invalid(SPEC.child("completions"), after["completions"], why))
    errors.extend(immutable(after, before, "selector", SPEC, SELECTOR))
    errors.extend(_template_update(after, old))
    for field in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        errors.extend(immutable(after, before, field, SPEC, _SHOWN.get(field, "")))
    return errors


_SHOWN = {"podFailurePolicy": "PodFailurePolicy", "successPolicy": "SuccessPolicy"}
_DIRECTIVES = ("nodeSelector", "tolerations", "schedulingGates")


def _template_update(after: Object, old: Object) -> list[FieldError]:
    """A suspended job without pods may still be steered to other nodes and be given other resources."""
    before = old.get("spec") or {}
    if after.get("template") == before.get("template"):
        return []
    status = old.get("status") or {}
    suspended = any(
        one.get("type") == "Suspended" and one.get("status") == "True"
        for one in status.get("conditions") or ()
    )
    steerable = bool(before.get("suspend")) and not status.get("active")
    if not steerable or (status.get("startTime") and not suspended):
        return immutable(after, before, "template", SPEC, "PodTemplateSpec")
    new, was = ((one.get("template") or {}).get("spec") or {} for one in (after, before))
    allowed = {**was, **{field: new[field] for field in _DIRECTIVES if field in new}}
    for field in _DIRECTIVES:
        if field not in new:
            allowed.pop(field, None)
    affinity = {
        **(was.get("affinity") or {}),
        "nodeAffinity": (new.get("affinity") or {}).get("nodeAffinity"),
    }
    affinity = {field: value for field, value in affinity.items() if value is not None}
    allowed.pop("affinity", None)
    if affinity or "affinity" in new:
        allowed["affinity"] = affinity
    for field in ("containers", "initContainers"):
        if field in was and len(was[field]) == len(new.get(field) or ()):
            allowed[field] = [
                {**one, "resources": other.get("resources")} if one.get("name") == other.get("name") else one
                for one, other in zip(was[field], new[field], strict=True)
            ]
    return immutable({"spec": new}, {"spec": allowed}, "spec", SPEC.child("template"), "PodSpec")


def _cron_job(obj: Object, old: Object | None = None) -> list[FieldError]:
    spec, before = obj.get("spec") or {}, (old or {}).get("spec") or {}
    errors: list[FieldError] = []
    schedule, zone = spec.get("schedule") or "", spec.get("timeZone")
    if not schedule:
        errors.append(required(SPEC.child("schedule")))
    else:
        errors.extend(_schedule(schedule, "TZ" in (before.get("schedule") or ""), zone))
    errors.extend(not_negative(spec, "startingDeadlineSeconds", SPEC))
    if zone is not None and (old is None or zone != before.get("timeZone")):
        errors.extend(invalid(SPEC.child("timeZone"), zone, fault) for fault in time_zone_fault(zone))
    choices = ("Allow", "Forbid", "Replace")
    errors.extend(one_of_required(spec.get("concurrencyPolicy"), choices, SPEC.child("concurrencyPolicy")))
    job, where = (spec.get("jobTemplate") or {}).get("spec") or {}, SPEC.child("jobTemplate", "spec")
    errors.extend(_job_spec(job, where))
    if job.get("selector") is not None:
        why = "`selector` will be auto-generated"
        errors.append(invalid(where.child("selector"), job["selector"], why))
    if job.get("manualSelector"):
        errors.append(not_supported(where.child("manualSelector"), True, ("nil", "false")))
    errors.extend(not_negative(spec, "successfulJobsHistoryLimit", SPEC))
    return errors + not_negative(spec, "failedJobsHistoryLimit", SPEC)


def _schedule(schedule: str, had_zone: bool, zone: str | None) -> list[FieldError]:
    where = SPEC.child("schedule")
    fault = schedule_fault(schedule)
    errors = [invalid(where, schedule, fault)] if fault else []
    if "TZ" in schedule and not had_zone:
        why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid(where, schedule, why))
    elif "TZ" in schedule and zone is not None:
        why = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        errors.append(invalid(where, schedule, why))
    return errors


def _create_cron_job(obj: Object) -> list[FieldError]:
    errors = _cron_job(obj)
    name = (obj.get("metadata") or {}).get("name") or ""
    if len(name) > _MAX_CRON_NAME:
        errors.append(
            invalid(METADATA.child("name"), name, f"must be no more than {_MAX_CRON_NAME} characters")
        )
    return errors


def _update_cron_job(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return [] if subresource == "status" else _cron_job(new, old)


CREATE = {"CronJob": _create_cron_job, "Job": _job}
UPDATE = {"CronJob": _update_cron_job, "Job": _update_job}
