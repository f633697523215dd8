"""How fast pods may be driven from nodes, by how bad things look in each zone. Pure.

In: all nodes. Out: a state for each zone, and seconds between two nodes being tainted there; infinity means never.
Source: https://kubernetes.io/docs/concepts/architecture/nodes/#rate-limits-on-eviction
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import inf

from pybernetes.controllers.nodes.health import ready_status
from pybernetes.controllers.objects import Object, labels_of
from pybernetes.controllers.options import Options
from pybernetes.semantics.nodes import REGION, ZONE

NORMAL, PARTIAL, FULL = "Normal", "PartialDisruption", "FullDisruption"


def zone_of(node: Object) -> str:
    labels = labels_of(node)
    region = labels.get(REGION, "")
    zone = labels.get(ZONE, "")
    return f"{region}/{zone}" if region or zone else ""


def states(nodes: Iterable[Object], unhealthy_threshold: float) -> dict[str, tuple[str, int]]:
    """For each zone its state and how many nodes it has."""
    ready: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for node in nodes:
        (ready if ready_status(node) == "True" else broken)[zone_of(node)] += 1
    found: dict[str, tuple[str, int]] = {}
    for zone in ready.keys() | broken.keys():
        total = ready[zone] + broken[zone]
        state = NORMAL
        if broken[zone] and not ready[zone]:
            state = FULL
        elif broken[zone] > 2 and broken[zone] / total >= unhealthy_threshold:
            state = PARTIAL
        found[zone] = (state, total)
    return found


def all_disrupted(zones: dict[str, tuple[str, int]]) -> bool:
    """No node anywhere is Ready: more likely the master is cut off than every node dead. Nothing is evicted."""
    return bool(zones) and all(state == FULL for state, _ in zones.values())


def pause_between(state: str, size: int, options: Options) -> float:
    """Seconds between two nodes of a zone being emptied."""
    rate = options.node_eviction_rate
    if state == PARTIAL:
        rate = options.secondary_node_eviction_rate if size > options.large_cluster_size_threshold else 0.0
    return 1 / rate if rate > 0 else inf
