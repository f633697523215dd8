"""Measures a cluster of its own on a scratch directory: how fast it starts and deploys, what it costs when idle.

Each figure has a limit; the exit code is 1 if one is missed. Machines differ: compare figures of one machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pybernetes.cluster import oci_archive, processes
from pybernetes.cluster.admin import Admin
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.local_cluster import require
from pybernetes.cluster.status import resident, table

PYTHON = sys.executable
KUBECTL = Path(PYTHON).parent / "kubectl"


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    limit: float
    unit: str

    @property
    def good(self) -> bool:
        return self.value <= self.limit


def pybernetes(*arguments: str) -> None:
    subprocess.run([PYTHON, "-m", "pybernetes.cli", *arguments], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def cluster(name: str, folder: Path) -> Iterator[tuple[Layout, float]]:
    """A cluster of two nodes, and the seconds that `up` took."""
    which = ["--name", name, "--data-dir", str(folder / name)]
    started = time.monotonic()
    try:
        pybernetes("up", "--nodes", "2", *which)
        yield Layout.of(name, str(folder / name)), time.monotonic() - started
    finally:
        pybernetes("down", "--purge", *which)


def server_ready(folder: Path) -> float:
    """Seconds from starting `pybernetes server` to /readyz, on an empty data directory."""
    data = folder / "server"
    port = 16443
    command = [PYTHON, "-m", "pybernetes.cli", "server", "--name", "bench-server", "--data-dir", str(data)]
    started = time.monotonic()
    server = subprocess.Popen(
        [*command, "--secure-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (data / "pki" / "admin.crt").exists():
            time.sleep(0.002)
        admin = Admin(data / "pki", port, timeout=1)
        while not admin.ready():
            if time.monotonic() - started > 30:
                raise SystemExit(f"the server is not ready after 30 s: see {data}/logs")
            time.sleep(0.005)
        return time.monotonic() - started
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree("/run/pybernetes/bench-server", ignore_errors=True)


def deployments(layout: Layout, count: int) -> list[float]:
    """Seconds from `kubectl create deployment` (started) to its pod Running, one at a time."""
    settings = require(layout)
    admin = Admin(layout.pki, settings.secure_port)
    archive = layout.data / "bench.tar"
    files = {"/bin/busybox": Path("/bin/busybox")}
    image = oci_archive.Image("pybernetes.io/bench:1", files, command=["/bin/busybox", "sleep", "3600"])
    oci_archive.write(image, archive)
    pybernetes("image", "load", str(archive), "--name", layout.name, "--data-dir", str(layout.data))
    own = {"KUBECONFIG": str(layout.admin_kubeconfig), "HOME": str(layout.data)}
    environment = {**os.environ, **own}
    took = []
    for number in range(count):
        name = f"bench-{number}"
        started = time.monotonic()
        create = [str(KUBECTL), "create", "deployment", name, "--image=pybernetes.io/bench:1"]
        subprocess.run(create, check=True, env=environment, stdout=subprocess.DEVNULL)
        path = f"/api/v1/namespaces/default/pods?labelSelector=app%3D{name}"
        while not any(pod["status"].get("phase") == "Running" for pod in admin.call("GET", path)["items"]):
            if time.monotonic() - started > 30:
                raise SystemExit(f"deployment {name} does not run: see {layout.logs}")
            time.sleep(0.005)
        took.append(time.monotonic() - started)
        admin.call(
            "DELETE", f"/apis/apps/v1/namespaces/default/deployments/{name}?propagationPolicy=Background"
        )
    return took


def running(layout: Layout) -> dict[str, int]:
    """Our own processes of the cluster by name: pids. containerd is not ours."""
    found: dict[str, int] = {}
    for name, path in {
        "server": layout.server_record,
        **{n: layout.node(n).record for n in require(layout).node_names},
    }.items():
        record = processes.read_record(path)
        if record is not None:
            found[f"supervisor-{name}"] = record.supervisor.pid
            found |= {
                child: p.pid for child, p in record.children.items() if p and not child.endswith("containerd")
            }
    return found


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(layout: Layout, seconds: float) -> tuple[float, dict[str, int]]:
    """Percent of one core that all of them use together, and each one's resident bytes afterwards."""
    pids = running(layout)
    before = sum(cpu_seconds(pid) for pid in pids.values())
    time.sleep(seconds)
    used = sum(cpu_seconds(pid) for pid in pids.values()) - before
    return 100 * used / seconds, {name: resident(pid) for name, pid in pids.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=11, help="how many to create")
    parser.add_argument("--idle-seconds", type=float, default=30)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pybernetes-bench-"))
    mebibyte = 1 << 20
    try:
        figures = [Figure("API server ready", server_ready(folder), 1.0, "s")]
        with cluster("bench", folder) as (layout, took):
            figures.append(Figure("up --nodes 2, all nodes Ready", took, 5.0, "s"))
            median = statistics.median(deployments(layout, arguments.deployments))
            figures.append(Figure("create deployment to Running, median", median, 0.5, "s"))
            time.sleep(5)
            cpu, sizes = idle(layout, arguments.idle_seconds)
            server = sum(
                size
                for name, size in sizes.items()
                if name in ("supervisor-server", "apiserver", "controllers")
            )
            node = max(size for name, size in sizes.items() if name.startswith("node-"))
            figures.append(Figure("server processes together, resident", server / mebibyte, 150, "MiB"))
            figures.append(Figure("a node process, resident", node / mebibyte, 70, "MiB"))
            figures.append(Figure("all together, idle", cpu, 2.0, "% of a core"))
            details = [f"{name}: {size / mebibyte:.0f} MiB" for name, size in sizes.items()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [("FIGURE", "MEASURED", "LIMIT", "")]
    rows += [
        (f.what, f"{f.value:.2f} {f.unit}", f"{f.limit:g} {f.unit}", "" if f.good else "MISSED")
        for f in figures
    ]
    print("\n".join(table(rows)))
    print(f"\n{', '.join(details)}")
    return 0 if all(figure.good for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
