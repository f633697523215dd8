"""The settings of one node, as `up` (or `pybernetes node`) writes them and `run_node` reads them: `node.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pybernetes.cluster.pki import write_private


@dataclass(frozen=True)
class NodeSettings:
    """Paths are as the node's own processes see them, inside its namespaces.

    `further_address` is the node's IPv6 address beside an IPv4 one;
    `cpu_millis` and `memory_bytes` are the node's capacity, 0 for all that the machine has;
    `cgroup` is the parent of `kubepods`, "" for the root;
    `host_routes` says that the node lives in a network namespace and the host wants a route to its pods.
    """

    name: str
    server: str
    ca: str
    kubeconfig: str
    certificates: str
    token: str
    address: str
    runtime_socket: str
    sandbox_image: str
    sandbox_archive: str
    kubelet: str
    cni_config: str
    cluster_cidr: str
    service_cluster_ip_range: str = "10.96.0.0/16"
    load_balancer_pool: tuple[str, ...] = ()
    cgroup: str = ""
    cpu_millis: int = 0
    memory_bytes: int = 0
    max_pods: int = 110
    mtu: int = 1500
    vxlan_port: int = 8472
    further_address: str = ""
    resolv_conf: str = "/etc/resolv.conf"
    host_routes: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    kubelet_flags: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Owner only: the bootstrap token is in it."""
        write_private(path, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> NodeSettings:
        return cls(**json.loads(path.read_text()))
