"""kill -9 of the whole server at any moment, under write load, loses no write that was acknowledged."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pybernetes.cluster import processes
from pybernetes.cluster.admin import Admin
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.waiting import monotonic, pause, until

KILLS = 20
WRITERS = 4
PATH = "/api/v1/namespaces/default/configmaps"


class Server:
    """`pybernetes server` on a folder, started and killed again and again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.data = folder
        self.port = port
        self.name = f"killed-{port}"
        self.supervisor: subprocess.Popen[bytes] | None = None

    @property
    def record(self) -> Path:
        """Root's servers keep their records under /run, others' in the data directory."""
        run = Path("/run/pybernetes", self.name) if os.geteuid() == 0 else self.data / "run"
        return run / "server.json"

    def start(self) -> None:
        command = [sys.executable, "-m", "pybernetes.cli", "server", "--name", self.name]
        command += [
            "--data-dir",
            str(self.data),
            "--bind-address",
            "127.0.0.1",
            "--secure-port",
            str(self.port),
        ]
        with open(self.data / "server.out", "ab") as log:
            self.supervisor = subprocess.Popen(
                [*command, "--components", "apiserver"], stdout=log, stderr=log
            )
        assert until(self.ready, 30), (self.data / "server.out").read_text()

    def admin(self) -> Admin:
        return Admin(self.data / "pki", self.port, timeout=5)

    def ready(self) -> bool:
        return (self.data / "pki" / "admin.crt").exists() and self.admin().ready()

    def kill(self) -> None:
        """SIGKILL to all of it at once."""
        assert self.supervisor is not None
        record = processes.read_record(self.record)
        self.supervisor.kill()
        for child in record.running() if record else []:
            processes.send(child, signal.SIGKILL)
        self.supervisor.wait(10)
        assert record is None or not processes.wait_ended(record.running(), 10, monotonic, pause)

    def stop(self) -> None:
        if self.supervisor is not None:
            self.supervisor.terminate()
            self.supervisor.wait(20)
        for path in (self.record, self.record.with_name("server.json.lock")):
            path.unlink(missing_ok=True)
        try:
            self.record.parent.rmdir()
            self.record.parent.parent.rmdir()
        except OSError:
            return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(tmp_path, port)
    yield server
    server.stop()


class Writer(threading.Thread):
    """Creates, changes and deletes ConfigMaps; `expected` is what must be there, None for what must be gone."""

    def __init__(self, server: Server, name: str, stop: threading.Event) -> None:
        super().__init__(name=name)
        self.server = server
        self.stop = stop
        self.expected: dict[str, str | None] = {}
        self.unsure: set[str] = set()

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            try:
                admin = self.server.admin()
                while not self.stop.is_set():
                    self.write_one(admin, f"{self.name}-{number}")
                    number += 1
            except (Failure, OSError):
                number += 1
                self.stop.wait(0.01)

    def write_one(self, admin: Admin, name: str) -> None:
        """What an unanswered request leaves is anybody's guess, until an answer settles it."""
        self.unsure.add(name)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": "1"}}
        admin.call("POST", PATH, body)
        self.expected[name] = "1"
        admin.call("PATCH", f"{PATH}/{name}", {"data": {"v": "2"}}, "application/merge-patch+json")
        self.expected[name] = "2"
        if hash(name) % 3 == 0:
            admin.call("DELETE", f"{PATH}/{name}")
            self.expected[name] = None
        self.unsure.discard(name)

    def check(self, found: dict[str, str]) -> None:
        for name, value in self.expected.items():
            if name not in self.unsure:
                assert found.get(name) == value, name
            elif value == "1":
                assert found.get(name) in ("1", "2"), f"{name} was acknowledged as created"


def test_twenty_kills_lose_nothing(server: Server) -> None:
    server.start()
    stop = threading.Event()
    writers = [Writer(server, f"w{number}", stop) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    acknowledged = 0
    chance = random.Random(20)
    try:
        for _ in range(KILLS):
            goal = acknowledged + 20
            assert until(lambda goal=goal: sum(len(w.expected) for w in writers) >= goal, 30)
            pause(chance.random() * 0.2)
            server.kill()
            server.start()
            acknowledged = sum(len(w.expected) for w in writers)
    finally:
        stop.set()
        for writer in writers:
            writer.join(30)
    status, content = server.admin().request("GET", PATH)
    assert status == 200
    found = {
        item["metadata"]["name"]: item["data"]["v"]
        for item in json.loads(content)["items"]
        if "v" in item["data"]
    }
    for writer in writers:
        writer.check(found)
    assert acknowledged >= KILLS * 20
