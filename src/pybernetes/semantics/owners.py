"""Owner references: who an object belongs to, and the reference that says so.

Objects are decoded JSON; nothing here changes its arguments.
Source: the Kubernetes documentation page "Owners and Dependents".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pybernetes.api.kinds import Kind

Object = Mapping[str, Any]


def owner_references(obj: Object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = obj["metadata"].get("ownerReferences") or []
    return found


def controller_ref(obj: Object) -> dict[str, Any] | None:
    """The one reference with `controller: true`, or None."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: dict[str, Any] = reference
            return found
    return None


def controller_uid(obj: Object) -> str | None:
    reference = controller_ref(obj)
    return None if reference is None else reference["uid"]


def is_controlled_by(obj: Object, owner: Object) -> bool:
    """Whether the owner, by uid, is the object's controller."""
    uid: str = owner["metadata"]["uid"]
    return controller_uid(obj) == uid


def has_owner(obj: Object, uid: str) -> bool:
    """Whether any reference, controlling or not, names the uid."""
    return any(reference.get("uid") == uid for reference in obj["metadata"].get("ownerReferences") or ())


def owner_ref(
    owner: Object, kind: Kind, controller: bool = True, block_deletion: bool = True
) -> dict[str, Any]:
    """A reference to the owner; as a controller's by default."""
    metadata = owner["metadata"]
    reference: dict[str, Any] = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    if controller:
        reference["controller"] = True
    if block_deletion:
        reference["blockOwnerDeletion"] = True
    return reference


def without_owner(obj: Object, uid: str) -> list[dict[str, Any]]:
    """The object's references but those to the uid: what releasing it leaves."""
    return [reference for reference in owner_references(obj) if reference.get("uid") != uid]
