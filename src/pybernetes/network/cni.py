"""The CNI configuration of a node's pods: podCIDRs in, the JSON text that containerd reads out.

A bridge per node with host-local addresses. host-local keeps the addresses in use on disk, so that a
restart gives none out twice; the last one given out is remembered too, so that a freed address rests.
Source: https://www.cni.dev/plugins/current/main/bridge/ and /ipam/host-local/
"""

from __future__ import annotations

import json
from collections.abc import Sequence

NETWORK = "pybernetes"
BRIDGE = "cni0"
FILE = "10-pybernetes.conflist"
STATE = "/var/lib/cni/networks"


def conflist(pod_cidrs: Sequence[str], mtu: int) -> str:
    """The configuration for the node's podCIDRs (one of each family at most)."""
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "isDefaultGateway": True,
        "forceAddress": True,
        "hairpinMode": True,
        "ipMasq": False,
        "mtu": mtu,
        "ipam": {
            "type": "host-local",
            "dataDir": STATE,
            "ranges": [[{"subnet": cidr}] for cidr in pod_cidrs],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    return json.dumps({"cniVersion": "0.4.0", "name": NETWORK, "plugins": [bridge, ports]}, indent=1) + "\n"
