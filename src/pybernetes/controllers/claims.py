"""Which objects a controller owns by its selector: adopted, kept and released ones. Pure.

In: an owner, its selector and candidates (same namespace). Out: a `Claims` value. The rule: what is
controlled by somebody else is left alone; what is controlled by the owner but no longer matches is released;
an orphan that matches is adopted, unless either of the two is being deleted.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#non-template-pod-acquisitions
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pybernetes.api.kinds import Kind
from pybernetes.api.selectors import LabelSelector
from pybernetes.controllers.actions import Patch, patch_of
from pybernetes.controllers.objects import Object, is_deleting, labels_of, uid_of
from pybernetes.semantics.owners import controller_ref, controller_uid, owner_ref, without_owner


@dataclass(frozen=True, slots=True)
class Claims:
    """`owned` are controlled already and stay so; `adopt` and `release` need a patch."""

    owned: tuple[Object, ...] = ()
    adopt: tuple[Object, ...] = ()
    release: tuple[Object, ...] = ()


def claim(
    owner: Object,
    selector: LabelSelector,
    candidates: Iterable[Object],
    also: Callable[[Object], bool] = lambda obj: True,
) -> Claims:
    """`also` is a further condition for belonging to the owner (a StatefulSet's pods are recognised by name)."""
    owned: list[Object] = []
    adopt: list[Object] = []
    release: list[Object] = []
    owner_uid, owner_deleting = uid_of(owner), is_deleting(owner)
    for obj in candidates:
        held_by = controller_ref(obj)
        matches = selector.matches(labels_of(obj)) and also(obj)
        if held_by is not None:
            if held_by.get("uid") != owner_uid:
                continue
            if matches:
                owned.append(obj)
            elif not owner_deleting and not is_deleting(obj):
                release.append(obj)
        elif matches and not owner_deleting and not is_deleting(obj):
            adopt.append(obj)
    return Claims(tuple(owned), tuple(adopt), tuple(release))


def adoption(owner: Object, owner_kind: Kind, obj: Object, kind: Kind) -> Patch:
    """The patch that makes `owner` the controller of `obj`."""
    owners = [*without_owner(obj, uid_of(owner)), owner_ref(owner, owner_kind)]
    return patch_of(kind, obj, {"metadata": {"ownerReferences": owners}})


def release(owner: Object, obj: Object, kind: Kind) -> Patch:
    """The patch that takes `owner` out of the owners of `obj`."""
    return patch_of(kind, obj, {"metadata": {"ownerReferences": without_owner(obj, uid_of(owner)) or None}})


def index_by_owner(obj: Object) -> tuple[str, ...]:
    """An informer index: the uid of the controller, or `orphans/NAMESPACE` for what has none."""
    uid = controller_uid(obj)
    return (uid,) if uid else (f"orphans/{obj['metadata'].get('namespace', '')}",)


OWNER_INDEX = "controller"
