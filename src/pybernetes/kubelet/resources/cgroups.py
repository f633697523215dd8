"""The cgroups of pods: made before the sandbox, removed after it, on cgroup v1, hybrid and v2.

Layout as upstream's cgroupfs driver: PARENT/kubepods, below it `burstable` and `besteffort`, below those
(guaranteed pods directly below kubepods) `podUID`, below that the runtime's own group for each container.
Formulas: https://kubernetes.io/docs/concepts/architecture/cgroups/ (shares become weights on v2).
"""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path

from pybernetes.kubelet.machine.model import Object
from pybernetes.semantics.pods import containers_of
from pybernetes.semantics.resources import (
    BEST_EFFORT,
    BURSTABLE,
    CPU,
    MEMORY,
    pod_limits,
    pod_qos,
    pod_requests,
)

log = logging.getLogger(__name__)

MOUNT = Path("/sys/fs/cgroup")
PERIOD = 100_000
V2_CONTROLLERS = ("cpu", "memory", "pids")


def shares(milli_cpu: int) -> int:
    """cpu.shares of a request."""
    return min(max(milli_cpu * 1024 // 1000, 2), 262144)


def weight(cpu_shares: int) -> int:
    """cpu.weight of cgroup v2 for v1 shares."""
    return 1 + ((cpu_shares - 2) * 9999) // 262142


def quota(milli_cpu: int) -> int:
    """Microseconds of cpu in each period of 100 ms, 0 for no limit."""
    return max(milli_cpu * PERIOD // 1000, 1000) if milli_cpu else 0


@dataclass(slots=True, frozen=True)
class Limits:
    """What one cgroup is held to; 0 is no limit."""

    shares: int = 0
    quota: int = 0
    memory: int = 0
    pids: int = 0


def pod_cgroup_limits(pod: Object, pids: int = -1) -> Limits:
    """A limit holds for the pod only if each of its containers has one."""
    requests, limits = pod_requests(pod), pod_limits(pod)
    spec = pod["spec"]
    everyone = containers_of(spec)
    stated = [((container.get("resources") or {}).get("limits") or {}) for container in everyone]
    whole = ((spec.get("resources") or {}).get("limits")) or {}
    all_cpu = CPU in whole or all(CPU in one for one in stated)
    all_memory = MEMORY in whole or all(MEMORY in one for one in stated)
    return Limits(
        shares(requests.get(CPU, 0)),
        quota(limits.get(CPU, 0)) if all_cpu else 0,
        limits.get(MEMORY, 0) if all_memory else 0,
        max(pids, 0),
    )


class Cgroups:
    """Makes and removes the groups below one parent."""

    def __init__(self, parent: str, mount: Path = MOUNT) -> None:
        self.parent = f"/{parent.strip('/')}" if parent.strip("/") else ""
        self.mount = mount
        self.ceiling = 0
        """The largest cpu quota that the kernel takes below `kubepods`; 0 for any. Known after `prepare_node`."""
        self.unified = (mount / "cgroup.controllers").exists()
        if self.unified:
            self.hierarchies = [mount]
        else:
            self.hierarchies = (
                [path for path in sorted(mount.iterdir()) if path.is_dir() and not path.is_symlink()]
                if mount.exists()
                else []
            )

    @property
    def version(self) -> int:
        return 2 if self.unified else 1

    def qos_path(self, qos: str) -> str:
        path = f"{self.parent}/kubepods"
        if qos == BURSTABLE:
            return path + "/burstable"
        return path + "/besteffort" if qos == BEST_EFFORT else path

    def pod_path(self, pod: Object) -> str:
        """The cgroup parent to hand to the runtime."""
        return f"{self.qos_path(pod_qos(pod))}/pod{pod['metadata']['uid']}"

    def prepare_node(self, milli_cpu: int, memory: int) -> None:
        """The groups above the pods' own. `kubepods` is held to what is allocatable."""
        self._make(self.parent, Limits())
        self._make(self.qos_path("Guaranteed"), Limits(shares(milli_cpu), 0, memory))
        self._make(self.qos_path(BURSTABLE), Limits(2))
        self._make(self.qos_path(BEST_EFFORT), Limits(2))
        self.ceiling = self._quota_above(self.qos_path("Guaranteed"))

    def hold(self, cpu_quota: int) -> int:
        """The quota to ask for: cgroup v1 refuses more than a group above has, which is all that one could use."""
        return min(cpu_quota, self.ceiling) if self.ceiling else cpu_quota

    def _quota_above(self, path: str) -> int:
        """The smallest quota of a group and of those above it, for our period; 0 for none, and always on v2."""
        hierarchy = None if self.unified else self._hierarchy("cpu")
        if hierarchy is None:
            return 0
        found = []
        group = hierarchy / path.strip("/")
        while group != hierarchy:
            with contextlib.suppress(OSError, ValueError):
                own = int((group / "cpu.cfs_quota_us").read_text())
                if own > 0:
                    found.append(own * PERIOD // int((group / "cpu.cfs_period_us").read_text()))
            group = group.parent
        return min(found, default=0)

    def make_pod(self, pod: Object, pids: int = -1) -> str:
        path = self.pod_path(pod)
        limits = pod_cgroup_limits(pod, pids)
        self._make(path, replace(limits, quota=self.hold(limits.quota)))
        return path

    def _make(self, path: str, limits: Limits) -> None:
        if self.unified:
            group = self.mount
            for part in path.strip("/").split("/"):
                self._delegate(group)
                group = group / part
                group.mkdir(exist_ok=True)
            self._write(group / "cpu.weight", weight(limits.shares) if limits.shares else 0)
            self._write(group / "cpu.max", f"{limits.quota} {PERIOD}" if limits.quota else "")
            self._write(group / "memory.max", limits.memory)
            self._write(group / "pids.max", limits.pids)
            return
        relative = path.strip("/")
        for name, settings in (
            ("cpu", (("cpu.shares", limits.shares), ("cpu.cfs_quota_us", limits.quota))),
            ("memory", (("memory.limit_in_bytes", limits.memory),)),
            ("pids", (("pids.max", limits.pids),)),
        ):
            hierarchy = self._hierarchy(name)
            if hierarchy is None:
                continue
            group = hierarchy / relative
            if name == "memory":
                self._make_accounted(hierarchy, relative)
            group.mkdir(parents=True, exist_ok=True)
            for file, value in settings:
                self._write(group / file, value)

    def _make_accounted(self, hierarchy: Path, relative: str) -> None:
        """On v1 a memory limit holds for groups below only with use_hierarchy."""
        group = hierarchy
        for part in relative.split("/"):
            group = group / part
            if not group.exists():
                group.mkdir(exist_ok=True)
                with contextlib.suppress(OSError):
                    (group / "memory.use_hierarchy").write_text("1")

    def _hierarchy(self, controller: str) -> Path | None:
        return next((path for path in self.hierarchies if controller in path.name.split(",")), None)

    def _delegate(self, group: Path) -> None:
        with contextlib.suppress(OSError):
            enabled = (group / "cgroup.subtree_control").read_text().split()
            missing = [name for name in V2_CONTROLLERS if name not in enabled]
            if missing:
                (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in missing))

    def _write(self, file: Path, value: int | str) -> None:
        if not value:
            return
        try:
            file.write_text(str(value))
        except OSError as error:
            log.warning("cannot set %s to %s: %s", file, value, error.strerror)

    def remove_pod(self, uid: str) -> bool:
        """Remove the pod's groups, whichever class it had; False while something still lives in them."""
        done = True
        for qos in ("Guaranteed", BURSTABLE, BEST_EFFORT):
            done = self._remove(f"{self.qos_path(qos)}/pod{uid}") and done
        return done

    def remove_node(self) -> bool:
        """Remove `kubepods` with everything below it that is empty."""
        return self._remove(f"{self.parent}/kubepods")

    def _remove(self, path: str) -> bool:
        done = True
        for hierarchy in self.hierarchies:
            group = hierarchy / path.strip("/")
            if not group.is_dir():
                continue
            for directory, _, _ in os.walk(group, topdown=False):
                try:
                    os.rmdir(directory)
                except FileNotFoundError:
                    continue
                except OSError:
                    done = False
        return done

    def pod_uids(self) -> set[str]:
        """The pods that have a group now."""
        hierarchy = self.mount if self.unified else self._hierarchy("cpu")
        found: set[str] = set()
        if hierarchy is None:
            return found
        for qos in ("Guaranteed", BURSTABLE, BEST_EFFORT):
            group = hierarchy / self.qos_path(qos).strip("/")
            if group.is_dir():
                found |= {path.name[3:] for path in group.iterdir() if path.name.startswith("pod")}
        return found
