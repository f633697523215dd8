"""What of a cluster is on this machine, by kind: empty before it comes up and after it has gone.

Only what belongs to the given cluster is looked at, so that others may run beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from pybernetes.cluster import cgroups, mounts
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.local_cluster import live_clusters

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def traces(layout: Layout, bridge: str) -> dict[str, list[str]]:
    """Every trace of the cluster, whose bridge is or was the named one; kinds without any are left out."""
    marks = (str(layout.data), f"{layout.run}/")
    links = [link["ifname"] for link in json.loads(output("ip", "-j", "link", "show"))]
    tables = json.loads(output("nft", "-j", "list", "tables"))["nftables"]
    found = {
        "interfaces": [name for name in links if name == bridge or name.startswith(f"{bridge}-")],
        "routes": [
            line for line in output("ip", "-4", "route", "show").splitlines() if f"dev {bridge} " in line
        ],
        "mounts": [point for point in mounts.points() if any(point.startswith(mark) for mark in marks)],
        "namespaces": [
            line for line in output("lsns", "--noheadings").splitlines() if any(m in line for m in marks)
        ],
        "tables": [t["table"]["name"] for t in tables if "table" in t and t["table"]["name"] == layout.table],
        "control groups": [
            str(hierarchy / layout.cgroup[1:])
            for hierarchy in cgroups.hierarchies()
            if (hierarchy / layout.cgroup[1:]).exists()
        ],
        "processes": _processes(marks),
        "run directory": [str(layout.run)] if layout.run.exists() else [],
    }
    return {kind: names for kind, names in found.items() if names}


def forwarding_alone() -> str | None:
    """ip_forward, unless another cluster has a say in it."""
    return None if live_clusters() else FORWARDING.read_text().strip()


def _processes(marks: tuple[str, ...]) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if int(path.parent.name) != os.getpid() and any(mark in line for mark in marks):
            found.append(f"{path.parent.name} {line}")
    return found
