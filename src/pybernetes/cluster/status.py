"""How a cluster of this machine is: its records and the API asked, lines of a table out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pybernetes.cluster import processes
from pybernetes.cluster.admin import Admin
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.local_cluster import ClusterSettings
from pybernetes.cluster.readiness import is_ready
from pybernetes.cluster.server_settings import ServerSettings
from pybernetes.semantics.nodes import internal_addresses


@dataclass(frozen=True)
class Report:
    lines: list[str]
    well: bool


def examine(layout: Layout) -> Report:
    """Read the records of all supervisors, and ask the API server for the nodes."""
    server = ServerSettings.read(layout.server_config)
    cluster = ClusterSettings.read(layout.settings)
    names = cluster.node_names if cluster is not None else []
    rows = [("NAME", "STATE", "PID", "RESIDENT")]
    well = True
    records = {"server": layout.server_record, **{name: layout.node(name).record for name in names}}
    for name, path in records.items():
        record = processes.read_record(path)
        parts: dict[str, processes.Identity | None] = {}
        if record is not None:
            parts = {f"supervisor-{name}": record.supervisor, **record.children}
        living = {part: process for part, process in parts.items() if process and processes.alive(process)}
        well = well and bool(parts) and living.keys() == parts.keys()
        for part, process in parts.items():
            if process and part in living:
                rows.append((part, "running", str(process.pid), f"{resident(process.pid) >> 20} MiB"))
            else:
                rows.append((part, "ended", "", ""))
        if not parts:
            rows.append((name, "not started", "", ""))
    lines = [
        f"cluster {layout.name}, data in {layout.data}",
        f"API server: {server.local_url}",
        "",
        *table(rows),
    ]
    try:
        nodes = Admin(layout.pki, server.secure_port, timeout=3).call("GET", "/api/v1/nodes")["items"]
    except Failure as failure:
        return Report([*lines, "", str(failure)], False)
    shown = [("NODE", "STATUS", "ADDRESS", "PODS")]
    for node in nodes:
        addresses = internal_addresses(node)
        ready = is_ready(node)
        well = well and ready
        shown.append(
            (
                node["metadata"]["name"],
                "Ready" if ready else "NotReady",
                ",".join(addresses),
                node.get("spec", {}).get("podCIDR", ""),
            )
        )
    return Report([*lines, "", *table(shown)], well)


def resident(pid: int) -> int:
    """A process's resident memory in bytes, 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS:")), 0)
    except OSError:
        return 0


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
