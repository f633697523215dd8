"""The nftables rules by which pods reach what is outside the cluster: networks in, the ruleset's text out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

TABLE = "pybernetes-pods"


def ruleset(pod_cidrs: Sequence[str], cluster_cidr: str) -> str:
    """Traffic of this node's pods that leaves the pod network takes the node's own address.

    The first two lines make it replace the table as a whole, in one transaction.
    """
    own = ", ".join(cidr for cidr in pod_cidrs if ":" not in cidr)
    return (
        f"table ip {TABLE}\n"
        f"delete table ip {TABLE}\n"
        f"table ip {TABLE} {{\n"
        f"\tchain postrouting {{\n"
        f"\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
        f"\t\tip saddr {{ {own} }} ip daddr != {{ {cluster_cidr}, 224.0.0.0/4 }} masquerade\n"
        f"\t}}\n"
        f"}}\n"
    )
