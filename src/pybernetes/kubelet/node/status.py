"""The Node object and its status, as values. Pure.

Source: https://kubernetes.io/docs/reference/node/node-status/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pybernetes import KUBERNETES_VERSION
from pybernetes.api import quantity
from pybernetes.api.resource_names import extended
from pybernetes.kubelet.machine.model import Object
from pybernetes.kubelet.node.machine import Machine
from pybernetes.kubelet.options import KubeletOptions
from pybernetes.semantics.pods import transition_time

MAX_IMAGES = 50
GOOD = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}
BAD = {
    "MemoryPressure": ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    "DiskPressure": ("KubeletHasDiskPressure", "kubelet has disk pressure"),
    "PIDPressure": ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
}


EVENTS = {
    ("MemoryPressure", "False"): "NodeHasSufficientMemory",
    ("MemoryPressure", "True"): "NodeHasInsufficientMemory",
    ("DiskPressure", "False"): "NodeHasNoDiskPressure",
    ("DiskPressure", "True"): "NodeHasDiskPressure",
    ("PIDPressure", "False"): "NodeHasSufficientPID",
    ("PIDPressure", "True"): "NodeHasInsufficientPID",
    ("Ready", "True"): "NodeReady",
    ("Ready", "False"): "NodeNotReady",
}
"""(condition, status) -> the reason of the event that tells of the change"""


@dataclass(slots=True, frozen=True)
class Health:
    """How the node is now. An empty `trouble` means ready."""

    trouble: str = ""
    memory_pressure: bool = False
    disk_pressure: bool = False
    pid_pressure: bool = False


def labels(options: KubeletOptions, machine: Machine) -> dict[str, str]:
    return {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": options.host,
        "kubernetes.io/os": "linux",
        **options.labels,
    }


def capacity(options: KubeletOptions, machine: Machine, disk_size: int) -> dict[str, str]:
    return {
        "cpu": quantity.format_milli(options.cpu or machine.cpu),
        "ephemeral-storage": f"{disk_size // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{(options.memory or machine.memory) // 1024}Ki",
        "pods": str(options.max_pods),
    }


def allocatable(options: KubeletOptions, machine: Machine, disk_size: int) -> dict[str, str]:
    """The capacity less what is kept back for the node before pods are evicted."""
    result = capacity(options, machine, disk_size)
    memory = (options.memory or machine.memory) - options.evict_memory_below
    result["memory"] = f"{max(memory, 0) // 1024}Ki"
    result["ephemeral-storage"] = str(int(disk_size * (1 - options.evict_disk_below)))
    return result


def conditions(health: Health, before: Iterable[Object], now: str) -> list[Object]:
    """The kubelet's four; a transition time moves only when the status does."""
    pressures = {
        "MemoryPressure": health.memory_pressure,
        "DiskPressure": health.disk_pressure,
        "PIDPressure": health.pid_pressure,
    }
    wanted = [
        (kind, "True" if bad else "False", *(BAD if bad else GOOD)[kind]) for kind, bad in pressures.items()
    ]
    if health.trouble:
        wanted.append(("Ready", "False", "KubeletNotReady", health.trouble))
    else:
        wanted.append(("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    known = {condition["type"]: condition for condition in before}
    result = []
    for kind, status, reason, message in wanted:
        result.append(
            {
                "type": kind,
                "status": status,
                "lastHeartbeatTime": now,
                "lastTransitionTime": transition_time(known.get(kind), status, now),
                "reason": reason,
                "message": message,
            }
        )
    return result


def images(found: Iterable[Any]) -> list[Object]:
    """The largest images by CRI's list."""
    ordered = sorted(found, key=lambda image: -image.size)
    result = []
    for image in ordered[:MAX_IMAGES]:
        names = [*image.repo_digests, *image.repo_tags]
        if names:
            result.append({"names": names[:5], "sizeBytes": image.size})
    return result


def status(
    options: KubeletOptions,
    machine: Machine,
    health: Health,
    *,
    disk_size: int,
    runtime_version: str,
    port: int,
    found_images: Iterable[Any],
    before: Iterable[Object],
    now: str,
    offered: Mapping[str, str] | None = None,
) -> Object:
    """`offered` is the capacity that the API shows: extended resources in it are allocatable as they are."""
    return {
        "addresses": [
            *({"type": "InternalIP", "address": address} for address in options.node_ips),
            {"type": "Hostname", "address": options.host},
        ],
        "capacity": capacity(options, machine, disk_size),
        "allocatable": {**extended(offered), **allocatable(options, machine, disk_size)},
        "conditions": conditions(health, before, now),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "images": images(found_images),
        "nodeInfo": {
            "architecture": machine.architecture,
            "bootID": machine.boot_id,
            "containerRuntimeVersion": runtime_version,
            "kernelVersion": machine.kernel,
            "kubeProxyVersion": "",
            "kubeletVersion": KUBERNETES_VERSION,
            "machineID": machine.machine_id,
            "operatingSystem": "linux",
            "osImage": machine.os_image,
            "systemUUID": machine.system_uuid,
        },
    }


def node(options: KubeletOptions, machine: Machine, first_status: Object) -> Object:
    """What is registered."""
    spec: Object = {}
    if options.provider_id:
        spec["providerID"] = options.provider_id
    if options.taints:
        spec["taints"] = list(options.taints)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": options.node_name,
            "labels": labels(options, machine),
            "annotations": {
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                **options.annotations,
            },
        },
        "spec": spec,
        "status": first_status,
    }


def essence(shown: Object) -> Object:
    """A status without its heartbeats: when this changes, the status is written at once."""
    return {
        **shown,
        "conditions": [
            {name: value for name, value in condition.items() if name != "lastHeartbeatTime"}
            for condition in shown["conditions"]
        ],
    }
