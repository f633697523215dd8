"""What becomes of one object, given its owners as the server has them. Pure.

In: the live object, the state of each owner, whether it has dependents. Out: a `Decision`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pybernetes.controllers.objects import FOREGROUND_FINALIZER, ORPHAN_FINALIZER, Object

SOLID, ABSENT, WAITING = "solid", "absent", "waiting"
"""An owner is there; is not; or is there and waits for its dependents to go (foreground deletion)."""

BACKGROUND, FOREGROUND, ORPHAN = "Background", "Foreground", "Orphan"


@dataclass(frozen=True, slots=True)
class Decision:
    """`owners` is the new list of owner references, if it is to change; `delete` the propagation policy, "" to keep it;
    `unblock` says to let dependents that are being deleted no longer hold it up (owners in a circle)."""

    owners: list[dict[str, Any]] | None = None
    delete: str = ""
    unblock: bool = False


def owner_state(reference: Mapping[str, Any], live: Object | None) -> str:
    """`live` is what the server has under the reference's kind, namespace and name."""
    if live is None or live["metadata"].get("uid") != reference.get("uid"):
        return ABSENT
    meta = live["metadata"]
    if meta.get("deletionTimestamp") and FOREGROUND_FINALIZER in (meta.get("finalizers") or ()):
        return WAITING
    return SOLID


def decide(live: Object, states: Mapping[str, str], has_dependents: bool) -> Decision:
    """`states` by the owners' uids; empty when the object has no owners, and then nothing happens."""
    references: Sequence[dict[str, Any]] = live["metadata"].get("ownerReferences") or ()
    if not references:
        return Decision()
    solid = [one for one in references if states.get(one["uid"]) == SOLID]
    if solid:
        return Decision() if len(solid) == len(references) else Decision(owners=solid)
    if has_dependents and any(states.get(one["uid"]) == WAITING for one in references):
        return Decision(delete=FOREGROUND, unblock=True)
    finalizers = live["metadata"].get("finalizers") or ()
    if ORPHAN_FINALIZER in finalizers:
        return Decision(delete=ORPHAN)
    if FOREGROUND_FINALIZER in finalizers:
        return Decision(delete=FOREGROUND)
    return Decision(delete=BACKGROUND)


def without_finalizer(live: Object, finalizer: str) -> dict[str, Any] | None:
    """The metadata to patch so that the finalizer is gone; None if it is gone already."""
    finalizers = live["metadata"].get("finalizers") or []
    if finalizer not in finalizers:
        return None
    return {"finalizers": [one for one in finalizers if one != finalizer] or None}


def unblocked(references: Sequence[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The references with none that blocks; None if none does."""
    if not any(one.get("blockOwnerDeletion") for one in references):
        return None
    return [{**one, "blockOwnerDeletion": False} for one in references]
