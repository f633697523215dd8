"""DefaultIngressClass: an Ingress that names no class gets the one that is marked as default.

https://kubernetes.io/docs/concepts/services-networking/ingress/#default-ingress-class
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.kinds import INGRESS_CLASSES, INGRESSES
from pybernetes.apiserver.admission.lookups import creates, every
from pybernetes.apiserver.writes import Write

DEFAULT = "ingressclass.kubernetes.io/is-default-class"
OLD_CLASS = "kubernetes.io/ingress.class"


async def mutate(write: Write) -> None:
    if not creates(write, INGRESSES):
        return
    spec = write.object.get("spec")
    annotations = write.object["metadata"].get("annotations") or {}
    if not isinstance(spec, dict) or spec.get("ingressClassName") is not None or OLD_CLASS in annotations:
        return
    defaults = [one for one in await every(write, INGRESS_CLASSES) if _is_default(one)]
    if defaults:
        # the newest wins, then the first by name
        defaults.sort(key=lambda one: one["metadata"]["name"])
        defaults.sort(key=lambda one: one["metadata"]["creationTimestamp"], reverse=True)
        spec["ingressClassName"] = defaults[0]["metadata"]["name"]


def _is_default(one: dict[str, Any]) -> bool:
    return (one["metadata"].get("annotations") or {}).get(DEFAULT) == "true"
