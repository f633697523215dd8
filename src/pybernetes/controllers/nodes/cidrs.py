"""Ranges of pod addresses for nodes: which are taken, and which is given next. Pure state.

In: the cluster's range and the size of a node's part. Out: a free part, round robin, so that one that was just
freed is the last to be used again. A part belongs to whoever `occupy` or `allocate` named; nothing is remembered
beyond this object: the nodes themselves are the record.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


class Exhausted(Exception):
    """Every part of the range is taken."""


class Ranges:
    """The parts of one range."""

    def __init__(self, cluster_cidr: str, node_mask: int) -> None:
        self.network: Network = ip_network(cluster_cidr, strict=False)
        if node_mask < self.network.prefixlen or node_mask > self.network.max_prefixlen:
            flag = "--node-cidr-mask-size" + ("-ipv6" if self.network.version == 6 else "")
            raise ValueError(
                f"{flag}={node_mask} does not fit into --cluster-cidr={cluster_cidr}: "
                f"choose a number from {self.network.prefixlen} to {self.network.max_prefixlen}"
            )
        self.node_mask = node_mask
        self.count = 1 << (node_mask - self.network.prefixlen)
        self._step = 1 << (self.network.max_prefixlen - node_mask)
        self._taken: dict[int, str] = {}
        self._next = 0

    def __contains__(self, cidr: str) -> bool:
        network = ip_network(cidr, strict=False)
        return network.version == self.network.version and network.overlaps(self.network)

    def occupy(self, cidr: str, owner: str) -> str:
        """Mark a part as taken; answers who already had some of it, "" for nobody. Other ranges are ignored."""
        other = ""
        for index in self._indexes(cidr):
            holder = self._taken.setdefault(index, owner)
            if holder != owner:
                other = holder
        return other

    def allocate(self, owner: str) -> str:
        """A part that nobody has. Raises Exhausted."""
        for offset in range(self.count):
            index = (self._next + offset) % self.count
            if index not in self._taken:
                self._taken[index] = owner
                self._next = (index + 1) % self.count
                return self._part(index)
        raise Exhausted(str(self.network))

    def release(self, owner: str) -> None:
        for index in [index for index, holder in self._taken.items() if holder == owner]:
            del self._taken[index]

    def _part(self, index: int) -> str:
        first = self.network.network_address + index * self._step
        return f"{first}/{self.node_mask}"

    def _indexes(self, cidr: str) -> range:
        network = ip_network(cidr, strict=False)
        if network.version != self.network.version or not network.overlaps(self.network):
            return range(0)
        start = int(self.network.network_address)
        first = max(0, (int(network.network_address) - start) // self._step)
        last = min(self.count - 1, (int(network.broadcast_address) - start) // self._step)
        return range(first, last + 1)
