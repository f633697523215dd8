"""A node's own containerd: its configuration's text, its command line, and images into it.

Every node has a containerd of its own (root, state, socket, CNI configuration), also when the machine
runs another one. The configuration is that of containerd 1.6 and later (`version = 2`).
Source: https://github.com/containerd/containerd/blob/main/docs/cri/config.md
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pybernetes.cluster.commands import path_of, run
from pybernetes.cluster.failure import Failure

CNI_BINARIES = ("/usr/lib/cni", "/opt/cni/bin")
CRI_NAMESPACE = "k8s.io"


def cni_binaries() -> str:
    """The folder with the CNI plugins `bridge` and `host-local`: Debian's, or the one that most others use."""
    for folder in CNI_BINARIES:
        if all(Path(folder, plugin).exists() for plugin in ("bridge", "host-local", "loopback")):
            return folder
    raise Failure(
        "the CNI plugins are not installed: run `apt-get install --no-install-recommends containernetworking-plugins`"
    )


@dataclass(frozen=True)
class Settings:
    """Where one containerd keeps its things; `state` is as containerd itself sees it."""

    root: Path
    state: Path
    cni_config: Path
    cni_binaries: str
    registries: Path
    sandbox_image: str
    may_adjust_oom_score: bool


def configuration(settings: Settings) -> str:
    """The text of containerd's TOML file."""
    restrict = "false" if settings.may_adjust_oom_score else "true"
    return f"""\
version = 2
root = "{settings.root}"
state = "{settings.state}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{settings.state}/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{settings.sandbox_image}"
  restrict_oom_score_adj = {restrict}
  tolerate_missing_hugetlb_controller = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{settings.cni_binaries}"
    conf_dir = "{settings.cni_config}"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{settings.registries}"
"""


def may_adjust_oom_score() -> bool:
    """Whether this process has CAP_SYS_RESOURCE, without which no oom_score_adj may be lowered."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> 24 & 1)
    return False


def command(config: Path) -> list[str]:
    return [path_of("containerd"), "--config", str(config), "--log-level", "warn"]


def plain_http_registry(address: str) -> str:
    """The hosts.toml by which containerd speaks plain HTTP to the registry at `address` (host:port)."""
    return f'server = "http://{address}"\n\n[host."http://{address}"]\n  capabilities = ["pull", "resolve"]\n'


def ctr(socket: Path, *arguments: str | Path) -> str:
    return run(["ctr", "--address", socket, "--namespace", CRI_NAMESPACE, *arguments])


def image_names(socket: Path) -> set[str]:
    return set(ctr(socket, "images", "list", "--quiet").split())


def import_archive(socket: Path, archive: Path) -> list[str]:
    """Import an OCI or docker archive; answers the names of its images."""
    output = ctr(socket, "images", "import", archive)
    lines = [line.split() for line in output.splitlines()]
    return [words[1] for words in lines if words[:1] == ["unpacking"] and len(words) > 1]
