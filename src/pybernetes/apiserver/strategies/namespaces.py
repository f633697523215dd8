"""Namespaces: phase, the label with the name, and the finalizer in spec that keeps one until it is empty."""

from __future__ import annotations

from pybernetes.apiserver.strategies.base import Strategy, keep
from pybernetes.apiserver.writes import Object, Write

NAME_LABEL = "kubernetes.io/metadata.name"
FINALIZER = "kubernetes"


class NamespaceStrategy(Strategy):
    """DELETE makes a namespace Terminating; the namespace controller empties it and finalizes through /finalize."""

    def prepare_create(self, write: Write) -> None:
        obj = write.object
        obj["status"] = {"phase": "Active"}
        spec = obj.setdefault("spec", {})
        finalizers = spec.setdefault("finalizers", [])
        if FINALIZER not in finalizers:
            finalizers.append(FINALIZER)
        _label(obj, write.name)

    def prepare_update(self, write: Write) -> None:
        new, old = write.object, write.previous
        if write.subresource == "status":
            keep(new, old, "spec")
            return
        keep(new, old, "status")
        if write.subresource == "finalize":
            if not (new.get("spec") or {}).get("finalizers"):
                new["spec"] = {}
            return
        keep(new, old, "spec")
        _label(new, write.name)

    def mark_deleted(self, write: Write) -> None:
        write.object["status"] = {**(write.object.get("status") or {}), "phase": "Terminating"}
        write.object["metadata"].pop("deletionGracePeriodSeconds", None)

    def still_needed(self, obj: Object) -> bool:
        return bool((obj.get("spec") or {}).get("finalizers"))


def _label(obj: Object, name: str) -> None:
    labels = obj["metadata"].get("labels")
    if labels is None or labels.get(NAME_LABEL) != name:
        obj["metadata"]["labels"] = {**(labels or {}), NAME_LABEL: name}
