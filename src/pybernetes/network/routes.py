"""What Node objects say about addresses: a Node in, its own addresses and its pods' ranges out. Pure.

Routes that this program sets carry a protocol number of their own, so that it finds its own again after
a restart and never touches anybody else's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from pybernetes.semantics.nodes import internal_addresses

PROTOCOL = 139


def node_address(node: Mapping[str, Any], family: int = 4) -> str | None:
    """The node's first InternalIP of that family."""
    return next(iter(node_addresses(node, family)), None)


def node_addresses(node: Mapping[str, Any], family: int = 4) -> tuple[str, ...]:
    """The node's InternalIPs of that family."""
    return tuple(one for one in internal_addresses(node) if ipaddress.ip_address(one).version == family)


def pod_cidrs(node: Mapping[str, Any]) -> list[str]:
    """`spec.podCIDRs`, or `spec.podCIDR` alone; empty until the node has been given one."""
    spec = node.get("spec", {})
    single = [spec["podCIDR"]] if spec.get("podCIDR") else []
    return list(spec.get("podCIDRs") or single)
