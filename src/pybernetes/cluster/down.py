"""`pybernetes down`: everything of a cluster leaves this machine, except its data (unless it is purged).

Only what the cluster's own records, control groups and namespaces name is touched; every step can be
repeated, so a `down` that was interrupted is finished by the next one.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from pybernetes.cluster import cgroups, host_network, local_node, mounts, processes
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import RUN_ROOT, Layout, NodePaths
from pybernetes.cluster.local_cluster import (
    FORWARDING_MEMORY,
    IPV6_FORWARDING_MEMORY,
    ClusterSettings,
    live_bridge,
    live_clusters,
    locked,
)
from pybernetes.cluster.waiting import monotonic, pause, until

POD_GRACE = 1.0
SERVER_GRACE = 15.0

Say = Callable[[str], None]


def down(layout: Layout, purge: bool, say: Say) -> None:
    """Take the cluster down; with `purge`, delete its data too."""
    with locked(layout):
        settings = _settings_if_readable(layout)
        nodes = _nodes(layout)
        if not nodes and not layout.run.exists() and not layout.settings.exists():
            say(f"there is no cluster {layout.name} in {layout.data}: nothing to do")
            (RUN_ROOT / f"{layout.name}.lock").unlink(missing_ok=True)
            return
        _end_nodes(layout, nodes)
        _end_supervisors([layout.server_record])
        for paths in nodes:
            local_node.forget(paths)
        mounts.unmount_all(layout.run)
        mounts.unmount_all(layout.data)
        if not cgroups.remove(layout.cgroup):
            raise Failure(
                f"some processes in the control group {layout.cgroup} do not end: run the same command again"
            )
        bridge = live_bridge(layout) or (settings.bridge if settings is not None else "")
        if bridge:
            host_network.remove(layout.table, bridge)
        shutil.rmtree(layout.run, ignore_errors=True)
        if not any(_two_families(data) for data in live_clusters().values()):
            host_network.restore_ipv6_forwarding(IPV6_FORWARDING_MEMORY)
        if not live_clusters():
            host_network.restore_forwarding(FORWARDING_MEMORY)
            local_node.remove_bound_folders()
            cgroups.remove("/pybernetes")
        say(f"cluster {layout.name} is down")
        if purge:
            _purge(layout)
            say(f"its data in {layout.data} is deleted")
        elif layout.data.exists():
            say(
                f"its data is kept in {layout.data}: `pybernetes up` continues it, `pybernetes down --purge` deletes it"
            )
    (RUN_ROOT / f"{layout.name}.lock").unlink(missing_ok=True)
    try:
        os.rmdir(RUN_ROOT)
    except OSError:
        return


def _two_families(data: Path) -> bool:
    try:
        settings = ClusterSettings.read(data / "cluster.json")
    except Failure:
        return True
    return settings is not None and settings.pods6 is not None


def _settings_if_readable(layout: Layout) -> ClusterSettings | None:
    """Damaged ones must not keep a cluster from being taken down."""
    try:
        return ClusterSettings.read(layout.settings)
    except Failure:
        return None


def _nodes(layout: Layout) -> list[NodePaths]:
    """Every node of which there is anything, whatever the settings say."""
    names = {path.stem for path in layout.namespaces.glob("*.net")}
    names |= {path.parent.name for path in layout.run.glob("*/processes.json")}
    names |= {path.name for path in (layout.data / "nodes").glob("*")}
    return [layout.node(name) for name in sorted(names)]


def _end_supervisors(records: list[Path]) -> None:
    """SIGTERM to the supervisors, and to children whose supervisor is gone; SIGKILL to those that do not end."""
    found = [record for path in records if (record := processes.read_record(path)) is not None]
    for record in found:
        if processes.alive(record.supervisor):
            processes.send(record.supervisor, signal.SIGTERM)
        else:
            for child in record.running():
                processes.send(child, signal.SIGTERM)
    living = [process for record in found for process in (record.supervisor, *record.running())]
    for process in processes.wait_ended(living, SERVER_GRACE, monotonic, pause):
        processes.send(process, signal.SIGKILL)
    processes.wait_ended(living, 5, monotonic, pause)


def _end_nodes(layout: Layout, nodes: list[NodePaths]) -> None:
    """First the supervisors with kubelet and containerd, so that nothing is restarted; then the pods."""
    _end_supervisors([paths.record for paths in nodes])
    pods = [f"{layout.cgroup}/{paths.name}/kubepods" for paths in nodes]
    for group in pods:
        cgroups.signal_all(group, signal.SIGTERM)
    until(lambda: not any(cgroups.processes(group) for group in pods), POD_GRACE)


def _purge(layout: Layout) -> None:
    """Delete the data directory, if it looks like a cluster's."""
    if not layout.data.exists():
        return
    if not (layout.settings.exists() or layout.pki.is_dir()):
        raise Failure(f"{layout.data} does not look like a cluster's data: delete it yourself if it is")
    shutil.rmtree(layout.data)
    try:
        os.rmdir(layout.data.parent)
    except OSError:
        return
