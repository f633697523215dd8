"""TaintNodesByCondition: a new node takes no pods until its controller has seen that it is ready."""

from __future__ import annotations

from pybernetes.api.kinds import NODES
from pybernetes.apiserver.admission.lookups import creates
from pybernetes.apiserver.writes import Write
from pybernetes.semantics.tolerations import TAINT_NOT_READY, has_taint


async def mutate(write: Write) -> None:
    if not creates(write, NODES):
        return
    spec = write.object.setdefault("spec", {})
    taints = spec.get("taints") or []
    if not has_taint(taints, TAINT_NOT_READY, "NoSchedule"):
        spec["taints"] = [*taints, {"key": TAINT_NOT_READY, "effect": "NoSchedule"}]
