"""What a cluster of local nodes is: its settings (`cluster.json`, in the data directory) and what is live of it.

The live file is in the run directory while the cluster is up; it says where the data is, so that two
clusters of one name are noticed, and which boot of the machine it belongs to.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pybernetes.cluster import processes
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import RUN_ROOT, Layout

FORWARDING_MEMORY = RUN_ROOT / "ip_forward"
IPV6_FORWARDING_MEMORY = RUN_ROOT / "ipv6_forwarding"


@dataclass(frozen=True)
class ClusterSettings:
    """Everything that a later `up` needs to continue the same cluster. Shares are of each node."""

    name: str
    nodes: int
    bridge: str
    bridge_subnet: str
    cluster_cidr: str
    service_cluster_ip_range: str
    bind_address: str
    secure_port: int
    cpu_millis: int
    memory_bytes: int
    token_auth_file: str = ""
    client_ca_file: str = ""
    default_not_ready_toleration_seconds: int = 300
    default_unreachable_toleration_seconds: int = 300
    insecure_registries: tuple[str, ...] = ()
    controller_flags: dict[str, Any] = field(default_factory=dict)
    node_flags: dict[str, str] = field(default_factory=dict)

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.bridge_subnet)

    @property
    def pods(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.cluster_cidr.partition(",")[0])

    @property
    def pods6(self) -> ipaddress.IPv6Network | None:
        """None unless the cluster has two families."""
        second = self.cluster_cidr.partition(",")[2].strip()
        return ipaddress.IPv6Network(second) if second else None

    @property
    def node_names(self) -> list[str]:
        return [node_name(number) for number in range(1, self.nodes + 1)]

    def write(self, path: Path) -> None:
        partial = path.with_name(path.name + ".partial")
        partial.write_text(json.dumps(asdict(self), indent=1) + "\n")
        os.replace(partial, path)

    @classmethod
    def read(cls, path: Path) -> ClusterSettings | None:
        """None when there is no such file; Failure when it cannot be understood."""
        try:
            content = json.loads(path.read_text())
            content["insecure_registries"] = tuple(content.get("insecure_registries", ()))
            return cls(
                **{name: value for name, value in content.items() if name in {f.name for f in fields(cls)}}
            )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, KeyError):
            raise Failure(
                f"{path} is damaged: put it back from a backup, or start anew with `pybernetes down --purge`"
            )


def node_name(number: int) -> str:
    return f"node-{number}"


def boot() -> str:
    return processes.BOOT_ID.read_text().strip()


def mark_live(layout: Layout, settings: ClusterSettings) -> None:
    layout.run.mkdir(parents=True, exist_ok=True)
    content = {"data": str(layout.data), "boot": boot(), "bridge": settings.bridge}
    layout.live.write_text(json.dumps(content) + "\n")


def live_bridge(layout: Layout) -> str:
    """The bridge of a cluster that is up, also when its data directory is gone; "" when none is known."""
    try:
        return str(json.loads(layout.live.read_text())["bridge"])
    except (OSError, ValueError, KeyError):
        return ""


def live_data(path: Path) -> Path | None:
    """The data directory that a live file names; None when the file is not there or from before a reboot."""
    try:
        content = json.loads(path.read_text())
        return Path(content["data"]) if content["boot"] == boot() else None
    except (OSError, ValueError, KeyError):
        return None


def live_clusters() -> dict[str, Path]:
    """The clusters that are up on this machine: name -> data directory."""
    found = {path.parent.name: live_data(path) for path in sorted(RUN_ROOT.glob("*/cluster.json"))}
    return {name: data for name, data in found.items() if data is not None}


def resolve(name: str, data_dir: str | None) -> Layout:
    """The layout of a cluster for a command that acts on it: a live one is found wherever its data is."""
    layout = Layout.of(name, data_dir)
    live = live_data(layout.live)
    if live is not None and data_dir is None:
        return Layout(layout.name, live, layout.run)
    refuse_mixture(layout, live)
    return layout


def refuse_mixture(layout: Layout, live: Path | None) -> None:
    """Raise Failure if the name is that of one cluster and the data directory that of another."""
    if live is not None and live != layout.data:
        raise Failure(
            f"a cluster {layout.name!r} is up, with its data in {live} and not in {layout.data}: choose another "
            f"--name, leave out --data-dir, or take that one down with `pybernetes down --name {layout.name}`"
        )
    owner = _name_in(layout.settings)
    if owner not in ("", layout.name):
        raise Failure(f"the data in {layout.data} is that of cluster {owner!r}: add --name {owner}")


def _name_in(path: Path) -> str:
    """The cluster's name in its settings; "" when there are none, or damaged ones, which others complain about."""
    try:
        known = ClusterSettings.read(path)
    except (Failure, OSError):
        return ""
    return known.name if known is not None else ""


def require(layout: Layout) -> ClusterSettings:
    """The settings of a cluster that must exist."""
    settings = ClusterSettings.read(layout.settings)
    if settings is None:
        raise Failure(f"there is no cluster {layout.name!r} in {layout.data}: make one with `pybernetes up`")
    return settings


def supervisor_alive(record_path: Path) -> bool:
    record = processes.read_record(record_path)
    return record is not None and processes.alive(record.supervisor)


def claim_run_directory(layout: Layout) -> None:
    """Clear the run directory of what an earlier boot left in it. Raises Failure if it is another cluster's."""
    live = live_data(layout.live)
    refuse_mixture(layout, live)
    if live is None and layout.live.exists():
        shutil.rmtree(layout.run, ignore_errors=True)


@contextlib.contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """One command at a time changes a cluster."""
    RUN_ROOT.mkdir(parents=True, exist_ok=True)
    path = RUN_ROOT / f"{layout.name}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure(
                f"another command is working on cluster {layout.name!r}: wait for it to end, then try again"
            )
        yield
    finally:
        os.close(descriptor)


def require_root() -> None:
    if os.geteuid() != 0:
        raise Failure("nodes need root: run the same command with sudo, or as root")
