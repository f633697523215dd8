"""What a kubelet is told when it is built. Sizes are bytes, times seconds, cpu thousandths of a core."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class KubeletOptions:
    """One node's settings. Only the name, the directory and containerd's socket have no default."""

    node_name: str
    root: Path
    """The node's directory: `pods/`, `log/pods/` and `pki/` are made in it."""
    socket: str
    """containerd's socket."""
    node_ip: str = "127.0.0.1"
    further_ip: str = ""
    """The node's address of the other family, where it has one."""
    hostname: str = ""
    """The kubernetes.io/hostname label and Hostname address; the node's name when empty."""
    cgroup_parent: str = "/pybernetes"
    """The cgroup that holds the whole node; `kubepods` is made below it. It need not exist yet."""
    cpu: int | None = None
    """The node's share of the machine; None is all of it."""
    memory: int | None = None
    max_pods: int = 110
    pods_pids_limit: int = -1
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    taints: list[dict[str, Any]] = field(default_factory=list)
    provider_id: str = ""
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = "cluster.local"
    resolv_conf: str = "/etc/resolv.conf"
    service_environment: bool = True
    """Whether pods get the environment variables of their namespace's services at all."""

    lease_seconds: int = 40
    heartbeat: float = 10
    status_period: float = 300
    resync_period: float = 60
    """How often all containers are listed, as a safety net behind containerd's events."""

    server_address: str = "0.0.0.0"
    server_port: int = 10250
    server_tls: bool = True
    client_ca: str = ""
    """PEM file of the CA whose client certificates the kubelet's server takes."""
    serving_certificate: str = ""
    serving_key: str = ""
    shutdown_grace: float = 2

    image_gc_high: int = 85
    image_gc_low: int = 80
    image_minimum_age: float = 120
    image_gc_period: float = 300
    maximum_pulls: int = 0
    """Images pulled at a time; 0 is any number."""
    log_max_bytes: int = 10 << 20
    log_max_files: int = 5
    log_check_period: float = 10
    evict_memory_below: int = 100 << 20
    evict_disk_below: float = 0.10
    evict_inodes_below: float = 0.05

    @property
    def node_ips(self) -> tuple[str, ...]:
        return (self.node_ip, self.further_ip) if self.further_ip else (self.node_ip,)

    @property
    def host(self) -> str:
        return self.hostname or self.node_name


class Layout:
    """Where things are below a node's directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pods = root / "pods"
        self.logs = root / "log" / "pods"

    def pod(self, uid: str) -> Path:
        return self.pods / uid

    def volume(self, uid: str, plugin: str, name: str) -> Path:
        return self.pods / uid / "volumes" / f"kubernetes.io~{plugin}" / name

    def subpaths(self, uid: str) -> Path:
        return self.pods / uid / "volume-subpaths"

    def hosts(self, uid: str) -> Path:
        return self.pods / uid / "etc-hosts"

    def termination_log(self, uid: str, container: str, attempt: int) -> Path:
        return self.pods / uid / "containers" / container / f"{attempt}.termination"

    def pod_logs(self, meta: dict[str, Any]) -> Path:
        return self.logs / f"{meta['namespace']}_{meta['name']}_{meta['uid']}"

    def drop_attempts(self, meta: dict[str, Any], container: str, newest: int) -> None:
        """Remove the logs of a container's attempts up to `newest`: nobody can ask for them any more."""
        for folder in (self.pod_logs(meta) / container, self.pods / meta["uid"] / "containers" / container):
            if newest < 0 or not folder.is_dir():
                continue
            for path in folder.iterdir():
                attempt = path.name.partition(".")[0]
                if attempt.isdigit() and int(attempt) <= newest:
                    path.unlink(missing_ok=True)

    def container_log(self, meta: dict[str, Any], container: str, attempt: int) -> Path:
        return self.pod_logs(meta) / container / f"{attempt}.log"
