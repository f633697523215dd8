"""DefaultStorageClass: a claim that names no class gets the one that is marked as default, the newest if several."""

from __future__ import annotations

from pybernetes.api.kinds import PERSISTENT_VOLUME_CLAIMS, STORAGE_CLASSES
from pybernetes.apiserver.admission.lookups import creates, every
from pybernetes.apiserver.writes import Write
from pybernetes.semantics.storage import LEGACY_CLASS

DEFAULT = "storageclass.kubernetes.io/is-default-class"


async def mutate(write: Write) -> None:
    if not creates(write, PERSISTENT_VOLUME_CLAIMS):
        return
    claim = write.object
    spec = claim.get("spec") or {}
    if "storageClassName" in spec or LEGACY_CLASS in (claim["metadata"].get("annotations") or {}):
        return
    classes = [
        one["metadata"]
        for one in await every(write, STORAGE_CLASSES)
        if (one["metadata"].get("annotations") or {}).get(DEFAULT) == "true"
    ]
    if classes:
        newest = max(classes, key=lambda one: (one.get("creationTimestamp", ""), one["name"]))
        claim["spec"] = {**spec, "storageClassName": newest["name"]}
