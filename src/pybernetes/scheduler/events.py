"""Which changes in the cluster may help which pods that wait. Pure data.

A pod that plugins refused comes back when something happens that one of them cares about.
"""

from __future__ import annotations

from enum import Enum, auto


class ClusterEvent(Enum):
    """What happened, as far as scheduling is concerned."""

    NODE_ADDED = auto()
    NODE_CHANGED = auto()
    NODE_REMOVED = auto()
    POD_PLACED = auto()
    POD_CHANGED = auto()
    POD_GONE = auto()
    CLAIM_CHANGED = auto()
    VOLUME_CHANGED = auto()
    NAMESPACE_CHANGED = auto()


_NODE = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.NODE_CHANGED})
_PODS = frozenset({ClusterEvent.POD_PLACED, ClusterEvent.POD_CHANGED, ClusterEvent.POD_GONE})

INTEREST: dict[str, frozenset[ClusterEvent]] = {
    "NodeUnschedulable": _NODE,
    "NodeName": _NODE,
    "TaintToleration": _NODE,
    "NodeAffinity": _NODE,
    "NodePorts": _NODE | {ClusterEvent.POD_GONE},
    "NodeResourcesFit": _NODE | {ClusterEvent.POD_GONE, ClusterEvent.POD_CHANGED},
    "VolumeBinding": _NODE | {ClusterEvent.CLAIM_CHANGED, ClusterEvent.VOLUME_CHANGED},
    "PodTopologySpread": _NODE | _PODS | {ClusterEvent.NODE_REMOVED},
    "InterPodAffinity": _NODE | _PODS | {ClusterEvent.NAMESPACE_CHANGED},
}

WIDE = frozenset({"VolumeBinding", "PodTopologySpread", "InterPodAffinity"})
"""Plugins whose answer for one node can change with another node: a look at one node does not settle it."""


def may_help(plugins: frozenset[str], event: ClusterEvent) -> bool:
    """Without plugins (there were no nodes) only a node helps."""
    if not plugins:
        return event in _NODE
    return any(event in INTEREST.get(plugin, frozenset()) for plugin in plugins)
