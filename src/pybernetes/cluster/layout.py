"""Where everything of one cluster is kept: names in, paths out. Nothing here touches a disk.

A cluster has a data directory, which survives a reboot (and `down`, unless it purges), and a run
directory under /run, which holds sockets, namespaces and records of processes. The run directory's
path is short, because a socket's path may have no more than 107 characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pybernetes.cluster.failure import Failure

DEFAULT_NAME = "pybernetes"
DATA_ROOT = Path("/var/lib/pybernetes")
RUN_ROOT = Path("/run/pybernetes")

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def check_name(name: str, what: str, limit: int) -> str:
    """A DNS label of at most `limit` characters, since it becomes part of host names and paths."""
    if len(name) > limit or not _NAME.fullmatch(name):
        raise Failure(
            f"{what} {name!r} will not do: take lower-case letters, digits and '-', at most {limit} characters"
        )
    return name


@dataclass(frozen=True)
class NodePaths:
    """The files of one node."""

    name: str
    data: Path
    run: Path
    logs: Path
    namespaces: Path

    @property
    def config(self) -> Path:
        """What `run_node` reads: all of the node's settings."""
        return self.data / "node.json"

    @property
    def kubeconfig(self) -> Path:
        return self.data / "kubelet.kubeconfig"

    @property
    def ca_certificate(self) -> Path:
        return self.data / "ca.crt"

    @property
    def certificates(self) -> Path:
        return self.data / "pki"

    @property
    def containerd_root(self) -> Path:
        return self.data / "containerd"

    @property
    def containerd_config(self) -> Path:
        return self.data / "containerd.toml"

    @property
    def containerd_state(self) -> Path:
        return self.run / "containerd"

    @property
    def socket(self) -> Path:
        """containerd's socket."""
        return self.containerd_state / "containerd.sock"

    @property
    def registries(self) -> Path:
        """containerd's registry host configuration, a folder a registry."""
        return self.data / "registries"

    @property
    def cni_config(self) -> Path:
        return self.data / "cni" / "net.d"

    @property
    def cni_state(self) -> Path:
        """Addresses in use; kept over restarts, so that none is given out twice."""
        return self.data / "cni" / "state"

    @property
    def kubelet(self) -> Path:
        return self.data / "kubelet"

    @property
    def resolv_conf(self) -> Path:
        return self.data / "resolv.conf"

    @property
    def network_namespace(self) -> Path:
        return self.namespaces / f"{self.name}.net"

    @property
    def mount_namespace(self) -> Path:
        return self.namespaces / f"{self.name}.mnt"

    @property
    def record(self) -> Path:
        """Which processes the node's supervisor runs."""
        return self.run / "processes.json"


@dataclass(frozen=True)
class Layout:
    """The files of one cluster."""

    name: str
    data: Path
    run: Path

    @classmethod
    def of(cls, name: str = DEFAULT_NAME, data_dir: str | None = None) -> Layout:
        check_name(name, "the cluster name", 40)
        data = Path(data_dir).absolute() if data_dir else DATA_ROOT / name
        return cls(name, data, RUN_ROOT / name)

    @property
    def settings(self) -> Path:
        return self.data / "cluster.json"

    @property
    def live(self) -> Path:
        """Present while the cluster is up: where its data is, and what of the host it uses."""
        return self.run / "cluster.json"

    @property
    def server_config(self) -> Path:
        return self.data / "server.json"

    @property
    def pki(self) -> Path:
        return self.data / "pki"

    @property
    def ca_certificate(self) -> Path:
        return self.pki / "ca.crt"

    @property
    def admin_kubeconfig(self) -> Path:
        return self.data / "admin.kubeconfig"

    @property
    def kubeconfigs(self) -> Path:
        return self.data / "kubeconfigs"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def database(self) -> Path:
        return self.data / "registry.db"

    @property
    def images(self) -> Path:
        return self.data / "images"

    @property
    def namespaces(self) -> Path:
        return self.run / "ns"

    @property
    def server_record(self) -> Path:
        return self.run / "server.json"

    @property
    def table(self) -> str:
        """The host's nftables table of this cluster."""
        return "pybernetes" if self.name == DEFAULT_NAME else f"pybernetes-{self.name}"

    @property
    def cgroup(self) -> str:
        return f"/pybernetes/{self.name}"

    def node(self, name: str) -> NodePaths:
        return NodePaths(name, self.data / "nodes" / name, self.run / name, self.logs, self.namespaces)
