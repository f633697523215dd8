"""The seams of a scheduling cycle: what a plugin is asked, and what it may answer. Pure.

A `LocalFilter` or `LocalScore` looks at the pod and one node only; its answers are kept for pods of equal signature
until the node changes. A `WideFilter` or `WideScore` may look at the whole snapshot; it is asked for each pod.
See docs/checklists for adding one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo, Snapshot

MAX_SCORE = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a node does not take a pod. `resolvable`: removing other pods from the node might help."""

    plugin: str
    reasons: tuple[str, ...]
    resolvable: bool = True


@lru_cache(maxsize=1024)
def refusal(plugin: str, *reasons: str, resolvable: bool = True) -> Refusal:
    """The one `Refusal` with this content."""
    return Refusal(plugin, reasons, resolvable)


Check = Callable[[NodeInfo], Refusal | None]
Score = Callable[[NodeInfo], int]


class LocalFilter(Protocol):
    name: str

    def check(self, pod: PodInfo) -> Check | None:
        """A check of single nodes, or None when every node will do. It may use what `signature` covers."""
        ...


class WideFilter(Protocol):
    name: str

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Check | Refusal | None:
        """A check for this pod now; a Refusal when no node will do; None when every node will."""
        ...


class LocalScore(Protocol):
    """`normalize`: 0 takes the scores (0 to 100) as they are; 1 scales so that the largest is 100;
    -1 does that and turns them round."""

    name: str
    weight: int
    normalize: int

    def score(self, pod: PodInfo) -> Score | None: ...


class WideScore(Protocol):
    name: str
    weight: int

    def scores(self, pod: PodInfo, snapshot: Snapshot, nodes: Sequence[NodeInfo]) -> list[int] | None:
        """0 to 100 for each of the nodes, in order; None when the plugin makes no difference."""
        ...


@dataclass(slots=True)
class Profile:
    """Which plugins take part, in order."""

    local_filters: Sequence[LocalFilter] = ()
    wide_filters: Sequence[WideFilter] = ()
    local_scores: Sequence[LocalScore] = ()
    wide_scores: Sequence[WideScore] = ()


def scaled(raw: Sequence[int], *, turned: bool) -> list[int] | None:
    """Scores scaled to the largest, None when all come out the same."""
    largest = max(raw, default=0)
    if largest == 0 or min(raw) == largest:
        return None
    if turned:
        return [MAX_SCORE - MAX_SCORE * one // largest for one in raw]
    return [MAX_SCORE * one // largest for one in raw]
