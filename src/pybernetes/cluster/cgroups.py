"""The control groups that hold a local node to its share of the machine, for cgroup v1 (also hybrid) and v2.

A node has `/pybernetes/CLUSTER/NODE` with two children: `system` (containerd, the node process) and
`kubepods` (everything in pods, at most the node's cpu). The memory limit is on the node as a whole.
Source: https://docs.kernel.org/admin-guide/cgroup-v1/ and cgroup-v2.html
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from pybernetes.cluster.waiting import until

ROOT = Path("/sys/fs/cgroup")
V1_CONTROLLERS = (
    "cpu",
    "cpuacct",
    "cpuset",
    "memory",
    "pids",
    "devices",
    "freezer",
    "blkio",
    "hugetlb",
    "systemd",
)
V2_CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "io", "hugetlb")
CPU_PERIOD = 100_000


def version() -> int:
    """2 when /sys/fs/cgroup is the unified hierarchy, 1 when controllers have hierarchies of their own, 0 when
    nothing is mounted."""
    if (ROOT / "cgroup.controllers").exists():
        return 2
    return 1 if (ROOT / "memory").is_dir() else 0


def hierarchies() -> list[Path]:
    """The mounted hierarchies, each once (cpu and cpuacct may be one by a symbolic link)."""
    if version() == 2:
        return [ROOT]
    found = {(ROOT / name).resolve() for name in V1_CONTROLLERS if (ROOT / name).is_dir()}
    if (ROOT / "unified").is_dir():
        found.add(ROOT / "unified")
    return sorted(found)


def create_node(group: str, cpu_millis: int, memory_bytes: int) -> None:
    """Make the node's groups and set their limits; existing ones only get the limits."""
    for part in (group, group + "/system", group + "/kubepods"):
        for hierarchy in hierarchies():
            _make(hierarchy, part)
    quota = max(cpu_millis * CPU_PERIOD // 1000, 1000)
    if version() == 2:
        _write(ROOT / group[1:] / "memory.max", str(memory_bytes))
        _write(ROOT / group[1:] / "kubepods" / "cpu.max", f"{quota} {CPU_PERIOD}")
    else:
        _write(ROOT / "memory" / group[1:] / "memory.limit_in_bytes", str(memory_bytes))
        _write(ROOT / "cpu" / group[1:] / "kubepods" / "cpu.cfs_period_us", str(CPU_PERIOD))
        _write(ROOT / "cpu" / group[1:] / "kubepods" / "cpu.cfs_quota_us", str(quota))


def _make(hierarchy: Path, group: str) -> None:
    """Create one group with its parents, so that it can hold processes and be limited."""
    parent = hierarchy
    for part in group.strip("/").split("/"):
        if version() == 2:
            enabled = set((parent / "cgroup.subtree_control").read_text().split())
            offered = set((parent / "cgroup.controllers").read_text().split())
            for controller in V2_CONTROLLERS:
                if controller in offered - enabled:
                    _write(parent / "cgroup.subtree_control", "+" + controller)
        child = parent / part
        child.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if version() == 1 and (child / name).exists() and not (child / name).read_text().strip():
                _write(child / name, (parent / name).read_text().strip())
        parent = child


def _write(path: Path, value: str) -> None:
    """Write a setting; a kernel without that controller (or with it delegated away) does without the limit."""
    try:
        path.write_text(value)
    except OSError:
        return


def process_files(group: str) -> list[str]:
    """The files to write a pid to, to put that process into the group."""
    return [str(hierarchy / group[1:] / "cgroup.procs") for hierarchy in hierarchies()]


def processes(group: str) -> set[int]:
    """Every process in the group or below it, in any hierarchy."""
    found: set[int] = set()
    for hierarchy in hierarchies():
        for directory, _, files in os.walk(hierarchy / group[1:]):
            if "cgroup.procs" in files:
                try:
                    found.update(int(pid) for pid in Path(directory, "cgroup.procs").read_text().split())
                except OSError:
                    continue
    return found


def signal_all(group: str, number: signal.Signals) -> None:
    for pid in processes(group) - {os.getpid()}:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def remove(group: str, seconds: float = 5.0) -> bool:
    """Kill what is left in the group and remove it with everything below; False if something stayed."""

    def emptied() -> bool:
        signal_all(group, signal.SIGKILL)
        return not processes(group)

    until(emptied, seconds)
    return until(lambda: _remove_directories(group), seconds)


def _remove_directories(group: str) -> bool:
    gone = True
    for hierarchy in hierarchies():
        for directory, _, _ in os.walk(hierarchy / group[1:], topdown=False):
            try:
                os.rmdir(directory)
            except FileNotFoundError:
                continue
            except OSError:
                gone = False
    return gone
