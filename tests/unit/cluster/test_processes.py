"""Processes by pid and start time."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pybernetes.cluster import processes
from pybernetes.cluster.processes import Identity, Record
from pybernetes.cluster.waiting import monotonic, pause


def test_this_process_is_alive_and_its_pid_with_another_start_is_not() -> None:
    own = processes.identify(os.getpid())
    assert own is not None
    assert processes.alive(own)
    assert not processes.alive(Identity(own.pid, own.started + 1))


def test_only_the_recorded_process_is_signalled_and_a_zombie_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        identity = processes.identify(child.pid)
        assert identity is not None
        processes.send(Identity(identity.pid, identity.started - 1), signal.SIGKILL)
        assert processes.alive(identity)
        processes.send(identity, signal.SIGKILL)
        assert processes.wait_ended([identity], 10, monotonic, pause) == []
    finally:
        child.kill()
        child.wait()


def test_records_come_back_and_those_of_another_boot_do_not(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    record = Record(Identity(1, 2), {"apiserver": Identity(3, 4), "controllers": None})
    processes.write_record(path, record)
    assert processes.read_record(path) == record
    assert record.running() == [Identity(3, 4)]
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "boot": "another"}))
    assert processes.read_record(path) is None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"boot": 1}'])
def test_a_damaged_record_counts_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(content)
    assert processes.read_record(path) is None
