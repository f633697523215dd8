"""Deployments, replica sets, stateful sets, daemon sets, jobs: what counts a generation, what status begins as."""

from __future__ import annotations

from typing import Any

from pybernetes.api.kinds import Kind
from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Object, Write

_FIRST_STATUS: dict[str, Object] = {
    "DaemonSet": {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    "ReplicaSet": {"replicas": 0},
    "ReplicationController": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
}


class WorkloadStrategy(Strategy):
    """Labels are the spec's side; /status leaves them alone."""

    counts_generation = True
    labels_from_status = False

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self._first_status = _FIRST_STATUS.get(kind.kind, {})

    def prepare_create(self, write: Write) -> None:
        write.object["status"] = dict(self._first_status)


_JOB_NAME = "batch.kubernetes.io/job-name"
_CONTROLLER_UID = "batch.kubernetes.io/controller-uid"


class JobStrategy(WorkloadStrategy):
    """A Job without manualSelector selects its pods by its own uid."""

    def prepare_create(self, write: Write) -> None:
        super().prepare_create(write)
        job = write.object
        spec = job.get("spec")
        if not isinstance(spec, dict) or spec.get("manualSelector"):
            return
        uid = job["metadata"]["uid"]
        template: dict[str, Any] = spec.setdefault("template", {})
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels[_JOB_NAME] = labels["job-name"] = write.name
        labels[_CONTROLLER_UID] = labels["controller-uid"] = uid
        selector = spec.setdefault("selector", {})
        selector.setdefault("matchLabels", {})[_CONTROLLER_UID] = uid
