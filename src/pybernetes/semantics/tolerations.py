"""Taints and tolerations: which taints keep a pod off a node, or drive it away and when.

Source: the Kubernetes documentation page "Taints and Tolerations".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Taint = Mapping[str, Any]
Toleration = Mapping[str, Any]

NO_SCHEDULE = "NoSchedule"
PREFER_NO_SCHEDULE = "PreferNoSchedule"
NO_EXECUTE = "NoExecute"

TAINT_NOT_READY = "node.kubernetes.io/not-ready"
TAINT_UNREACHABLE = "node.kubernetes.io/unreachable"
TAINT_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
TAINT_MEMORY_PRESSURE = "node.kubernetes.io/memory-pressure"
TAINT_DISK_PRESSURE = "node.kubernetes.io/disk-pressure"
TAINT_PID_PRESSURE = "node.kubernetes.io/pid-pressure"
TAINT_NETWORK_UNAVAILABLE = "node.kubernetes.io/network-unavailable"
TAINT_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """An empty effect tolerates every effect, an empty key with Exists every taint."""
    effect = toleration.get("effect")
    if effect and effect != taint.get("effect"):
        return False
    key = toleration.get("key")
    if key and key != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    if operator == "Equal":
        return bool((toleration.get("value") or "") == (taint.get("value") or ""))
    if operator in ("Lt", "Gt"):
        try:
            bound, amount = int(toleration.get("value") or ""), int(taint.get("value") or "")
        except ValueError:
            return False
        return amount < bound if operator == "Lt" else amount > bound
    return False


def tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations)


def find_untolerated(
    taints: Iterable[Taint] | None,
    tolerations: Sequence[Toleration] | None,
    effects: Sequence[str] = (NO_SCHEDULE, NO_EXECUTE),
) -> Taint | None:
    """The first taint with one of the effects that no toleration covers, or None."""
    for taint in taints or ():
        if taint.get("effect") in effects and not tolerated(taint, tolerations or ()):
            return taint
    return None


def count_untolerated_preferences(
    taints: Iterable[Taint] | None, tolerations: Sequence[Toleration] | None
) -> int:
    """How many PreferNoSchedule taints the pod does not tolerate: fewer is better."""
    relevant = [one for one in tolerations or () if one.get("effect") in (None, "", PREFER_NO_SCHEDULE)]
    return sum(
        1
        for taint in taints or ()
        if taint.get("effect") == PREFER_NO_SCHEDULE and not tolerated(taint, relevant)
    )


def eviction_delay(taints: Iterable[Taint], tolerations: Sequence[Toleration] | None) -> float | None:
    """Seconds a pod may stay under the NoExecute taints: 0 is at once, None is for ever."""
    shortest: float | None = None
    for taint in taints:
        if taint.get("effect") != NO_EXECUTE:
            continue
        matching = [one for one in tolerations or () if tolerates(one, taint)]
        if not matching:
            return 0.0
        for toleration in matching:
            seconds = toleration.get("tolerationSeconds")
            if seconds is not None:
                bounded = max(float(seconds), 0.0)
                shortest = bounded if shortest is None else min(shortest, bounded)
    return shortest


def has_taint(taints: Iterable[Taint] | None, key: str, effect: str = "") -> bool:
    return any(
        taint.get("key") == key and (not effect or taint.get("effect") == effect) for taint in taints or ()
    )


def covers(wide: Toleration, narrow: Toleration) -> bool:
    """Whether one toleration tolerates all that another does."""
    if wide == narrow:
        return True
    operator = wide.get("operator") or "Equal"
    if narrow.get("key") != wide.get("key") and (wide.get("key") or operator != "Exists"):
        return False
    if wide.get("effect") and narrow.get("effect") != wide.get("effect"):
        return False
    if wide.get("effect") == NO_EXECUTE and wide.get("tolerationSeconds") is not None:
        seconds = narrow.get("tolerationSeconds")
        if seconds is None or seconds > wide["tolerationSeconds"]:
            return False
    if operator == "Exists":
        return True
    return (
        operator == "Equal"
        and (narrow.get("operator") or "Equal") == "Equal"
        and (narrow.get("value") or "") == (wide.get("value") or "")
    )


def merged(tolerations: Sequence[Toleration]) -> list[Toleration]:
    """Without those that others cover; of equal ones the first stays."""
    kept: list[Toleration] = []
    for at, one in enumerate(tolerations):
        later = tolerations[at + 1 :]
        if any(covers(other, one) for other in kept):
            continue
        if any(other != one and covers(other, one) for other in later):
            continue
        kept.append(one)
    return kept
