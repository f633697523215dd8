"""Persistent volumes and claims: new ones are Pending, until their controller binds them."""

from __future__ import annotations

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Write


class PersistentVolumeStrategy(Strategy):
    def prepare_create(self, write: Write) -> None:
        write.object["status"] = {"phase": "Pending"}


class PersistentVolumeClaimStrategy(Strategy):
    def prepare_create(self, write: Write) -> None:
        write.object["status"] = {"phase": "Pending"}
