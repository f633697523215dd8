"""The ReplicaSets of a Deployment as its versions: which is the new one, which are old, and their numbers. Pure.

Revisions, desired and maximal replicas are annotations, as kubectl's `rollout` commands read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pybernetes.api.kinds import DEPLOYMENTS
from pybernetes.controllers.hashing import template_hash
from pybernetes.controllers.objects import Object, annotations_of, labels_of, name_of, namespace_of
from pybernetes.semantics.owners import owner_ref

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
NOT_INHERITED = frozenset(
    (LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, ROLLBACK_TO)
)
_HISTORY_LIMIT = 2000


def bare_template(template: Object) -> Object:
    """A pod template without the hash label and without empty fields: two of them compare as versions do."""
    metadata = {field: value for field, value in (template.get("metadata") or {}).items() if value}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    metadata.pop("labels", None)
    if labels:
        metadata["labels"] = labels
    return {"metadata": metadata, "spec": template.get("spec") or {}}


def same_template(left: Object, right: Object) -> bool:
    return bare_template(left) == bare_template(right)


def by_age(sets: Iterable[Object]) -> list[Object]:
    """Oldest first, by name among equals."""
    return sorted(sets, key=lambda one: (one["metadata"].get("creationTimestamp") or "", name_of(one)))


def find_new(deployment: Object, sets: Iterable[Object]) -> Object | None:
    """The set of the Deployment's current template; the oldest, should there be several."""
    wanted = bare_template(deployment["spec"]["template"])
    for one in by_age(sets):
        if bare_template(one["spec"].get("template") or {}) == wanted:
            return one
    return None


def replicas_of(replica_set: Object) -> int:
    replicas = replica_set["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def total_replicas(sets: Iterable[Object]) -> int:
    return sum(replicas_of(one) for one in sets)


def status_count(replica_set: Object, field: str) -> int:
    return int((replica_set.get("status") or {}).get(field) or 0)


def revision_of(obj: Object) -> int:
    text = annotations_of(obj).get(REVISION, "")
    return int(text) if text.isdigit() else 0


def next_revision(old_sets: Sequence[Object]) -> int:
    return max((revision_of(one) for one in old_sets), default=0) + 1


def new_set_annotations(
    deployment: Object, replica_set: Object | None, revision: int, desired: int, limit: int
) -> dict[str, str]:
    """The annotations that the new ReplicaSet is to have. For an existing one, replica counts are left as they are."""
    present = dict(annotations_of(replica_set)) if replica_set is not None else {}
    for key, value in annotations_of(deployment).items():
        if key not in NOT_INHERITED:
            present[key] = value
    old = present.get(REVISION, "")
    if not old.isdigit() or int(old) < revision:
        present[REVISION] = str(revision)
        if old.isdigit():
            history = [one for one in present.get(REVISION_HISTORY, "").split(",") if one]
            history.append(old)
            while len(",".join(history)) > _HISTORY_LIMIT:
                del history[0]
            present[REVISION_HISTORY] = ",".join(history)
    if replica_set is None:
        present.update(replica_annotations(desired, limit))
    return present


def replica_annotations(desired: int, limit: int) -> dict[str, str]:
    return {DESIRED_REPLICAS: str(desired), MAX_REPLICAS: str(limit)}


def desired_annotation(replica_set: Object) -> int | None:
    return _number(replica_set, DESIRED_REPLICAS)


def max_annotation(replica_set: Object) -> int | None:
    return _number(replica_set, MAX_REPLICAS)


def _number(replica_set: Object, annotation: str) -> int | None:
    text = annotations_of(replica_set).get(annotation, "")
    return int(text) if text.isdigit() else None


def hash_of(deployment: Object) -> str:
    """The version's hash; a collision with somebody else's ReplicaSet changes it through the collision count."""
    collisions = int((deployment.get("status") or {}).get("collisionCount") or 0)
    return template_hash(bare_template(deployment["spec"]["template"]), collisions)


def new_set(deployment: Object, replicas: int, revision: int, desired: int, limit: int) -> Object:
    """The ReplicaSet of the current template, to be created."""
    spec = deployment["spec"]
    digest = hash_of(deployment)
    template = spec["template"]
    metadata = {field: value for field, value in (template.get("metadata") or {}).items() if value}
    labels = {**labels_of({"metadata": metadata}), HASH_LABEL: digest}
    selector: dict[str, Any] = dict(spec.get("selector") or {})
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: digest}
    new_spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": selector,
        "template": {**template, "metadata": {**metadata, "labels": labels}},
    }
    if spec.get("minReadySeconds"):
        new_spec["minReadySeconds"] = spec["minReadySeconds"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name_of(deployment)}-{digest}",
            "namespace": namespace_of(deployment),
            "labels": labels,
            "annotations": new_set_annotations(deployment, None, revision, desired, limit),
            "ownerReferences": [owner_ref(deployment, DEPLOYMENTS)],
        },
        "spec": new_spec,
    }
