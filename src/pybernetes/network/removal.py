"""What a node's network leaves on a machine for good, and how to take it away: ranges in, commands out. Pure.

A node's process leaves its rules and routes when it ends, so that pods go on; this is for a machine that is to be
a node no longer. Every command may fail because there is nothing to take away.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

from pybernetes.network import cni, masquerade
from pybernetes.network.overlay.plan import DEVICE
from pybernetes.network.policy.ruleset import TABLE as POLICIES
from pybernetes.network.routes import PROTOCOL
from pybernetes.network.services.ruleset import TABLE as SERVICES
from pybernetes.network.tables import WORDS

ADDRESSES = Path(cni.STATE) / cni.NETWORK
"""Where pods' addresses in use are noted."""


def commands(on_loopback: Iterable[str]) -> list[list[str]]:
    """`on_loopback` are the addresses that the node may have taken: of cluster DNS and of load balancers."""
    tables = [
        ["nft", "delete", "table", words.family, name]
        for words in WORDS.values()
        for name in (SERVICES, POLICIES, masquerade.TABLE)
    ]
    routes = [["ip", family, "route", "flush", "proto", str(PROTOCOL)] for family in ("-4", "-6")]
    addresses = []
    for address in on_loopback:
        length = ipaddress.ip_address(address).max_prefixlen
        addresses.append(["ip", "addr", "del", f"{address}/{length}", "dev", "lo"])
    return [*tables, *routes, ["ip", "link", "del", DEVICE], *addresses]
