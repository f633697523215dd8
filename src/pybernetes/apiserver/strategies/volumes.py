"""PersistentVolumes, whose phase turns at a time that the server records, and what claims are filled from.

https://kubernetes.io/docs/concepts/storage/persistent-volumes/#volume-populators-and-data-sources
"""

from __future__ import annotations

from pybernetes.api.times import now
from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Object, Write

_TURNED = "lastPhaseTransitionTime"


class VolumeStrategy(Strategy):
    def prepare_create(self, write: Write) -> None:
        write.object["status"] = {"phase": "Pending", _TURNED: now(write.server.clock)}

    def prepare_status(self, write: Write) -> None:
        super().prepare_status(write)
        old = write.previous.get("status") or {}
        status = dict(write.object.get("status") or {})
        same_phase, given = status.get("phase") == old.get("phase"), status.get(_TURNED)
        if same_phase and given is None and old.get(_TURNED):
            status[_TURNED] = old[_TURNED]
        elif not same_phase and given in (None, old.get(_TURNED)):
            status[_TURNED] = now(write.server.clock)
        write.object["status"] = status


class ClaimStrategy(Strategy):
    """`dataSource` and `dataSourceRef` say the same; sources that the older field cannot have are ignored there."""

    def prepare_create(self, write: Write) -> None:
        super().prepare_create(write)
        _settle_sources(write.object.get("spec") or {}, {})

    def prepare_update(self, write: Write) -> None:
        super().prepare_update(write)
        if not write.subresource:
            _settle_sources(write.object.get("spec") or {}, write.previous.get("spec") or {})


_SNAPSHOT = ("VolumeSnapshot", "snapshot.storage.k8s.io")
_CLAIM = ("PersistentVolumeClaim", "")


def _settle_sources(spec: Object, old: Object) -> None:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is None and reference is None:
        return
    if reference is not None and reference.get("namespace") and old.get("dataSourceRef") is None:
        # The feature of sources in other namespaces is switched off.
        del spec["dataSourceRef"]
        reference = None
    known = source is not None and (source.get("kind"), source.get("apiGroup") or "") in (_CLAIM, _SNAPSHOT)
    if source is not None and reference is None and not known and old.get("dataSource") is None:
        del spec["dataSource"]
        source = None
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec["dataSource"] = {key: value for key, value in reference.items() if key != "namespace"}
