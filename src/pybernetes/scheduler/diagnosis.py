"""Why a pod was not placed, in upstream's words: `0/2 nodes are available: 1 Insufficient cpu, ...`. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pybernetes.scheduler.framework import Refusal

NO_NODES = "no nodes available to schedule pods"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
MESSAGE_LIMIT = 1024


@dataclass(slots=True)
class Diagnosis:
    """The refusals by node, or one that counts for all of them (`everywhere`)."""

    nodes: int
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    everywhere: Refusal | None = None
    preemption: str = ""

    @property
    def plugins(self) -> frozenset[str]:
        """Which plugins refused: what has to change before another try makes sense."""
        found = {one.plugin for one in self.refusals.values()}
        if self.everywhere is not None:
            found.add(self.everywhere.plugin)
        return frozenset(found)

    def message(self) -> str:
        if not self.nodes:
            return NO_NODES
        if self.everywhere is not None:
            text = f"0/{self.nodes} nodes are available: {', '.join(self.everywhere.reasons)}."
        else:
            text = nodes_available(self.nodes, self.refusals.values())
        return f"{text} {self.preemption}" if self.preemption else text


def nodes_available(nodes: int, refusals: Iterable[Refusal]) -> str:
    """`0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.`"""
    found = Counter(refusals)
    reasons: Counter[str] = Counter()
    for refused, number in found.items():
        for reason in refused.reasons:
            reasons[reason] += number
    listed = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
    return f"0/{nodes} nodes are available: {listed}." if listed else f"0/{nodes} nodes are available:"


class Unschedulable(Exception):
    """No node takes the pod now."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.message())
        self.diagnosis = diagnosis


def shortened(message: str) -> str:
    """At most as long as the note of an Event may be."""
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 4] + " ..."
