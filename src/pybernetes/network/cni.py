"""The CNI configuration of a node's pods: podCIDRs in, the JSON text that containerd reads out.

Each pod hangs on its node by a link of its own and everything it sends is routed: so services, policies and
masquerade see all of it, also between two pods of one node, whatever the kernel does with bridged packets.
Host ports are the service proxy's. host-local keeps the addresses in use on disk, so that a
restart gives none out twice; the last one given out is remembered too, so that a freed address rests.
Source: https://www.cni.dev/plugins/current/main/ptp/ and /ipam/host-local/
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence

NETWORK = "pybernetes"
FILE = "10-pybernetes.conflist"
STATE = "/var/lib/cni/networks"


def conflist(pod_cidrs: Sequence[str], mtu: int) -> str:
    """The configuration for the node's podCIDRs (one of each family at most)."""
    families = [ipaddress.ip_network(cidr).version for cidr in pod_cidrs]
    anywhere = {4: "0.0.0.0/0", 6: "::/0"}
    link = {
        "type": "ptp",
        "ipMasq": False,
        "mtu": mtu,
        "ipam": {
            "type": "host-local",
            "dataDir": STATE,
            "ranges": [[{"subnet": cidr}] for cidr in pod_cidrs],
            "routes": [{"dst": anywhere[family]} for family in families],
        },
    }
    return json.dumps({"cniVersion": "0.4.0", "name": NETWORK, "plugins": [link]}, indent=1) + "\n"
