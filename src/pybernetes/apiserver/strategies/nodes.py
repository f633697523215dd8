"""Nodes: a kubelet registers with its status, so a new node keeps it."""

from __future__ import annotations

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Write


class NodeStrategy(Strategy):
    """As the generic one, but status may come with the creation. The kubelet is not configured from here any more."""

    def prepare_create(self, write: Write) -> None:
        write.object.setdefault("spec", {}).pop("configSource", None)
        write.object.setdefault("status", {}).pop("config", None)

    def prepare_update(self, write: Write) -> None:
        super().prepare_update(write)
        if "configSource" not in (write.previous.get("spec") or {}):
            (write.object.get("spec") or {}).pop("configSource", None)
