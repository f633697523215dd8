"""EndpointSlices: their labels say whose they are, so that a change of them counts."""

from __future__ import annotations

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Write


class EndpointSliceStrategy(Strategy):
    counts_generation = True

    def spec_changed(self, write: Write) -> bool:
        new, old = write.object["metadata"], write.previous["metadata"]
        return (new.get("labels") or {}) != (old.get("labels") or {}) or super().spec_changed(write)
