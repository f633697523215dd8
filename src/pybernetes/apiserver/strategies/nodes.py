"""Nodes: a kubelet registers with its status, so a new node keeps it."""

from __future__ import annotations

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Write


class NodeStrategy(Strategy):
    """As the generic one, but status may come with the creation."""

    def prepare_create(self, write: Write) -> None:
        write.object.setdefault("spec", {})
        write.object.setdefault("status", {})
