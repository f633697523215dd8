"""A node that is a part of this machine: its own network, mounts, containerd and share of the machine.

In come the node's paths and numbers, out come namespaces that outlive every process, an address on
the cluster's bridge, a containerd configuration and control groups; `python -m pybernetes.cluster.supervisor`
then runs the processes in them. Both namespaces are kept by bind mounts under the cluster's run
directory. Inside, the folders that a node's programs insist on (`BOUND`) are the node's own, so two
nodes never meet in /run/netns, /var/lib/cni or /var/lib/kubelet; and everything that is mounted
inside is gone with the namespace, whatever way its processes ended.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pybernetes.cluster import cgroups, containerd
from pybernetes.cluster.commands import ip_batch, path_of, run
from pybernetes.cluster.host_network import hardware_address, interfaces
from pybernetes.cluster.layout import NodePaths
from pybernetes.cluster.mounts import is_mounted, unmount_all
from pybernetes.cluster.supervisor import Process, Spec

NETNS = Path("/run/netns")
RUNTIME_STATE = Path("/run/containerd")
CNI_STATE = Path("/var/lib/cni")
KUBELET = Path("/var/lib/kubelet")
POD_LOGS = Path("/var/log/pods")
CONTAINER_LOGS = Path("/var/log/containers")
RESOLV_CONF = Path("/etc/resolv.conf")

BOUND = (NETNS, RUNTIME_STATE, CNI_STATE, KUBELET, POD_LOGS, CONTAINER_LOGS)
"""Folders of the host over which a node sees its own; made if missing, and removed with the last cluster."""


@dataclass(frozen=True)
class Place:
    """Where a local node hangs in the host: its bridge, its number on it, its address and the way out."""

    bridge: str
    number: int
    address: str
    prefix_length: int
    gateway: str
    mtu: int
    address6: str = ""
    """With its prefix's length; "" where the cluster has no IPv6."""
    gateway6: str = ""

    @property
    def outer(self) -> str:
        """The host's end of the node's pair of interfaces."""
        return f"{self.bridge}-{self.number}"


def bindings(paths: NodePaths) -> dict[Path, Path]:
    """What of the node's own is seen at which path inside."""
    return {
        RUNTIME_STATE: paths.containerd_state,
        CNI_STATE: paths.cni_state,
        KUBELET: paths.kubelet,
        POD_LOGS: paths.kubelet / "log" / "pods",
        CONTAINER_LOGS: paths.data / "container-logs",
    }


def prepare_namespaces_folder(folder: Path) -> None:
    """A mount of its own that is private: the kernel keeps a mount namespace only in such a place."""
    folder.mkdir(parents=True, exist_ok=True)
    if not is_mounted(folder):
        run(["mount", "--bind", folder, folder])
        run(["mount", "--make-private", folder])


def prepare(paths: NodePaths, place: Place, group: str) -> None:
    """Have the node's folders, namespaces and address. A node without a single process starts as after a reboot."""
    if not cgroups.processes(group):
        forget(paths)
    for folder in (
        paths.data,
        paths.run,
        paths.registries,
        paths.cni_config,
        paths.containerd_root,
        paths.logs,
    ):
        folder.mkdir(parents=True, exist_ok=True)
    for inside, outside in bindings(paths).items():
        inside.mkdir(parents=True, exist_ok=True)
        outside.mkdir(parents=True, exist_ok=True)
    NETNS.mkdir(parents=True, exist_ok=True)
    write_resolv_conf(paths.resolv_conf, RESOLV_CONF)
    if not (is_mounted(paths.network_namespace) and is_mounted(paths.mount_namespace)):
        forget(paths)
        # The old namespace's end of the pair goes some time after it; a new pair must not be taken for the old.
        run(["ip", "link", "del", place.outer], check=False)
        _make_namespaces(paths)
    _connect(paths, place)


def _make_namespaces(paths: NodePaths) -> None:
    for file in (paths.network_namespace, paths.mount_namespace):
        file.touch()
    for outside in bindings(paths).values():
        outside.mkdir(parents=True, exist_ok=True)
    binds = [f"mount -t tmpfs -o mode=0755 netns {NETNS}"]
    binds += [f"mount --bind {shlex.quote(str(out))} {within}" for within, out in bindings(paths).items()]
    if paths.resolv_conf.exists():
        binds.append(f"mount --bind {shlex.quote(str(paths.resolv_conf))} {RESOLV_CONF}")
    # Other nodes' namespaces are not to be held by this one's copy of the mounts.
    binds.append(f"umount --lazy {shlex.quote(str(paths.namespaces))}")
    run(
        [
            "unshare",
            f"--net={paths.network_namespace}",
            f"--mount={paths.mount_namespace}",
            "--propagation",
            "slave",
            "/bin/sh",
            "-ec",
            "\n".join(binds),
        ]
    )


def _connect(paths: NodePaths, place: Place) -> None:
    outer = place.outer
    if outer not in interfaces():
        ip_batch(
            [
                f"link add {outer} mtu {place.mtu} type veth peer name eth0 address {hardware_address(place.address)} "
                f"mtu {place.mtu} netns {paths.network_namespace}",
                f"link set {outer} master {place.bridge} up",
            ]
        )
    ip_batch(
        [
            "link set lo up",
            f"addr replace {place.address}/{place.prefix_length} dev eth0",
            "link set eth0 up",
            f"route replace default via {place.gateway}",
        ],
        paths.network_namespace,
    )
    forwarding = ["/proc/sys/net/ipv4/ip_forward"]
    if place.address6:
        ip_batch(
            [
                f"addr replace {place.address6} dev eth0 nodad",
                f"route replace ::/0 via {place.gateway6}",
            ],
            paths.network_namespace,
        )
        forwarding.append("/proc/sys/net/ipv6/conf/all/forwarding")
    for file in forwarding:
        run([*enter(paths, mounts=False), "/bin/sh", "-c", f"echo 1 > {file}"])


def enter(paths: NodePaths, *, mounts: bool = True) -> list[str]:
    """The beginning of a command line that runs the rest of it inside the node."""
    command = [path_of("nsenter"), f"--net={paths.network_namespace}"]
    return [*command, f"--mount={paths.mount_namespace}"] if mounts else command


def forget(paths: NodePaths) -> None:
    """Let go of the namespaces, and of what only makes sense while the node runs: as if its power were cut."""
    unmount_all(paths.mount_namespace)
    unmount_all(paths.network_namespace)
    for file in (paths.mount_namespace, paths.network_namespace):
        file.unlink(missing_ok=True)
    shutil.rmtree(paths.containerd_state, ignore_errors=True)


def write_resolv_conf(target: Path, source: Path) -> None:
    """Name servers on the loopback interface are out of a node's reach: write a file without them.

    No file is written when the host's own will do. systemd-resolved's list of real servers is taken
    where there is one.
    """
    target.unlink(missing_ok=True)
    try:
        text = source.read_text()
    except OSError:
        return
    if not any(_is_loopback(line) for line in text.splitlines()):
        return
    upstream = Path("/run/systemd/resolve/resolv.conf")
    if upstream.exists():
        text = upstream.read_text()
    target.write_text(without_loopback(text))


def _is_loopback(line: str) -> bool:
    words = line.split()
    return len(words) > 1 and words[0] == "nameserver" and (words[1].startswith("127.") or words[1] == "::1")


def without_loopback(text: str) -> str:
    """A resolv.conf's text without name servers at 127.0.0.0/8 and ::1."""
    return "".join(line + "\n" for line in text.splitlines() if not _is_loopback(line))


def write_containerd_config(paths: NodePaths, sandbox_image: str, plain_http: Sequence[str]) -> None:
    """containerd's configuration, and a hosts.toml for each registry that speaks plain HTTP."""
    settings = containerd.Settings(
        root=paths.containerd_root,
        state=RUNTIME_STATE,
        cni_config=paths.cni_config,
        cni_binaries=containerd.cni_binaries(),
        registries=paths.registries,
        sandbox_image=sandbox_image,
        may_adjust_oom_score=containerd.may_adjust_oom_score(),
    )
    paths.containerd_config.write_text(containerd.configuration(settings))
    for registry in plain_http:
        folder = paths.registries / registry
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts.toml").write_text(containerd.plain_http_registry(registry))


def spec(paths: NodePaths, group: str) -> Spec:
    """What the node's supervisor runs, all of it inside the node."""
    inside = enter(paths)
    return Spec(
        name=paths.name,
        logs=str(paths.logs),
        record=str(paths.record),
        cgroups=cgroups.process_files(group + "/system"),
        processes=[
            Process(f"{paths.name}-containerd", [*inside, *containerd.command(paths.containerd_config)]),
            Process(
                f"{paths.name}",
                [*inside, sys.executable, "-m", "pybernetes.cluster.run_node", str(paths.config)],
                {"PYTHONUNBUFFERED": "1"},
            ),
        ],
    )


def remove_bound_folders() -> None:
    """Remove the folders that nodes saw their own in, those that are empty: nobody else uses them."""
    for folder in BOUND:
        if not is_mounted(folder):
            try:
                os.rmdir(folder)
            except OSError:
                continue
