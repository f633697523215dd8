"""A network and mount namespace that plays a machine, on which the command `pybernetes node` runs."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cluster import Cluster, ready, run, wait

from pybernetes.cluster import cgroups, local_node, machine_node, mounts
from pybernetes.cluster.containerd import plain_http_registry
from pybernetes.cluster.layout import NodePaths


class Machine:
    """Nothing runs in it yet. `name` is also the node's; `group` holds all of its processes and pods."""

    cli = (sys.executable, "-m", "pybernetes.cli")

    def __init__(self, cluster: Cluster, scratch: Path, name: str, place: local_node.Place) -> None:
        self.cluster = cluster
        self.name = name
        self.address = place.address
        self.folder = scratch / name
        self.group = f"{cluster.layout.cgroup}/{name}"
        run_folder = cluster.layout.run / name
        self.paths = NodePaths(name, self.folder, run_folder, self.folder, cluster.layout.namespaces)
        cgroups.create_node(self.group, 1000, 1 << 30)
        local_node.prepare(self.paths, place, self.group)

    @property
    def data(self) -> str:
        """The node's --data-dir."""
        return str(self.folder / "data")

    def traces(self) -> str:
        """Whatever a node adds to a machine: links, addresses, routes, rules, mounts, and processes of the group."""
        commands = (
            ["ip", "-br", "link"],
            ["ip", "-br", "-4", "addr"],
            ["ip", "-4", "route"],
            ["nft", "list", "ruleset"],
            ["cat", "/proc/sys/net/ipv4/ip_forward"],
        )
        found = [self.run(*command) for command in commands]
        # Mounts of others on the same machine come and go.
        marks = (self.data, str(machine_node.RUN_ROOT / self.name), "/run/netns/cni-")
        mounted = self.run("findmnt", "--noheadings", "--raw", "--output", "TARGET").splitlines()
        found += [point for point in mounted if any(mark in point for mark in marks)]
        return "\n".join([*found, *map(str, sorted(cgroups.processes(self.group)))])

    def inside(self, *command: str) -> list[str]:
        """The command line that runs the command in the machine."""
        return [*local_node.enter(self.paths), *command]

    def run(self, *command: str, check: bool = True) -> str:
        return run(self.inside(*command), check=check).stdout

    @contextlib.contextmanager
    def node(self, registry: str, *arguments: str) -> Iterator[None]:
        """Joins the cluster and is Ready; `registry` speaks plain HTTP."""
        cluster = self.cluster
        join = cluster.cli("token", "create", "--print-join-command").stdout.split()
        paths = machine_node.paths_of(self.name, self.data)
        hosts = paths.registries / registry
        hosts.mkdir(parents=True, exist_ok=True)
        (hosts / "hosts.toml").write_text(plain_http_registry(registry))
        command = self.inside(
            *(*self.cli, *join[1:]),
            *("--name", self.name, "--data-dir", self.data, "--cgroup-root", self.group),
            *("--node-status-update-frequency", "2s"),
            *arguments,
        )
        with open(cluster.layout.logs / f"{self.name}.log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            try:
                wait(lambda: ready(cluster.get("node", self.name)), f"{self.name} is a Ready node")
            except AssertionError as error:
                lines = (paths.logs / "node.log").read_text().splitlines()[-40:]
                raise AssertionError("\n".join([str(error), *lines]))
            yield
        finally:
            process.terminate()
            process.wait(20)
            cluster.kubectl("delete", "node", self.name, check=False)

    def close(self) -> None:
        cgroups.remove(self.group)
        local_node.forget(self.paths)
        mounts.unmount_all(self.folder)
        shutil.rmtree(machine_node.RUN_ROOT / self.name, ignore_errors=True)
        with contextlib.suppress(OSError):
            machine_node.RUN_ROOT.rmdir()
