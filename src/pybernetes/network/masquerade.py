"""The nftables rules by which pods reach what is outside the cluster: networks in, the ruleset's text out. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from pybernetes.network.tables import WORDS

TABLE = "pybernetes-pods"
MULTICAST = {4: "224.0.0.0/4", 6: "ff00::/8"}


def table(family: int) -> tuple[str, str]:
    return WORDS[family].family, TABLE


def rulesets(pod_cidrs: Sequence[str], cluster_cidrs: Sequence[str]) -> dict[int, str]:
    """Traffic of this node's pods that leaves the pod network takes the node's own address: a table for each
    family that the pods have."""
    families = sorted({ipaddress.ip_network(cidr).version for cidr in pod_cidrs})
    return {
        family: _table(family, _of_family(pod_cidrs, family), _of_family(cluster_cidrs, family))
        for family in families
    }


def _table(family: int, own: Sequence[str], cluster: Sequence[str]) -> str:
    """The first two lines make it replace what there was, in one transaction."""
    ip = WORDS[family].family
    inside = ", ".join((*cluster, MULTICAST[family]))
    return (
        f"table {ip} {TABLE}\n"
        f"delete table {ip} {TABLE}\n"
        f"table {ip} {TABLE} {{\n"
        f"\tchain postrouting {{\n"
        f"\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
        f"\t\t{ip} saddr {{ {', '.join(own)} }} {ip} daddr != {{ {inside} }} masquerade\n"
        f"\t}}\n"
        f"}}\n"
    )


def _of_family(cidrs: Iterable[str], family: int) -> list[str]:
    return [cidr for cidr in cidrs if ipaddress.ip_network(cidr).version == family]
