"""`scripts/bench network`: what services, cluster DNS and policies cost and how fast they follow, as a table.

The rules are measured alone (`network_rules.py`, in network namespaces of its own); how soon a ready pod is
balanced to on every node, and how fast DNS answers, on a cluster of two nodes. Each figure has a limit;
the exit code is 1 if one is missed.
"""

from __future__ import annotations

import argparse
import ctypes
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dnslib

from pybernetes.cluster import oci_archive
from pybernetes.cluster.admin import Admin
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.local_cluster import require
from pybernetes.cluster.status import table
from pybernetes.network import netlink, nft

Object = dict[str, Any]
HERE = Path(__file__).parent
DNS = "10.96.0.10"
NEW_ELEMENT = nft.NFT | 12
IMAGE = "pybernetes.io/bench-network:1"
SERVICES = "/api/v1/namespaces/default/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    limit: float
    unit: str
    more_is_better: bool = False

    @property
    def good(self) -> bool:
        return self.value >= self.limit if self.more_is_better else self.value <= self.limit


def rules(services: int, endpoints: int) -> list[Figure]:
    command = [
        "unshare",
        "--net",
        sys.executable,
        str(HERE / "network_rules.py"),
        str(services),
        str(endpoints),
    ]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    many = f"{services:,} services, {services * endpoints:,} endpoints"
    print(
        f"connections/s to a pod: {found['direct']:,.0f}; to a service, one of {services:,}: {found['service']:,.0f}; "
        f"slowest change {1000 * found['worst change']:.0f} ms"
    )
    return [
        Figure(f"{many}: full ruleset", found["full"], 3.0, "s"),
        Figure(f"{many}: one endpoint changed, median", 1000 * found["change"], 50, "ms"),
        Figure("a service's share of connections/s", 100 * found["service"] / found["direct"], 90, "%", True),
    ]


@contextmanager
def inside(path: Path) -> Iterator[None]:
    """This thread in the network namespace kept at `path`."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(path, os.O_RDONLY)
    libc = ctypes.CDLL(None)
    libc.setns(other, 0)
    try:
        yield
    finally:
        libc.setns(own, 0)
        os.close(own)
        os.close(other)


class Watched:
    """When each pod was first seen Ready, and when each node's rules first had its address."""

    def __init__(self, layout: Layout, admin: Admin) -> None:
        self.ready: dict[str, float] = {}
        self.balanced: dict[str, dict[str, float]] = {name: {} for name in require(layout).node_names}
        self._nodes = {}
        for name in self.balanced:
            with inside(layout.node(name).network_namespace):
                self._nodes[name] = netlink.open_socket(nft.GROUP_NFTABLES)
            threading.Thread(target=self._rules, args=(name,), daemon=True).start()
        threading.Thread(target=self._pods, args=(admin,), daemon=True).start()

    def _rules(self, node: str) -> None:
        while True:
            for kind, _, attributes in netlink.messages(self._nodes[node].recv(1 << 18)):
                if kind == NEW_ELEMENT:
                    now = time.monotonic()
                    for address in self._addresses(bytes(attributes)):
                        self.balanced[node].setdefault(address, now)

    @staticmethod
    def _addresses(data: bytes) -> list[str]:
        """Every pod address in the element: too many would be found rather than too few."""
        found = []
        at = data.find(bytes([10]))
        while at >= 0:
            if len(data) >= at + 4:
                found.append(socket.inet_ntoa(data[at : at + 4]))
            at = data.find(bytes([10]), at + 1)
        return found

    def _pods(self, admin: Admin) -> None:
        connection = http.client.HTTPSConnection(*admin.address, context=admin.tls)
        connection.request("GET", "/api/v1/namespaces/default/pods?watch=true")
        answer = connection.getresponse()
        while line := answer.readline():
            now = time.monotonic()
            status = json.loads(line)["object"].get("status") or {}
            conditions = status.get("conditions") or ()
            if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
                self.ready.setdefault(status["podIP"], now)


def readiness(layout: Layout, admin: Admin, pods: int) -> Figure:
    """One pod more at a time; from the watch event that says Ready to the last node's rules."""
    watched = Watched(layout, admin)
    selector = {"app": "bench"}
    container = {"name": "c", "image": IMAGE}
    template = {
        "metadata": {"labels": selector},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": selector}, "template": template}
    admin.call("POST", DEPLOYMENTS, {"metadata": {"name": "bench"}, "spec": spec})
    ports = [{"port": 80, "targetPort": 8080}]
    admin.call(
        "POST", SERVICES, {"metadata": {"name": "bench"}, "spec": {"selector": selector, "ports": ports}}
    )

    def done() -> list[str]:
        return [one for one in watched.ready if all(one in known for known in watched.balanced.values())]

    for number in range(1, pods + 1):
        admin.call("PATCH", f"{DEPLOYMENTS}/bench", {"spec": {"replicas": number}}, MERGE)
        patience = time.monotonic() + 30
        while len(done()) < number:
            if time.monotonic() > patience:
                raise SystemExit(f"pod {number} is not balanced to after 30 s: see {layout.logs}")
            time.sleep(0.002)
        time.sleep(0.2)
    took = [
        1000 * (max(known[one] for known in watched.balanced.values()) - watched.ready[one]) for one in done()
    ]
    print(f"from Ready to balanced on all nodes: {', '.join(f'{one:.0f}' for one in took)} ms")
    return Figure("from a pod's readiness to its being balanced to", statistics.median(took), 100, "ms")


def ask(path: Path, per_second: int, seconds: float, names: list[str]) -> tuple[float, list[float]]:
    """The answers a second and how long each took, in milliseconds, asking at an even pace."""
    with inside(path):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    client.settimeout(2)
    client.connect((DNS, 53))
    queries = [bytes(dnslib.DNSRecord.question(name).pack())[2:] for name in names]
    total = int(per_second * seconds)
    sent: dict[int, float] = {}
    took: list[float] = []

    def receive() -> None:
        while len(took) < total:
            try:
                data = client.recv(2000)
            except TimeoutError:
                return
            started = sent.pop(struct.unpack(">H", data[:2])[0], None)
            if started is not None:
                took.append(1000 * (time.perf_counter() - started))

    receiver = threading.Thread(target=receive)
    receiver.start()
    start = time.perf_counter()
    for number in range(total):
        wait = start + number / per_second - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        key = number & 0xFFFF
        sent[key] = time.perf_counter()
        client.send(struct.pack(">H", key) + random.choice(queries))
    elapsed = time.perf_counter() - start
    receiver.join()
    client.close()
    return len(took) / elapsed, sorted(took)


def dns(layout: Layout, per_second: int, seconds: float) -> list[Figure]:
    path = layout.node("node-1").network_namespace
    known = [
        f"{name}.default.svc.cluster.local{rest}"
        for name in ("kubernetes", "bench")
        for rest in ("", ".default.svc.cluster.local", ".svc.cluster.local")
    ]
    answered, took = ask(path, per_second, seconds, known)
    _, fresh = ask(path, per_second, seconds, [f"x{n}.default.svc.cluster.local" for n in range(20_000)])
    p99, fresh_p99 = took[int(len(took) * 0.99)], fresh[int(len(fresh) * 0.99)]
    print(
        f"DNS: half of the answers within {statistics.median(took):.2f} ms; "
        f"for names never asked before {statistics.median(fresh):.2f} ms, p99 {fresh_p99:.1f} ms"
    )
    return [
        Figure("DNS queries a second answered by a node", answered, 0.99 * per_second, "/s", True),
        Figure("DNS at that rate, p99", p99, 10, "ms"),
    ]


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[Layout, Admin]]:
    which = ["--name", "bench-network", "--data-dir", str(folder / "cluster")]

    def run(*words: str) -> None:
        command = [sys.executable, "-m", "pybernetes.cli", *words, *which]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    try:
        run("up", "--nodes", "2")
        layout = Layout.of("bench-network", str(folder / "cluster"))
        archive = folder / "image.tar"
        serve = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/bin"]
        files = {"/bin/busybox": Path("/bin/busybox")}
        oci_archive.write(oci_archive.Image(IMAGE, files, command=serve), archive)
        run("image", "load", str(archive))
        yield layout, Admin(layout.pki, require(layout).secure_port)
    finally:
        run("down", "--purge")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench network", description=__doc__)
    parser.add_argument("--services", type=int, default=5000)
    parser.add_argument("--endpoints", type=int, default=10, help="of each service")
    parser.add_argument("--pods", type=int, default=11, help="how many become ready, one after the other")
    parser.add_argument("--queries", type=int, default=3000, help="DNS queries a second")
    parser.add_argument("--seconds", type=float, default=10, help="of DNS queries")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pybernetes-bench-"))
    try:
        figures = rules(arguments.services, arguments.endpoints)
        with cluster(folder) as (layout, admin):
            figures.append(readiness(layout, admin, arguments.pods))
            figures += dns(layout, arguments.queries, arguments.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [("FIGURE", "MEASURED", "LIMIT", "")]
    for one in figures:
        bound = f"{'>=' if one.more_is_better else '<='} {one.limit:g} {one.unit}"
        rows.append((one.what, f"{one.value:.2f} {one.unit}", bound, "" if one.good else "MISSED"))
    print("\n".join(table(rows)))
    return 0 if all(one.good for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
