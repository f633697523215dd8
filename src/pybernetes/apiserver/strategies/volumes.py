"""PersistentVolumes: when their phase has turned is recorded by the server."""

from __future__ import annotations

from pybernetes.api.times import now
from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Write

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
