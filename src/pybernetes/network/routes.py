"""Which routes a node needs to reach the pods of the others: Node objects in, `ip` commands out. Pure.

Routes that this program sets carry a protocol number of their own, so that it finds its own again after
a restart and never touches anybody else's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

PROTOCOL = 139

Routes = dict[str, str]
"""Destination (a podCIDR) -> the address of the node that has it."""


def node_address(node: Mapping[str, Any], family: int = 4) -> str | None:
    """The node's first InternalIP of that family."""
    return next(iter(node_addresses(node, family)), None)


def node_addresses(node: Mapping[str, Any], family: int = 4) -> tuple[str, ...]:
    """The node's InternalIPs of that family."""
    return tuple(
        str(entry["address"])
        for entry in node.get("status", {}).get("addresses", [])
        if entry.get("type") == "InternalIP" and ipaddress.ip_address(entry["address"]).version == family
    )


def pod_cidrs(node: Mapping[str, Any]) -> list[str]:
    """`spec.podCIDRs`, or `spec.podCIDR` alone; empty until the node has been given one."""
    spec = node.get("spec", {})
    single = [spec["podCIDR"]] if spec.get("podCIDR") else []
    return list(spec.get("podCIDRs") or single)


def to_others(nodes: Iterable[Mapping[str, Any]], own: str) -> Routes:
    """The routes of the node named `own`: one to each podCIDR of every other node."""
    wanted: Routes = {}
    for node in nodes:
        if node["metadata"]["name"] != own:
            wanted.update(to_node(node))
    return wanted


def to_node(node: Mapping[str, Any]) -> Routes:
    """The routes by which somebody else reaches this node's pods (IPv4)."""
    address = node_address(node)
    if address is None:
        return {}
    return {cidr: address for cidr in pod_cidrs(node) if ipaddress.ip_network(cidr).version == 4}


def present(listed: Iterable[Mapping[str, Any]]) -> Routes:
    """What `ip -j route show proto 139` says."""
    return {route["dst"]: route.get("gateway", "") for route in listed}


def changes(wanted: Routes, now: Routes, *, remove: bool = True) -> list[str]:
    """The `ip -batch` lines that lead from the routes as they are to those wanted."""
    lines = [
        f"route replace {cidr} via {address} proto {PROTOCOL}"
        for cidr, address in sorted(wanted.items())
        if now.get(cidr) != address
    ]
    if remove:
        lines += [f"route del {cidr} proto {PROTOCOL}" for cidr in sorted(now.keys() - wanted.keys())]
    return lines
