"""What scheduling needs to know of a pod, worked out once. In: a Pod; out: `PodInfo`. Pure.

`signature` stands for everything about a pod that a single node's answer depends on: pods of one ReplicaSet have
equal signatures, and the cycle reuses the answers.
"""

from __future__ import annotations

import sys
from functools import cached_property, lru_cache
from typing import Any

import msgspec

from pybernetes.client.interface import Object, object_key
from pybernetes.semantics.affinity import PodTerm, pod_terms
from pybernetes.semantics.pods import containers_of, host_ports, priority, scheduling_gates
from pybernetes.semantics.resources import Amounts, nonzero_requests, pod_requests

DEFAULT_SCHEDULER = "default-scheduler"

LabelsKey = tuple[tuple[str, str], ...]
Group = tuple[str, LabelsKey]
"""A namespace and labels: what a selector tells pods apart by."""

_encode = msgspec.json.Encoder(order="sorted").encode


@lru_cache(maxsize=4096)
def _same_group(namespace: str, labels: LabelsKey) -> Group:
    return namespace, labels


@lru_cache(maxsize=4096)
def _same_bytes(signature: bytes) -> bytes:
    return signature


class Terms:
    """A pod's inter-pod affinity, ready to match."""

    __slots__ = ("affinity", "anti", "preferred", "preferred_anti")

    def __init__(self, pod: Object) -> None:
        self.affinity: list[PodTerm]
        self.preferred: list[PodTerm]
        self.anti: list[PodTerm]
        self.preferred_anti: list[PodTerm]
        self.affinity, self.preferred = pod_terms(pod, "podAffinity")
        self.anti, self.preferred_anti = pod_terms(pod, "podAntiAffinity")


class PodInfo:
    """One pod. `obj` is shared and never changed; everything else follows from it."""

    def __init__(self, obj: Object) -> None:
        meta, spec = obj["metadata"], obj["spec"]
        self.obj = obj
        self.key: str = sys.intern(object_key(obj))
        self.uid: str = meta.get("uid", "")
        self.name: str = meta["name"]
        self.namespace: str = meta.get("namespace", "")
        self.labels: dict[str, str] = meta.get("labels") or {}
        self.group = _same_group(self.namespace, tuple(sorted(self.labels.items())))
        self.terminating = bool(meta.get("deletionTimestamp"))
        self.priority = priority(obj)
        self.node_name: str = spec.get("nodeName") or ""
        self.requests: Amounts = {
            name: n for name, n in pod_requests(obj, with_status=bool(self.node_name)).items() if n
        }
        self.nonzero_cpu, self.nonzero_memory = nonzero_requests(obj)
        self.ports = host_ports(obj)
        self.tolerations: list[Object] = spec.get("tolerations") or []
        affinity = spec.get("affinity")
        has_terms = bool(affinity and (affinity.get("podAffinity") or affinity.get("podAntiAffinity")))
        self.terms: Terms | None = Terms(obj) if has_terms else None

    @property
    def nominated_node(self) -> str:
        return (self.obj.get("status") or {}).get("nominatedNodeName") or ""

    @property
    def scheduler_name(self) -> str:
        return self.obj["spec"].get("schedulerName") or DEFAULT_SCHEDULER

    @property
    def gates(self) -> list[str]:
        return scheduling_gates(self.obj)

    @cached_property
    def images(self) -> list[str]:
        """Normalized names of all images that the pod starts with."""
        spec = self.obj["spec"]
        containers = containers_of(spec)
        return [image_name(one.get("image") or "") for one in containers]

    @cached_property
    def signature(self) -> bytes:
        spec = self.obj["spec"]
        affinity = spec.get("affinity") or {}
        facts: list[Any] = [
            self.requests,
            self.nonzero_cpu,
            self.nonzero_memory,
            self.ports,
            self.tolerations,
            spec.get("nodeSelector"),
            affinity.get("nodeAffinity"),
            self.node_name,
        ]
        return _same_bytes(_encode(facts))


def image_name(name: str) -> str:
    """With `:latest` where there is no tag, as nodes report their images."""
    return name if name.rfind(":") > name.rfind("/") else name + ":latest"
