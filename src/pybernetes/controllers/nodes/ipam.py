"""The node IPAM controller: every node gets its part of the cluster's pod addresses, for as long as it exists.

In: nodes. Out: `spec.podCIDR` and `spec.podCIDRs` of those that have none. What is given away is read off the nodes
themselves when the process starts. The part of a node that is gone is free only when its last pod is gone too.
"""

from __future__ import annotations

from pybernetes.api.errors import APIError
from pybernetes.api.kinds import NODES, PODS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import patch_of
from pybernetes.controllers.nodes.cidrs import Exhausted, Ranges
from pybernetes.controllers.nodes.lifecycle import NODE_INDEX, index_by_node
from pybernetes.controllers.objects import is_deleting, name_of, with_kind
from pybernetes.controllers.options import Options
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.pods import node_name


def ranges_of(options: Options) -> list[Ranges]:
    """One for each family in `--cluster-cidr`, without the addresses of services. Raises ValueError."""
    ranges = []
    four = options.node_cidr_mask_size_ipv4 or options.node_cidr_mask_size
    for cidr in options.cluster_cidr.split(","):
        mask = options.node_cidr_mask_size_ipv6 if ":" in cidr else four
        one = Ranges(cidr.strip(), mask)
        for services in options.service_cluster_ip_range.split(","):
            if services and services.strip() in one:
                one.occupy(services.strip(), "services")
        ranges.append(one)
    return ranges


def cidrs_of(node: Object) -> list[str]:
    spec = node.get("spec") or {}
    return spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])


class NodeIpamController(Reconciler):
    name = "node-ipam-controller"
    source = "cidrAllocator"
    workers = 1

    def __init__(self, context: Context) -> None:
        self.ranges = ranges_of(context.options)
        self._gone: set[str] = set()
        super().__init__(context)

    def watch(self) -> None:
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(
            added=self._node_seen, updated=lambda old, new: self._node_seen(new), deleted=self._node_deleted
        )
        self.pods = self.informer(PODS)
        self.pods.add_index(NODE_INDEX, index_by_node)
        self.pods.add_handler(deleted=self._pod_deleted)

    def _node_seen(self, node: Object) -> None:
        name = name_of(node)
        self._gone.discard(name)
        cidrs = cidrs_of(node)
        if not cidrs:
            if self.options.allocate_node_cidrs and not is_deleting(node):
                self.queue.add(name)
            return
        for cidr in cidrs:
            for one in self.ranges:
                other = one.occupy(cidr, name)
                if other:
                    self.log.error("the pod range %s of node %s is also that of %s", cidr, name, other)

    def _node_deleted(self, node: Object) -> None:
        name = name_of(node)
        self._gone.add(name)
        self._release_if_empty(name)

    def _pod_deleted(self, pod: Object) -> None:
        if self._gone:
            self._release_if_empty(node_name(pod))

    def _release_if_empty(self, name: str) -> None:
        if name in self._gone and not self.pods.store.by_index(NODE_INDEX, name):
            self._gone.discard(name)
            for one in self.ranges:
                one.release(name)

    async def sync(self, key: str) -> None:
        node = self.nodes.store.get(key)
        if node is None or cidrs_of(node) or is_deleting(node):
            return
        try:
            cidrs = [one.allocate(key) for one in self.ranges]
        except Exhausted:
            self._release(key)
            message = f"Node {key} status is now: CIDRNotAvailable"
            self.recorder.event(with_kind(node, NODES), "Normal", "CIDRNotAvailable", message)
            self.queue.add_after(key, 30)
            return
        try:
            patch = {"spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs}}
            await self.act(patch_of(NODES, node, patch))
        except APIError:
            self._release(key)
            current = self.nodes.store.get(key)
            if current is not None:
                self._node_seen(current)
            raise

    def _release(self, name: str) -> None:
        for one in self.ranges:
            one.release(name)
