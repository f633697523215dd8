"""StorageObjectInUseProtection: volumes and claims stay, when they are deleted, for as long as they are in use."""

from __future__ import annotations

from pybernetes.api.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from pybernetes.apiserver.admission.lookups import creates
from pybernetes.apiserver.writes import Write

_FINALIZERS = {
    PERSISTENT_VOLUMES: "kubernetes.io/pv-protection",
    PERSISTENT_VOLUME_CLAIMS: "kubernetes.io/pvc-protection",
}


async def mutate(write: Write) -> None:
    kind = write.resource.kind
    finalizer = _FINALIZERS.get(kind)
    if finalizer is None or not creates(write, kind):
        return
    finalizers = write.object["metadata"].get("finalizers") or []
    if finalizer not in finalizers:
        write.object["metadata"]["finalizers"] = [*finalizers, finalizer]
