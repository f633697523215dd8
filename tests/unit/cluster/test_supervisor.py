"""The supervisor as a process: it restarts what ends, writes down what runs, and ends everything with itself."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pybernetes.cluster import processes
from pybernetes.cluster.supervisor import Process, Spec
from pybernetes.cluster.waiting import until

SLEEP = "import time; print('up', flush=True); time.sleep(600)"


def spec(folder: Path, *commands: list[str]) -> Path:
    children = [Process(f"child-{number}", command) for number, command in enumerate(commands)]
    path = folder / "spec.json"
    Spec("test", str(folder), str(folder / "record.json"), children).write(path)
    return path


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    path = spec(tmp_path, [sys.executable, "-c", SLEEP], [sys.executable, "-c", "raise SystemExit(3)"])
    command = [sys.executable, "-m", "pybernetes.cluster.supervisor", str(path)]
    with open(tmp_path / "supervisor.log", "wb") as log:
        process = subprocess.Popen(command, stderr=log)
    yield process
    process.terminate()
    process.wait(20)


def child(folder: Path, name: str) -> processes.Identity | None:
    record = processes.read_record(folder / "record.json")
    found = record.children.get(name) if record else None
    return found if found and processes.alive(found) else None


def test_a_spec_comes_back_as_it_was(tmp_path: Path) -> None:
    path = spec(tmp_path, ["a", "b"])
    assert Spec.read(path).processes == [Process("child-0", ["a", "b"])]


def test_a_killed_child_is_started_again_and_both_are_told(
    tmp_path: Path, supervisor: subprocess.Popen[bytes]
) -> None:
    assert until(lambda: child(tmp_path, "child-0") is not None, 20)
    assert until(lambda: (tmp_path / "child-0.log").read_text() == "up\n", 20)
    first = child(tmp_path, "child-0")
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    assert until(lambda: child(tmp_path, "child-0") not in (None, first), 20)
    for told in (
        "child-0 was killed by SIGKILL; starting it again in 0.2 s",
        "child-1 ended with status 3; starting it again",
    ):
        assert until(lambda told=told: told in (tmp_path / "supervisor.log").read_text(), 20), told
    assert until(lambda: (tmp_path / "child-0.log").read_text() == "up\nup\n", 20)


def test_a_second_supervisor_on_the_same_record_gives_up(
    tmp_path: Path, supervisor: subprocess.Popen[bytes]
) -> None:
    assert until(lambda: child(tmp_path, "child-0") is not None, 20)
    command = [sys.executable, "-m", "pybernetes.cluster.supervisor", str(tmp_path / "spec.json")]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert "already runs" in second.stderr


def test_ending_the_supervisor_ends_its_children(tmp_path: Path, supervisor: subprocess.Popen[bytes]) -> None:
    assert until(lambda: child(tmp_path, "child-0") is not None, 20)
    first = child(tmp_path, "child-0")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert first is not None
    assert not processes.alive(first)
