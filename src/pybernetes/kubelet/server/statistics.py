"""What node, pods and containers use, as `/stats/summary` and as Prometheus text.

Source: https://kubernetes.io/docs/reference/instrumentation/node-metrics/
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from pybernetes.api.times import format_time
from pybernetes.kubelet.cri import labels
from pybernetes.kubelet.kubelet import Kubelet
from pybernetes.kubelet.node.machine import disk, memory_info


def _node_cpu_nanos() -> int:
    """Busy time of the whole machine since its start."""
    ticks = os.sysconf("SC_CLK_TCK")
    with open("/proc/stat") as file:
        fields = [int(field) for field in file.readline().split()[1:]]
    busy = sum(fields[:3]) + sum(fields[5:8])
    return busy * 1_000_000_000 // ticks


def _container(stats: Any, started: str) -> dict[str, Any]:
    at = format_time(datetime.fromtimestamp(stats.cpu.timestamp / 1e9, UTC))
    return {
        "name": stats.attributes.labels.get(labels.CONTAINER_NAME, ""),
        "startTime": started,
        "cpu": {
            "time": at,
            "usageNanoCores": stats.cpu.usage_nano_cores.value,
            "usageCoreNanoSeconds": stats.cpu.usage_core_nano_seconds.value,
        },
        "memory": {
            "time": at,
            "usageBytes": stats.memory.usage_bytes.value or stats.memory.working_set_bytes.value,
            "workingSetBytes": stats.memory.working_set_bytes.value,
            "rssBytes": stats.memory.rss_bytes.value,
        },
        "rootfs": {
            "time": at,
            "usedBytes": stats.writable_layer.used_bytes.value,
            "inodesUsed": stats.writable_layer.inodes_used.value,
        },
    }


async def summary(kubelet: Kubelet) -> dict[str, Any]:
    now = format_time(kubelet.clock.now())
    pods = []
    by_uid: dict[str, list[Any]] = {}
    for stats in await kubelet.cri.container_stats():
        by_uid.setdefault(stats.attributes.labels.get(labels.POD_UID, ""), []).append(stats)
    for uid, worker in kubelet.workers.items():
        meta = worker.pod["metadata"]
        started = (worker.machine.status or {}).get("startTime") or now
        containers = [_container(stats, started) for stats in by_uid.get(uid, ())]
        pods.append(
            {
                "podRef": {"name": meta["name"], "namespace": meta.get("namespace", ""), "uid": uid},
                "startTime": started,
                "containers": containers,
                "cpu": {
                    "time": now,
                    "usageNanoCores": sum(one["cpu"]["usageNanoCores"] for one in containers),
                    "usageCoreNanoSeconds": sum(one["cpu"]["usageCoreNanoSeconds"] for one in containers),
                },
                "memory": {
                    "time": now,
                    "usageBytes": sum(one["memory"]["usageBytes"] for one in containers),
                    "workingSetBytes": sum(one["memory"]["workingSetBytes"] for one in containers),
                },
            }
        )
    memory, filesystem = memory_info(), disk(kubelet.options.root)
    total, available = memory.get("MemTotal", 0), memory.get("MemAvailable", 0)
    shown_disk = {
        "time": now,
        "availableBytes": filesystem.free,
        "capacityBytes": filesystem.size,
        "usedBytes": filesystem.size - filesystem.free,
        "inodesFree": filesystem.inodes_free,
        "inodes": filesystem.inodes,
    }
    node = {
        "nodeName": kubelet.options.node_name,
        "cpu": {"time": now, "usageCoreNanoSeconds": _node_cpu_nanos()},
        "memory": {
            "time": now,
            "availableBytes": available,
            "usageBytes": total - memory.get("MemFree", 0),
            "workingSetBytes": total - available,
        },
        "fs": shown_disk,
        "runtime": {"imageFs": shown_disk, "containerFs": shown_disk},
    }
    return {"node": node, "pods": pods}


def metrics(kubelet: Kubelet) -> str:
    """The kubelet's own numbers."""
    running = sum(1 for worker in kubelet.workers.values() if worker.machine.state.ready_sandbox is not None)
    containers = sum(
        1
        for worker in kubelet.workers.values()
        for record in worker.machine.state.records.values()
        if record.running
    )
    lines = [
        "# HELP kubelet_node_name The node's name. The count is always 1.",
        "# TYPE kubelet_node_name gauge",
        f'kubelet_node_name{{node="{kubelet.options.node_name}"}} 1',
        "# HELP kubelet_running_pods Number of pods that have a running pod sandbox",
        "# TYPE kubelet_running_pods gauge",
        f"kubelet_running_pods {running}",
        "# HELP kubelet_running_containers Number of containers currently running",
        "# TYPE kubelet_running_containers gauge",
        f'kubelet_running_containers{{container_state="running"}} {containers}',
    ]
    return "\n".join(lines) + "\n"


async def resource_metrics(kubelet: Kubelet) -> str:
    """`/metrics/resource`: cpu and memory of node, pods and containers."""
    found = await summary(kubelet)
    cpu, memory = [], []
    for pod in found["pods"]:
        where = f'namespace="{pod["podRef"]["namespace"]}",pod="{pod["podRef"]["name"]}"'
        for one in pod["containers"]:
            own = f'{{container="{one["name"]}",{where}}}'
            seconds = one["cpu"]["usageCoreNanoSeconds"] / 1e9
            cpu.append(f"container_cpu_usage_seconds_total{own} {seconds}")
            memory.append(f"container_memory_working_set_bytes{own} {one['memory']['workingSetBytes']}")
    node = found["node"]
    lines = [
        "# TYPE container_cpu_usage_seconds_total counter",
        *cpu,
        "# TYPE container_memory_working_set_bytes gauge",
        *memory,
        "# TYPE node_cpu_usage_seconds_total counter",
        f"node_cpu_usage_seconds_total {node['cpu']['usageCoreNanoSeconds'] / 1e9}",
        "# TYPE node_memory_working_set_bytes gauge",
        f"node_memory_working_set_bytes {node['memory']['workingSetBytes']}",
    ]
    return "\n".join(lines) + "\n"
