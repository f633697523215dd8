"""Processes that outlive the command that started them: recorded by pid and start time, ended by both.

A pid alone may belong to somebody else by the time it is read again, most surely after a reboot;
the pair of pid and start time (clock ticks since boot) with the boot's id never does.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """One process of this boot."""

    pid: int
    started: int


def identify(pid: int) -> Identity | None:
    """The process with that pid, unless it has ended (a zombie has)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else Identity(pid, int(fields[18]))


def alive(process: Identity) -> bool:
    return identify(process.pid) == process


def send(process: Identity, number: signal.Signals) -> None:
    """Signal it if it is still the one that was recorded."""
    if alive(process):
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            pass


@dataclass(frozen=True)
class Record:
    """What a supervisor writes down: itself and its children by name; None is one that does not run now."""

    supervisor: Identity
    children: dict[str, Identity | None]

    def living(self) -> list[Identity]:
        return [process for process in (self.supervisor, *self.running()) if alive(process)]

    def running(self) -> list[Identity]:
        """The children that ran when it was written."""
        return [child for child in self.children.values() if child is not None]


def write_record(path: Path, record: Record) -> None:
    content = {
        "boot": BOOT_ID.read_text().strip(),
        "supervisor": asdict(record.supervisor),
        "children": {name: asdict(child) if child else None for name, child in record.children.items()},
    }
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(partial, path)


def read_record(path: Path) -> Record | None:
    """The record at that path; None when there is none, or when it is from before a reboot or damaged."""
    try:
        content = json.loads(path.read_text())
        if content["boot"] != BOOT_ID.read_text().strip():
            return None
        children = {name: Identity(**child) if child else None for name, child in content["children"].items()}
        return Record(Identity(**content["supervisor"]), children)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def wait_ended(
    processes: Iterable[Identity],
    seconds: float,
    monotonic: Callable[[], float],
    pause: Callable[[float], None],
) -> list[Identity]:
    """Wait until all have ended, at most `seconds`; answers those that have not."""
    deadline = monotonic() + seconds
    left = [process for process in processes if alive(process)]
    while left and monotonic() < deadline:
        pause(0.01)
        left = [process for process in left if alive(process)]
    return left
