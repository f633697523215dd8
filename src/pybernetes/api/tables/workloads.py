"""How workloads are shown: deployments and their like, jobs and cron jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    NONE,
    Cells,
    Column,
    Printer,
    age_of,
    condition_status,
    container_texts,
    labels_text,
    name_of,
    selector_text,
    wide,
)
from pybernetes.api.times import age, human_duration, parse_time

Object = dict[str, Any]


def _parts(obj: Object) -> tuple[Object, Object]:
    return obj.get("spec") or {}, obj.get("status") or {}


def _running(obj: Object, now: datetime, template: Object | None, selector: Object | None) -> Cells:
    """The cells of `_runs`: how old it is, what it runs and which pods are its own."""
    return [age_of(obj, now), *container_texts(template), selector_text(selector)]


def _runs(selector: str) -> tuple[Column, ...]:
    return (AGE, CONTAINERS, IMAGES, wide("Selector", selector))


def _deployment(obj: Object, now: datetime) -> Cells:
    spec, status = _parts(obj)
    return [
        name_of(obj),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        *_running(obj, now, spec.get("template"), spec.get("selector")),
    ]


def _replica_set(obj: Object, now: datetime) -> Cells:
    spec, status = _parts(obj)
    return [
        name_of(obj),
        spec.get("replicas", 1),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        *_running(obj, now, spec.get("template"), spec.get("selector")),
    ]


def _replication_controller(obj: Object, now: datetime) -> Cells:
    return [*_replica_set(obj, now)[:-1], labels_text((obj.get("spec") or {}).get("selector"))]


def _stateful_set(obj: Object, now: datetime) -> Cells:
    spec, status = _parts(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}"
    return [name_of(obj), ready, age_of(obj, now), *container_texts(spec.get("template"))]


def _daemon_set(obj: Object, now: datetime) -> Cells:
    spec, status = _parts(obj)
    template = spec.get("template") or {}
    return [
        name_of(obj),
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        labels_text((template.get("spec") or {}).get("nodeSelector")),
        *_running(obj, now, template, spec.get("selector")),
    ]


def _job_status(job: Object) -> str:
    for kind in ("Complete", "Failed"):
        if condition_status(job, kind) == "True":
            return kind
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for kind, shown in (
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if condition_status(job, kind) == "True":
            return shown
    return "Running"


def _job(job: Object, now: datetime) -> Cells:
    spec, status = _parts(job)
    done, wanted, parallel = status.get("succeeded", 0), spec.get("completions"), spec.get("parallelism") or 0
    if wanted is not None:
        completions = f"{done}/{wanted}"
    else:
        completions = f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"
    return [
        name_of(job),
        _job_status(job),
        completions,
        _duration(status, now),
        *_running(job, now, spec.get("template"), spec.get("selector")),
    ]


def _duration(status: Object, now: datetime) -> str:
    started, ended = status.get("startTime"), status.get("completionTime")
    if not started:
        return ""
    end = parse_time(ended) if ended else now
    return human_duration((end - parse_time(started)).total_seconds())


def _cron_job(obj: Object, now: datetime) -> Cells:
    spec, status = _parts(obj)
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    last = status.get("lastScheduleTime")
    return [
        name_of(obj),
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        age(last, now) if last else NONE,
        *_running(obj, now, job.get("template"), job.get("selector")),
    ]


def _controller_revision(obj: Object, now: datetime) -> Cells:
    owner = next((one for one in obj["metadata"].get("ownerReferences") or () if one.get("controller")), None)
    controller = NONE
    if owner is not None:
        group = owner.get("apiVersion", "").rpartition("/")[0]
        kind = str(owner.get("kind", "")).lower()
        controller = f"{kind}.{group}/{owner.get('name')}" if group else f"{kind}/{owner.get('name')}"
    return [name_of(obj), controller, obj.get("revision", 0), age_of(obj, now)]


def _replicas(kind: str) -> tuple[Column, ...]:
    return (
        NAME,
        Column("Desired", "integer", f"@{kind}Spec.replicas"),
        Column("Current", "integer", f"@{kind}Status.replicas"),
        Column("Ready", "integer", f"@{kind}Status.readyReplicas"),
        *_runs(f"@{kind}Spec.selector"),
    )


REPLICATION_CONTROLLER = Printer(_replicas("core.v1.ReplicationController"), _replication_controller)

PRINTERS = {
    "ControllerRevision": Printer(
        (
            NAME,
            Column("Controller", description="Controller of the object"),
            Column("Revision", description="@apps.v1.ControllerRevision.revision"),
            AGE,
        ),
        _controller_revision,
    ),
    "CronJob": Printer(
        (
            NAME,
            Column("Schedule", description="@batch.v1.CronJobSpec.schedule"),
            Column("Timezone", description="@batch.v1.CronJobSpec.timeZone"),
            Column("Suspend", "boolean", "@batch.v1.CronJobSpec.suspend"),
            Column("Active", "integer", "@batch.v1.CronJobStatus.active"),
            Column("Last Schedule", description="@batch.v1.CronJobStatus.lastScheduleTime"),
            *_runs("@batch.v1.JobSpec.selector"),
        ),
        _cron_job,
    ),
    "DaemonSet": Printer(
        (
            NAME,
            Column("Desired", "integer", "@apps.v1.DaemonSetStatus.desiredNumberScheduled"),
            Column("Current", "integer", "@apps.v1.DaemonSetStatus.currentNumberScheduled"),
            Column("Ready", "integer", "@apps.v1.DaemonSetStatus.numberReady"),
            Column("Up-to-date", "integer", "@apps.v1.DaemonSetStatus.updatedNumberScheduled"),
            Column("Available", "integer", "@apps.v1.DaemonSetStatus.numberAvailable"),
            Column("Node Selector", description="@core.v1.PodSpec.nodeSelector"),
            *_runs("@apps.v1.DaemonSetSpec.selector"),
        ),
        _daemon_set,
    ),
    "Deployment": Printer(
        (
            NAME,
            Column("Ready", description="Number of the pod with ready state"),
            Column("Up-to-date", description="@apps.v1.DeploymentStatus.updatedReplicas"),
            Column("Available", description="@apps.v1.DeploymentStatus.availableReplicas"),
            *_runs("@apps.v1.DeploymentSpec.selector"),
        ),
        _deployment,
    ),
    "Job": Printer(
        (
            NAME,
            Column("Status", description="Status of the job."),
            Column("Completions", description="@batch.v1.JobStatus.succeeded"),
            Column("Duration", description="Time required to complete the job."),
            *_runs("@batch.v1.JobSpec.selector"),
        ),
        _job,
    ),
    "ReplicaSet": Printer(_replicas("apps.v1.ReplicaSet"), _replica_set),
    "StatefulSet": Printer(
        (NAME, Column("Ready", description="Number of the pod with ready state"), AGE, CONTAINERS, IMAGES),
        _stateful_set,
    ),
}
