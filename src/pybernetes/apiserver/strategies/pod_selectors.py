"""Label selectors of a new pod's placement: those that go by the pod's own labels get their values when it is made.

https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#matchlabelkeys
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def settle_selectors(spec: Object, labels: dict[str, str]) -> None:
    """Add the pod's labels to the selectors whose `matchLabelKeys` or `mismatchLabelKeys` name them, in place."""
    if spec.get("affinity"):
        for term in _terms(spec["affinity"]):
            _settle(term, labels)
    for constraint in spec.get("topologySpreadConstraints") or ():
        _settle(constraint, labels)


def _terms(affinity: Object) -> Iterator[Object]:
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or {}
        yield from (weighted.get("podAffinityTerm") or {} for weighted in terms.get(_PREFERRED) or ())
        yield from terms.get(_REQUIRED) or ()


def _settle(holder: Object, labels: dict[str, str]) -> None:
    selector = holder.get("labelSelector")
    if selector is None:
        return
    added = [
        {"key": key, "operator": operator, "values": [labels[key]]}
        for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
        for key in holder.get(field) or ()
        if key in labels
    ]
    if added:
        expressions = [*(selector.get("matchExpressions") or ()), *added]
        holder["labelSelector"] = {**selector, "matchExpressions": expressions}
