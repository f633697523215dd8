"""PersistentVolumeClaimResize: a claim grows when it is bound and its class lets it."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.errors import forbidden
from pybernetes.api.kinds import PERSISTENT_VOLUME_CLAIMS, STORAGE_CLASSES
from pybernetes.apiserver.admission.lookups import changes
from pybernetes.apiserver.writes import UPDATE, Write
from pybernetes.semantics.storage import LEGACY_CLASS

Object = dict[str, Any]


async def validate(write: Write) -> None:
    if write.operation != UPDATE or not changes(write, PERSISTENT_VOLUME_CLAIMS):
        return
    new, old = write.object, write.previous
    if quantity.compare(_size(new), _size(old)) <= 0:
        return
    if (old.get("status") or {}).get("phase") != "Bound":
        raise forbidden(
            PERSISTENT_VOLUME_CLAIMS, write.name, "Only bound persistent volume claims can be expanded"
        )
    name = _class(new)
    found = await write.server.lookup(STORAGE_CLASSES, None, name) if name and name == _class(old) else None
    if found is None or not found.get("allowVolumeExpansion"):
        why = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
            "resize"
        )
        raise forbidden(PERSISTENT_VOLUME_CLAIMS, write.name, why)


def _size(claim: Object) -> str:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", "0"))


def _class(claim: Object) -> str:
    noted = (claim["metadata"].get("annotations") or {}).get(LEGACY_CLASS)
    return str(noted or (claim.get("spec") or {}).get("storageClassName") or "")
