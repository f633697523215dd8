"""Nodes, pods and a small world to schedule in, for the scheduler's tests."""

from __future__ import annotations

import itertools
import random
from typing import Any

from pybernetes.client.interface import Object
from pybernetes.scheduler.cycle import Cycle
from pybernetes.scheduler.diagnosis import Unschedulable
from pybernetes.scheduler.plugins import default_profile
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import Snapshot
from pybernetes.scheduler.surroundings import Surroundings

_numbers = itertools.count(1)


def node(
    name: str,
    cpu: str = "4",
    memory: str = "8Gi",
    pods: str = "110",
    *,
    zone: str = "",
    labels: dict[str, str] | None = None,
    taints: list[Object] | None = None,
    unschedulable: bool = False,
    images: dict[str, int] | None = None,
    **extended: str,
) -> Object:
    labels = {"kubernetes.io/hostname": name, **(labels or {})}
    if zone:
        labels["topology.kubernetes.io/zone"] = zone
    spec: Object = {}
    if taints:
        spec["taints"] = taints
    if unschedulable:
        spec["unschedulable"] = True
    more = {key.replace("_", "/"): value for key, value in extended.items()}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": pods, **more},
            "images": [{"names": [image], "sizeBytes": size} for image, size in (images or {}).items()],
        },
    }


def pod(
    name: str = "",
    cpu: str = "",
    memory: str = "",
    *,
    labels: dict[str, str] | None = None,
    namespace: str = "default",
    priority: int = 0,
    status: Object | None = None,
    requests: dict[str, str] | None = None,
    ports: list[Object] | None = None,
    owner: Object | None = None,
    image: str = "web:1",
    **spec: Any,
) -> Object:
    name = name or f"pod-{next(_numbers)}"
    wanted = {"cpu": cpu, "memory": memory, **(requests or {})}
    container: Object = {
        "name": "main",
        "image": image,
        "resources": {"requests": {key: value for key, value in wanted.items() if value}},
    }
    if ports:
        container["ports"] = ports
    meta: Object = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels or {}}
    if owner:
        meta["ownerReferences"] = [{**owner, "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [container], "priority": priority, **spec},
        "status": status or {},
    }


class World:
    """A snapshot and a cycle over it."""

    def __init__(self, *nodes: Object, around: Surroundings | None = None) -> None:
        self.snapshot = Snapshot()
        for one in nodes:
            self.snapshot.set_node(one)
        self.around = around or Surroundings()
        self.cycle = Cycle(default_profile(self.around), self.snapshot, random.Random(1))

    def put(self, obj: Object, on: str) -> PodInfo:
        """A pod that is there already."""
        info = PodInfo(obj)
        self.snapshot.add_pod(info, on)
        return info

    def place(self, obj: Object) -> str:
        """Schedule and assume; the node."""
        info = PodInfo(obj)
        chosen = self.cycle.schedule(info).node
        self.snapshot.assume(info, chosen)
        return chosen

    def why_not(self, obj: Object) -> str:
        """The message with which the pod is refused."""
        try:
            chosen = self.cycle.schedule(PodInfo(obj)).node
        except Unschedulable as error:
            return str(error)
        raise AssertionError(f"the pod went to {chosen}")

    def feasible(self, obj: Object) -> set[str]:
        """Every node that would take the pod."""
        info = PodInfo(obj)
        return {
            name
            for name, candidate in self.snapshot.nodes.items()
            if self.cycle.refusal_of(info, candidate) is None
        }
