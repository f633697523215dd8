"""DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or cannot be reached."""

from __future__ import annotations

from typing import Any

from pybernetes.api.kinds import PODS
from pybernetes.apiserver.admission.lookups import changes
from pybernetes.apiserver.writes import Write

SECONDS = 300
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


async def mutate(write: Write) -> None:
    if not changes(write, PODS):
        return
    spec = write.object.get("spec")
    if not isinstance(spec, dict):
        return
    present: list[dict[str, Any]] = spec.get("tolerations") or []
    missing = [taint for taint in _TAINTS if not any(_covers(one, taint) for one in present)]
    if missing:
        added = [
            {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
            for taint in missing
        ]
        write.object["spec"] = {**spec, "tolerations": [*present, *added]}


def _covers(toleration: dict[str, Any], taint: str) -> bool:
    return toleration.get("key", "") in (taint, "") and toleration.get("effect", "") in ("NoExecute", "")
