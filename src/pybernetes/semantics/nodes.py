"""What a node says about itself: readiness, addresses, where it is, whether traffic from outside may come to it.

Nodes are decoded JSON and are never changed.
Source: the Kubernetes documentation pages "Node Status" and "Well-Known Labels, Annotations and Taints".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pybernetes.semantics.pods import condition_is_true

Object = Mapping[str, Any]

ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
HOSTNAME = "kubernetes.io/hostname"
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


def is_node_ready(node: Object) -> bool:
    return condition_is_true(node.get("status"), "Ready")


def internal_addresses(node: Object) -> list[str]:
    """The node's InternalIPs, in its own order."""
    entries = (node.get("status") or {}).get("addresses") or ()
    return [str(one["address"]) for one in entries if one.get("type") == "InternalIP"]


def takes_outside_traffic(node: Object) -> bool:
    """Whether load balancers may use the node."""
    return is_node_ready(node) and EXCLUDED not in (node["metadata"].get("labels") or ())
