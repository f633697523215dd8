"""DefaultTolerationSeconds: how long a pod stays on a node that is not ready or cannot be reached.

Five minutes, unless the pod or the server's options (upstream's --default-not-ready-toleration-seconds and
--default-unreachable-toleration-seconds) say otherwise.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.kinds import PODS
from pybernetes.apiserver.admission.lookups import changes
from pybernetes.apiserver.writes import Write
from pybernetes.semantics.tolerations import TAINT_NOT_READY, TAINT_UNREACHABLE


async def mutate(write: Write) -> None:
    if not changes(write, PODS):
        return
    spec = write.object.get("spec")
    if not isinstance(spec, dict):
        return
    present: list[dict[str, Any]] = spec.get("tolerations") or []
    options = write.server.options
    missing = [
        (taint, seconds)
        for taint, seconds in (
            (TAINT_NOT_READY, options.not_ready_toleration),
            (TAINT_UNREACHABLE, options.unreachable_toleration),
        )
        if not any(_covers(one, taint) for one in present)
    ]
    if missing:
        added = [
            {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
            for taint, seconds in missing
        ]
        write.object["spec"] = {**spec, "tolerations": [*present, *added]}


def _covers(toleration: dict[str, Any], taint: str) -> bool:
    return toleration.get("key", "") in (taint, "") and toleration.get("effect", "") in ("NoExecute", "")
