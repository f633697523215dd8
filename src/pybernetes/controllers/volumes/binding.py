"""Which volume a claim gets. Pure.

In: a claim, all volumes, its storage class. Out: the volume to bind, or why there is none.
Source: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.selectors import LabelSelector
from pybernetes.controllers.objects import (
    Object,
    annotations_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from pybernetes.semantics.affinity import node_selector_matches

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
LEGACY_CLASS = "volume.beta.kubernetes.io/storage-class"


def class_of(obj: Object) -> str:
    """The name of the storage class of a volume or a claim."""
    legacy = annotations_of(obj).get(LEGACY_CLASS)
    return legacy if legacy is not None else str(obj["spec"].get("storageClassName") or "")


def waits_for_consumer(storage_class: Object | None) -> bool:
    return bool(storage_class) and (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"


def claim_reference(claim: Object) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": namespace_of(claim),
        "name": name_of(claim),
        "uid": uid_of(claim),
        "resourceVersion": claim["metadata"].get("resourceVersion", ""),
    }


def is_bound_to(volume: Object, claim: Object) -> bool:
    """The volume names this claim; with a uid only if it is the same one."""
    reference = volume["spec"].get("claimRef") or {}
    if (reference.get("namespace"), reference.get("name")) != (namespace_of(claim), name_of(claim)):
        return False
    return not reference.get("uid") or reference["uid"] == uid_of(claim)


def requested(claim: Object) -> str:
    return str(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage") or "0")


def capacity(volume: Object) -> str:
    return str((volume["spec"].get("capacity") or {}).get("storage") or "0")


def suits(volume: Object, claim: Object) -> bool:
    """Class, mode, access modes, size and selector fit."""
    spec = volume["spec"]
    if class_of(volume) != class_of(claim):
        return False
    if (spec.get("volumeMode") or "Filesystem") != (claim["spec"].get("volumeMode") or "Filesystem"):
        return False
    if spec.get("volumeAttributesClassName") != claim["spec"].get("volumeAttributesClassName"):
        return False
    if not set(claim["spec"].get("accessModes") or ()) <= set(spec.get("accessModes") or ()):
        return False
    if quantity.compare(capacity(volume), requested(claim)) < 0:
        return False
    selector = claim["spec"].get("selector")
    return selector is None or LabelSelector.from_object(selector).matches(labels_of(volume))


def reachable(volume: Object, node: Object | None) -> bool:
    """Whether the volume can be used on the node that the scheduler chose."""
    if node is None:
        return True
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return node_selector_matches(required, node)


def choose(claim: Object, volumes: Iterable[Object], node: Object | None = None) -> Object | None:
    """The volume reserved for the claim, or the smallest one that is free and suits it."""
    candidates = []
    for volume in volumes:
        if is_deleting(volume):
            continue
        reference = volume["spec"].get("claimRef")
        if reference:
            if is_bound_to(volume, claim):
                return volume
            continue
        if (volume.get("status") or {}).get("phase") not in (None, "", "Available", "Pending"):
            continue
        if suits(volume, claim) and reachable(volume, node):
            candidates.append(volume)
    if not candidates:
        return None
    return min(candidates, key=lambda volume: (quantity.nano_value(capacity(volume)), name_of(volume)))
