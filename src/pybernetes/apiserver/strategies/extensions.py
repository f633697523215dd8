"""Definitions of custom resources: which versions have been stored is theirs to remember."""

from __future__ import annotations

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Object, Write


class DefinitionStrategy(Strategy):
    def prepare_create(self, write: Write) -> None:
        super().prepare_create(write)
        write.object["status"]["storedVersions"] = _storage_versions(write.object)

    def prepare_update(self, write: Write) -> None:
        super().prepare_update(write)
        if write.subresource:
            return
        status = dict(write.object.get("status") or {})
        known = status.get("storedVersions") or []
        added = [one for one in _storage_versions(write.object) if one not in known]
        if added:
            write.object["status"] = {**status, "storedVersions": [*known, *added]}


def _storage_versions(obj: Object) -> list[str]:
    versions = (obj.get("spec") or {}).get("versions") or ()
    return [one.get("name", "") for one in versions if one.get("storage")]
