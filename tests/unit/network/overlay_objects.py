"""Nodes for tests, with as few words as possible."""

from __future__ import annotations

from typing import Any


def node(name: str, address: str | None, cidr: str | None) -> dict[str, Any]:
    """Several addresses, or podCIDRs, are parted by spaces."""
    obj: dict[str, Any] = {"metadata": {"name": name}, "spec": {}, "status": {}}
    if address:
        internal = [{"type": "InternalIP", "address": one} for one in address.split()]
        obj["status"]["addresses"] = [{"type": "Hostname", "address": name}, *internal]
    if cidr:
        obj["spec"] = {"podCIDR": cidr.split()[0], "podCIDRs": cidr.split()}
    return obj
