"""The scheduler's plugins, one file each. `default_profile` puts upstream's default set together."""

from __future__ import annotations

from pybernetes.scheduler.framework import Profile
from pybernetes.scheduler.plugins.balanced_allocation import NodeResourcesBalancedAllocation
from pybernetes.scheduler.plugins.image_locality import ImageLocality
from pybernetes.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from pybernetes.scheduler.plugins.node_affinity import NodeAffinity
from pybernetes.scheduler.plugins.node_name import NodeName
from pybernetes.scheduler.plugins.node_ports import NodePorts
from pybernetes.scheduler.plugins.node_resources_fit import NodeResourcesFit
from pybernetes.scheduler.plugins.node_unschedulable import NodeUnschedulable
from pybernetes.scheduler.plugins.pod_topology_spread import PodTopologySpread
from pybernetes.scheduler.plugins.taint_toleration import TaintToleration
from pybernetes.scheduler.plugins.volume_binding import VolumeBinding
from pybernetes.scheduler.surroundings import Surroundings


def default_profile(around: Surroundings) -> Profile:
    """Filters in upstream's order: the first one that refuses gives the reason."""
    taints, affinity, fit = TaintToleration(), NodeAffinity(), NodeResourcesFit()
    spread, pods = PodTopologySpread(around), InterPodAffinity(around)
    return Profile(
        local_filters=[NodeUnschedulable(), NodeName(), taints, affinity, NodePorts(), fit],
        wide_filters=[VolumeBinding(around), spread, pods],
        local_scores=[taints, affinity, fit, NodeResourcesBalancedAllocation()],
        wide_scores=[spread, pods, ImageLocality()],
    )
