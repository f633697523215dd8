"""A Job's pods: how one is made, whether it counts as failed, and when it ended. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.kinds import JOBS
from pybernetes.api.times import parse_time
from pybernetes.controllers.job.indexes import INDEX
from pybernetes.controllers.objects import (
    Object,
    annotations_of,
    created_at,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from pybernetes.semantics.owners import owner_ref
from pybernetes.semantics.pods import is_terminal, phase

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
_ENV = "JOB_COMPLETION_INDEX"


def is_indexed(job: Object) -> bool:
    return str(job["spec"].get("completionMode")) == "Indexed"


def replaces_only_failed(job: Object) -> bool:
    """A pod that is on its way out is replaced only when it has ended; otherwise at once."""
    return str(job["spec"].get("podReplacementPolicy")) == "Failed" or bool(
        job["spec"].get("podFailurePolicy")
    )


def has_failed(job: Object, pod: Object) -> bool:
    if phase(pod) == "Failed":
        return True
    return is_deleting(pod) and phase(pod) != "Succeeded" and not replaces_only_failed(job)


def is_active(pod: Object) -> bool:
    return not is_terminal(pod) and not is_deleting(pod)


def is_tracked(pod: Object) -> bool:
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def index_failures(pod: Object) -> int:
    text = annotations_of(pod).get(INDEX_FAILURES, "")
    return int(text) if text.isdigit() else 0


def ended_at(pod: Object) -> datetime | None:
    """When its last container ended, or the best guess at that."""
    times = []
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        finished = ((container.get("state") or {}).get("terminated") or {}).get("finishedAt")
        if finished:
            times.append(parse_time(finished))
    if times:
        return max(times)
    deleted = pod["metadata"].get("deletionTimestamp")
    return parse_time(deleted) if deleted else created_at(pod)


def new_pod(job: Object, index: int | None, failures: int) -> Object:
    """`index` is None for a Job without indexes; `failures` counts earlier failures of that index."""
    template = job["spec"]["template"]
    meta = template.get("metadata") or {}
    labels = {
        **labels_of({"metadata": meta}),
        "batch.kubernetes.io/controller-uid": uid_of(job),
        "batch.kubernetes.io/job-name": name_of(job),
        "controller-uid": uid_of(job),
        "job-name": name_of(job),
    }
    annotations = dict(meta.get("annotations") or {})
    spec = dict(template.get("spec") or {})
    prefix = name_of(job)
    if index is not None:
        labels[INDEX] = annotations[INDEX] = str(index)
        prefix = f"{name_of(job)[: 62 - len(str(index)) - 6]}-{index}"
        spec["hostname"] = f"{name_of(job)}-{index}"[:63]
        for field in ("containers", "initContainers"):
            if spec.get(field):
                spec[field] = [_with_index(one) for one in spec[field]]
        if job["spec"].get("backoffLimitPerIndex") is not None:
            annotations[INDEX_FAILURES] = str(failures)
    metadata: dict[str, Any] = {
        "generateName": f"{prefix}-",
        "namespace": namespace_of(job),
        "labels": labels,
        "finalizers": [*(meta.get("finalizers") or ()), TRACKING],
        "ownerReferences": [owner_ref(job, JOBS)],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _with_index(container: dict[str, Any]) -> dict[str, Any]:
    env = container.get("env") or []
    if any(one.get("name") == _ENV for one in env):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.annotations['{INDEX}']"}}
    return {**container, "env": [*env, {"name": _ENV, "valueFrom": source}]}
