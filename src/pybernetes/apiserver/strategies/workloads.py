"""Deployments, replica sets, stateful sets, daemon sets, jobs: what counts a generation, whom a Job selects."""

from __future__ import annotations

from typing import Any

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Write


class WorkloadStrategy(Strategy):
    """Labels are the spec's side; /status leaves them alone."""

    counts_generation = True
    labels_from_status = False


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
