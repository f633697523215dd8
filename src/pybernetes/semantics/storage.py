"""Volumes and claims: which are bound, which volume a claim may have, and on which nodes. Pure.

Objects are decoded JSON and are never changed. The binder's controller chooses volumes, the scheduler looks ahead.
Source: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.selectors import LabelSelector
from pybernetes.semantics.affinity import node_selector_matches

Object = Mapping[str, Any]

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
LEGACY_CLASS = "volume.beta.kubernetes.io/storage-class"


def class_of(obj: Object) -> str:
    """The name of the storage class of a volume or a claim."""
    legacy = _annotations(obj).get(LEGACY_CLASS)
    return str(legacy if legacy is not None else obj["spec"].get("storageClassName") or "")


def waits_for_consumer(storage_class: Object | None) -> bool:
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def is_bound(claim: Object) -> bool:
    return bool(claim["spec"].get("volumeName")) and BIND_COMPLETED in _annotations(claim)


def is_bound_to(volume: Object, claim: Object) -> bool:
    """The volume names this claim; with a uid only if it is the same one."""
    reference, meta = volume["spec"].get("claimRef") or {}, claim["metadata"]
    if (reference.get("namespace"), reference.get("name")) != (meta.get("namespace"), meta["name"]):
        return False
    return not reference.get("uid") or bool(reference["uid"] == meta.get("uid"))


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
    return selector is None or LabelSelector.from_object(selector).matches(volume["metadata"].get("labels"))


def reachable(volume: Object, node: Object | None) -> bool:
    """Whether the volume can be used on the node; no node asks for nothing."""
    if node is None:
        return True
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return node_selector_matches(required, node)


def may_have(volume: Object, claim: Object) -> bool:
    """The volume is reserved for the claim, or is free and suits it."""
    if volume["metadata"].get("deletionTimestamp"):
        return False
    if volume["spec"].get("claimRef"):
        return is_bound_to(volume, claim)
    free = (volume.get("status") or {}).get("phase") in (None, "", "Available", "Pending")
    return free and suits(volume, claim)


def choose(
    claim: Object, volumes: Iterable[dict[str, Any]], node: Object | None = None
) -> dict[str, Any] | None:
    """The volume reserved for the claim, or the smallest one that it may have."""
    candidates = [volume for volume in volumes if may_have(volume, claim)]
    for volume in candidates:
        if volume["spec"].get("claimRef"):
            return volume
    fitting = (volume for volume in candidates if reachable(volume, node))
    return min(
        fitting,
        key=lambda volume: (quantity.nano_value(capacity(volume)), volume["metadata"]["name"]),
        default=None,
    )


def _annotations(obj: Object) -> Mapping[str, str]:
    found: Mapping[str, str] = obj["metadata"].get("annotations") or {}
    return found
