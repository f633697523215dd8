"""Images that a node already has: the larger they are, and the more nodes have them, the better."""

from __future__ import annotations

from collections.abc import Sequence

from pybernetes.scheduler.framework import MAX_SCORE
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo, Snapshot

_MEGABYTE = 1024 * 1024
LEAST, MOST_PER_CONTAINER = 23 * _MEGABYTE, 1000 * _MEGABYTE


class ImageLocality:
    name = "ImageLocality"
    weight = 1

    def scores(self, pod: PodInfo, snapshot: Snapshot, nodes: Sequence[NodeInfo]) -> list[int] | None:
        held = [snapshot.images[image] for image in pod.images if image in snapshot.images]
        if not held:
            return None
        most = MOST_PER_CONTAINER * len(pod.images)
        total = len(snapshot.nodes)
        weighted = [(holders, len(holders) / total) for holders in held]
        scores: list[int] = []
        for info in nodes:
            size = 0
            for holders, spread in weighted:
                size += int(holders.get(info.name, 0) * spread)
            scores.append(MAX_SCORE * (min(max(size, LEAST), most) - LEAST) // (most - LEAST))
        return scores
