"""Deployments, replica sets, stateful sets, daemon sets, jobs: what counts a generation, whom a Job selects."""

from __future__ import annotations

from typing import Any

from pybernetes.api.defaults.apps import TEMPLATE_GENERATION
from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Object, Write


class WorkloadStrategy(Strategy):
    """Changes of the spec are counted."""

    counts_generation = True


class DeploymentStrategy(WorkloadStrategy):
    """Labels are the spec's side; changed annotations count, as they go on to the ReplicaSets."""

    status_keeps = ("labels",)

    def spec_changed(self, write: Write) -> bool:
        if write.subresource == "status":
            return False
        new, old = write.object["metadata"], write.previous["metadata"]
        return (new.get("annotations") or {}) != (old.get("annotations") or {}) or super().spec_changed(write)


class DaemonSetStrategy(WorkloadStrategy):
    """An annotation counts the changes of the template, which older clients still look at."""

    def prepare_create(self, write: Write) -> None:
        super().prepare_create(write)
        metadata = write.object["metadata"]
        given = (metadata.get("annotations") or {}).get(TEMPLATE_GENERATION, "")
        _count_template(metadata, max(1, int(given) if given.isdigit() else 0))

    def prepare_update(self, write: Write) -> None:
        super().prepare_update(write)
        new, old = write.object, write.previous
        count = (old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
        number = int(count) if count.isdigit() else 0
        if write.subresource != "status" and new["spec"].get("template") != old["spec"].get("template"):
            number += 1
        _count_template(new["metadata"], number)


def _count_template(metadata: dict[str, Any], number: int) -> None:
    metadata["annotations"] = {**(metadata.get("annotations") or {}), TEMPLATE_GENERATION: str(number)}


_JOB_NAME = "batch.kubernetes.io/job-name"
_CONTROLLER_UID = "batch.kubernetes.io/controller-uid"


class JobStrategy(WorkloadStrategy):
    """A Job without manualSelector selects its pods by its own uid. One without labels has those of its pods."""

    orphans = True

    def prepare_create(self, write: Write) -> None:
        super().prepare_create(write)
        _label(write.object)
        spec = write.object.get("spec")
        if isinstance(spec, dict) and not spec.get("manualSelector"):
            self._select(write, spec)

    def prepare_update(self, write: Write) -> None:
        super().prepare_update(write)
        _label(write.object)

    async def allocate(self, write: Write) -> None:
        await super().allocate(write)
        _label(write.object)

    def _select(self, write: Write, spec: Object) -> None:
        uid = write.object["metadata"]["uid"]
        template: dict[str, Any] = spec.setdefault("template", {})
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        for label, value in (
            ("job-name", write.name),
            (_JOB_NAME, write.name),
            ("controller-uid", uid),
            (_CONTROLLER_UID, uid),
        ):
            labels.setdefault(label, value)
        selector = spec.setdefault("selector", {})
        selector.setdefault("matchLabels", {}).setdefault(_CONTROLLER_UID, uid)


def _label(job: Object) -> None:
    labels = (((job.get("spec") or {}).get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = dict(labels)


class ReplicationControllerStrategy(WorkloadStrategy):
    """Its pods stay when it is deleted without saying what should become of them."""

    orphans = True
