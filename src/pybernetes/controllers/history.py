"""ControllerRevisions: the versions of a DaemonSet's or StatefulSet's template, numbered. Pure.

In: an owner and the revisions that it has. Out: the revision that its template is, new or old, and those to
forget. The data of a revision is a strategic merge patch that puts the template back, which is what `kubectl
rollout undo` applies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pybernetes.api.kinds import Kind
from pybernetes.controllers.hashing import template_hash
from pybernetes.controllers.objects import Object, annotations_of, labels_of, name_of, namespace_of
from pybernetes.semantics.owners import owner_ref

HASH_LABEL = "controller-revision-hash"
"""On pods, and on the revisions of DaemonSets: a hash for a DaemonSet, a revision's whole name for a StatefulSet."""
_REVISION_HASH_LABELS = {"StatefulSet": "controller.kubernetes.io/hash"}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Choice:
    """`current` is the revision of the owner's template. With `create` it is new; with `renumber` it is an old one
    that becomes the latest again."""

    current: Object
    create: bool = False
    renumber: bool = False


def bare(template: Object) -> Object:
    """A template without fields that are empty."""
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value}
    return {"metadata": metadata, "spec": template.get("spec") or {}}


def data_of(template: Object) -> dict[str, Any]:
    """Sorted by key throughout: clients tell whether a revision is the template's by comparing bytes."""
    found: dict[str, Any] = _sorted({"spec": {"template": {**bare(template), "$patch": "replace"}}})
    return found


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def template_of(revision: Object) -> Object:
    """The pod template that a revision stands for."""
    template = dict(((revision.get("data") or {}).get("spec") or {}).get("template") or {})
    template.pop("$patch", None)
    return template


def hash_of(owner: Object) -> str:
    collisions = int((owner.get("status") or {}).get("collisionCount") or 0)
    return template_hash(bare(owner["spec"]["template"]), collisions)


def number_of(revision: Object) -> int:
    return int(revision.get("revision") or 0)


def revision_hash(revision: Object) -> str:
    return labels_of(revision).get(HASH_LABEL, "")


def choose(owner: Object, kind: Kind, revisions: Sequence[Object]) -> Choice:
    """The revision of the owner's template, the latest one if several are of it."""
    wanted = bare(owner["spec"]["template"])
    latest = max((number_of(one) for one in revisions), default=0)
    equal = [one for one in revisions if bare(template_of(one)) == wanted]
    if equal:
        found = max(equal, key=number_of)
        if number_of(found) == latest:
            return Choice(found)
        return Choice({**found, "revision": latest + 1}, renumber=True)
    digest = hash_of(owner)
    label = _REVISION_HASH_LABELS.get(kind.kind, HASH_LABEL)
    metadata: dict[str, Any] = {
        "name": f"{name_of(owner)}-{digest}",
        "namespace": namespace_of(owner),
        "labels": {**(wanted["metadata"].get("labels") or {}), label: digest},
        "ownerReferences": [owner_ref(owner, kind)],
    }
    annotations = {key: value for key, value in annotations_of(owner).items() if key != _LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    new = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data_of(owner["spec"]["template"]),
        "revision": latest + 1,
    }
    return Choice(new, create=True)


def to_forget(owner: Object, revisions: Sequence[Object], is_used: Callable[[Object], bool]) -> list[Object]:
    """The oldest revisions beyond `revisionHistoryLimit`; those in use stay, uncounted."""
    limit = owner["spec"].get("revisionHistoryLimit")
    limit = 10 if limit is None else int(limit)
    idle = sorted((one for one in revisions if not is_used(one)), key=number_of)
    return idle[: max(0, len(idle) - limit)]
