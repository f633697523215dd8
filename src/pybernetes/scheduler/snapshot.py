"""The cluster as the scheduler sees it: nodes, and the pods that are or are assumed to be on them.

In: nodes and pods, from informers, and assumptions of the binder. Out: `NodeInfo`s for plugins. It is kept
up to date change by change, and `changed_since` names the few nodes that differ from an earlier generation. Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pybernetes.client.interface import Object
from pybernetes.scheduler.podinfo import Group, PodInfo, image_name
from pybernetes.semantics.resources import PODS, Amounts, allocatable

_ANY_ADDRESS = ""


class NodeInfo:
    """One node and what is on it. `generation` grows with every change."""

    __slots__ = (
        "allocatable",
        "generation",
        "groups",
        "labels",
        "max_pods",
        "name",
        "node",
        "nonzero_cpu",
        "nonzero_memory",
        "pods",
        "ports",
        "requested",
        "taints",
        "terminating",
        "unschedulable",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.node: Object | None = None
        self.labels: dict[str, str] = {}
        self.taints: list[Object] = []
        self.unschedulable = False
        self.allocatable: Amounts = {}
        self.max_pods = 0
        self.requested: Amounts = {}
        self.nonzero_cpu = 0
        self.nonzero_memory = 0
        self.pods: dict[str, PodInfo] = {}
        self.ports: dict[tuple[str, str, int], int] = {}
        self.groups: dict[Group, int] = {}
        self.terminating: dict[Group, int] = {}
        self.generation = 0

    def set_node(self, node: Object) -> None:
        spec = node.get("spec") or {}
        self.node = node
        self.labels = node["metadata"].get("labels") or {}
        self.taints = spec.get("taints") or []
        self.unschedulable = bool(spec.get("unschedulable"))
        self.allocatable = allocatable(node)
        self.max_pods = self.allocatable.get(PODS, 0)

    def add(self, pod: PodInfo) -> None:
        self.pods[pod.key] = pod
        self._count(pod, 1)

    def remove(self, pod: PodInfo) -> None:
        del self.pods[pod.key]
        self._count(pod, -1)

    def _count(self, pod: PodInfo, sign: int) -> None:
        requested = self.requested
        for name, number in pod.requests.items():
            requested[name] = requested.get(name, 0) + sign * number
        self.nonzero_cpu += sign * pod.nonzero_cpu
        self.nonzero_memory += sign * pod.nonzero_memory
        for port in pod.ports:
            _bump(self.ports, port, sign)
        _bump(self.groups, pod.group, sign)
        if pod.terminating:
            _bump(self.terminating, pod.group, sign)

    def port_taken(self, port: tuple[str, str, int]) -> bool:
        """Whether a pod on the node has this (address, protocol, port), or has it on every address."""
        address, protocol, number = port
        if address == _ANY_ADDRESS:
            return any(taken[1] == protocol and taken[2] == number for taken in self.ports)
        return port in self.ports or (_ANY_ADDRESS, protocol, number) in self.ports


def _bump(counts: dict[Any, int], key: Any, by: int) -> None:
    number = counts.get(key, 0) + by
    if number:
        counts[key] = number
    else:
        counts.pop(key, None)


class Snapshot:
    """All nodes that exist, with the pods placed on them, assumed ones included."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeInfo] = {}
        self.generation = 0
        self.layout = 0
        """Changes when a node comes or goes."""
        self.affinity_pods: dict[str, PodInfo] = {}
        """Placed pods that have inter-pod affinity of any kind."""
        self.images: dict[str, dict[str, int]] = {}
        """Image name -> node -> size in bytes."""
        self.nominated: dict[str, dict[str, PodInfo]] = {}
        """Node -> pods for which room is being made there."""
        self._places: dict[str, tuple[PodInfo, str]] = {}
        self._assumed: set[str] = set()
        self._unknown: dict[str, NodeInfo] = {}
        self._recent: OrderedDict[str, NodeInfo] = OrderedDict()

    # nodes

    def set_node(self, node: Object) -> NodeInfo:
        name = node["metadata"]["name"]
        info = self.nodes.get(name)
        if info is None:
            info = self._unknown.pop(name, None) or NodeInfo(name)
            self.nodes[name] = info
            self.layout += 1
        info.set_node(node)
        self._forget_images(name)
        for image in (node.get("status") or {}).get("images") or ():
            for one in image.get("names") or ():
                self.images.setdefault(image_name(one), {})[name] = int(image.get("sizeBytes") or 0)
        self._touch(info)
        return info

    def remove_node(self, name: str) -> None:
        info = self.nodes.pop(name, None)
        if info is None:
            return
        self.layout += 1
        self._recent.pop(name, None)
        self._forget_images(name)
        if info.pods:
            info.node = None
            self._unknown[name] = info

    def _forget_images(self, name: str) -> None:
        for image, holders in list(self.images.items()):
            if holders.pop(name, None) is not None and not holders:
                del self.images[image]

    def changed_since(self, generation: int) -> Iterator[NodeInfo]:
        """Nodes that changed after `generation`, the latest first."""
        for info in reversed(self._recent.values()):
            if info.generation <= generation:
                return
            yield info

    def _touch(self, info: NodeInfo) -> None:
        self.generation += 1
        info.generation = self.generation
        if info.name in self.nodes:
            self._recent[info.name] = info
            self._recent.move_to_end(info.name)

    # pods

    def place_of(self, key: str) -> str:
        """The node that the pod is on, or is assumed to be on; "" if none."""
        place = self._places.get(key)
        return place[1] if place else ""

    def is_assumed(self, key: str) -> bool:
        return key in self._assumed

    def add_pod(self, pod: PodInfo, node: str) -> None:
        """The server says that the pod is on the node; replaces what was known of it."""
        self._assumed.discard(pod.key)
        self._remove(pod.key)
        self._add(pod, node)
        self.drop_nomination(pod.key)

    def assume(self, pod: PodInfo, node: str) -> None:
        """Count the pod on the node while its binding is under way."""
        self._remove(pod.key)
        self._add(pod, node)
        self._assumed.add(pod.key)
        self.drop_nomination(pod.key)

    def forget(self, key: str) -> bool:
        """The binding failed. False when the pod is no longer only assumed."""
        if key not in self._assumed:
            return False
        self._assumed.discard(key)
        self._remove(key)
        return True

    def remove_pod(self, key: str) -> str:
        """The pod is gone; answers the node that it was on, "" if none."""
        place = self.place_of(key)
        self._assumed.discard(key)
        self._remove(key)
        self.drop_nomination(key)
        return place

    def _add(self, pod: PodInfo, node: str) -> None:
        info = self.nodes.get(node)
        if info is None:
            info = self._unknown.setdefault(node, NodeInfo(node))
        info.add(pod)
        self._places[pod.key] = (pod, node)
        if pod.terms is not None:
            self.affinity_pods[pod.key] = pod
        self._touch(info)

    def _remove(self, key: str) -> None:
        place = self._places.pop(key, None)
        if place is None:
            return
        pod, node = place
        self.affinity_pods.pop(key, None)
        info = self.nodes.get(node) or self._unknown.get(node)
        if info is not None:
            info.remove(pod)
            self._touch(info)
            if not info.pods:
                self._unknown.pop(node, None)

    # nominations

    def nominate(self, pod: PodInfo, node: str) -> None:
        self.drop_nomination(pod.key)
        self.nominated.setdefault(node, {})[pod.key] = pod

    def drop_nomination(self, key: str) -> None:
        for node, pods in list(self.nominated.items()):
            if pods.pop(key, None) is not None and not pods:
                del self.nominated[node]

    # what if

    @contextmanager
    def supposing(
        self, node: str, *, without: Sequence[PodInfo] = (), also: Sequence[PodInfo] = ()
    ) -> Iterator[None]:
        """As if some pods were not on the node and others were; undone at the end."""
        present = [pod for pod in without if self.place_of(pod.key) == node]
        added = [pod for pod in also if pod.key not in self._places]
        for pod in present:
            self._remove(pod.key)
        for pod in added:
            self._add(pod, node)
        try:
            yield
        finally:
            for pod in added:
                self._remove(pod.key)
            for pod in present:
                self._add(pod, node)
