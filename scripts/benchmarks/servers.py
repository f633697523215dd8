"""The servers that are measured: pybernetes' API server, and upstream's with its etcd, on a scratch directory each.

A `Subject` starts, says when it is ready, tells its memory and CPU time, stops. Only its own processes are touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from objects import encoded

from pybernetes.cluster import server as composition
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.server_settings import ServerSettings
from pybernetes.cluster.status import resident

TOKEN = "benchmark-token"
NAME = "bench-api"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Subject(ABC):
    """One server. `commands` are its processes, in the order in which they start."""

    name = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.pki = Path()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._tls = ssl.create_default_context()
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    @abstractmethod
    def commands(self) -> Sequence[Sequence[str]]:
        """Its processes, the API server last."""

    def start(self) -> float:
        """Start every process; the seconds until /readyz says ok."""
        log = (self.folder / "log").open("ab")
        began = time.monotonic()
        for command in self.commands():
            self._processes.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )
        while not self._ready():
            if time.monotonic() - began > 120 or any(one.poll() is not None for one in self._processes):
                self.stop()
                raise SystemExit(f"{self.name} does not become ready: see {self.folder}/log")
            time.sleep(0.005)
        return time.monotonic() - began

    def _ready(self) -> bool:
        try:
            return self.get("/readyz", timeout=2) == b"ok"
        except OSError:
            return False

    def get(self, path: str, timeout: float = 30) -> bytes:
        return self.request("GET", path, timeout=timeout)

    def request(
        self, method: str, path: str, obj: dict[str, Any] | None = None, timeout: float = 30
    ) -> bytes:
        """A request outside of what is measured. Raises OSError, also for an error status."""
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}",
            data=encoded(obj) if obj is not None else None,
            method=method,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=timeout, context=self._tls) as answer:
            content: bytes = answer.read()
            return content

    def ensure(self, path: str, obj: dict[str, Any]) -> None:
        try:
            self.request("POST", path, obj)
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise

    def memory(self) -> float:
        """Resident MiB of all its processes."""
        return sum(resident(one.pid) for one in self._processes) / (1 << 20)

    def cpu(self) -> float:
        """Seconds of CPU used so far by all its processes."""
        ticks = 0
        for one in self._processes:
            fields = Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def waited(self) -> float:
        """Seconds that the API server's first thread could have run, but had to wait for a CPU."""
        return int(Path(f"/proc/{self.main_pid}/schedstat").read_text().split()[1]) / 1e9

    @property
    def main_pid(self) -> int:
        return self._processes[-1].pid

    def stop(self) -> None:
        for one in reversed(self._processes):
            one.send_signal(signal.SIGTERM)
        for one in reversed(self._processes):
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
        self._processes.clear()


class Pybernetes(Subject):
    """The API server's process as the supervisor runs it, on the SQLite store."""

    name = "pybernetes"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tokens = folder / "tokens.csv"
        tokens.write_text(f'{TOKEN},bench,1,"system:masters"\n')
        data = self.folder / "data"
        settings = ServerSettings(
            NAME,
            str(data),
            bind_address="127.0.0.1",
            secure_port=self.port,
            token_auth_file=str(tokens),
            components=("apiserver",),
        )
        layout = Layout.of(NAME, str(data))
        composition.prepare(layout, settings)
        shutil.rmtree(layout.run, ignore_errors=True)
        self._config = layout.server_config
        self.pki = layout.pki

    def commands(self) -> Sequence[Sequence[str]]:
        return [[sys.executable, "-m", "pybernetes.cluster.run_apiserver", str(self._config)]]


class Upstream(Subject):
    """kube-apiserver and etcd from given binaries, with the same certificates and the same admission."""

    name = "upstream"

    def __init__(self, folder: Path, kube_apiserver: str, etcd: str, pki: Path) -> None:
        super().__init__(folder)
        self._binaries = kube_apiserver, etcd
        self._tokens = folder / "tokens.csv"
        self._ports = free_port(), free_port()
        self.pki = pki

    def commands(self) -> Sequence[Sequence[str]]:
        kube_apiserver, etcd = self._binaries
        clients, peers = self._ports
        pki = self.pki
        return [
            [
                etcd,
                f"--data-dir={self.folder}/etcd",
                f"--listen-client-urls=http://127.0.0.1:{clients}",
                f"--advertise-client-urls=http://127.0.0.1:{clients}",
                f"--listen-peer-urls=http://127.0.0.1:{peers}",
                "--log-level=error",
            ],
            [
                kube_apiserver,
                f"--etcd-servers=http://127.0.0.1:{clients}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={self.port}",
                "--service-cluster-ip-range=10.96.0.0/16",
                f"--token-auth-file={self._tokens}",
                "--authorization-mode=Node,RBAC",
                f"--client-ca-file={pki}/ca.crt",
                f"--tls-cert-file={pki}/apiserver.crt",
                f"--tls-private-key-file={pki}/apiserver.key",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                f"--service-account-key-file={pki}/sa.pub",
                f"--service-account-signing-key-file={pki}/sa.key",
            ],
        ]
