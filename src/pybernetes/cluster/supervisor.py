"""Keeps the processes of a server or of a node running; started as `python -m pybernetes.cluster.supervisor SPEC`.

In comes a spec (JSON, `Spec` below), out come child processes whose output goes to log files. A child
that ends is started again with back-off, and the supervisor's own log says so. SIGTERM ends the
children, last started first, then the supervisor. It imports nothing heavy: it is there all the time.

Everything happens in one loop that waits for signals (`signal.sigtimedwait`), so there are no threads
and nothing is polled, except that log files are measured once a minute.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from pybernetes.cluster.processes import Identity, Record, identify, write_record
from pybernetes.cluster.waiting import monotonic
from pybernetes.lib.backoff import Backoff

FIRST_DELAY, LONGEST_DELAY, STEADY_AFTER = 0.2, 30.0, 60.0
STOP_SECONDS = 10.0
LOG_BYTES = 10 << 20
MEASURE_EVERY = 60.0
SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SUBREAPER = 36


@dataclass(frozen=True)
class Process:
    """One child: its name (also its log's), its command line and additions to the environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Spec:
    """What to run. `record` is where the pids are written, `cgroups` are the files to join first."""

    name: str
    logs: str
    record: str
    processes: Sequence[Process]
    cgroups: Sequence[str] = ()

    def write(self, path: Path) -> None:
        content = {
            "name": self.name,
            "logs": self.logs,
            "record": self.record,
            "cgroups": list(self.cgroups),
            "processes": [
                {"name": p.name, "command": list(p.command), "environment": dict(p.environment)}
                for p in self.processes
            ],
        }
        path.write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Spec:
        content = json.loads(path.read_text())
        content["processes"] = [Process(**process) for process in content["processes"]]
        return cls(**content)


class Supervisor:
    """The loop over one spec."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.backoff = Backoff(FIRST_DELAY, LONGEST_DELAY, STEADY_AFTER)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.due: dict[str, float] = {}
        own = identify(os.getpid())
        assert own is not None
        self.identity = own

    def say(self, text: str) -> None:
        stamp = datetime.now().isoformat(timespec="milliseconds")
        sys.stderr.write(f"{stamp} supervisor of {self.spec.name}: {text}\n")

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        _adopt_orphans()
        for path in self.spec.cgroups:
            Path(path).write_text(str(os.getpid()))
        self.due = {process.name: monotonic() for process in self.spec.processes}
        measured = monotonic()
        while True:
            now = monotonic()
            self._start_due(now)
            if now - measured >= MEASURE_EVERY:
                measured = now
                self._shorten_logs()
            wake = min([*self.due.values(), measured + MEASURE_EVERY])
            received = signal.sigtimedwait(SIGNALS, max(wake - monotonic(), 0))
            if received is None:
                continue
            if received.si_signo in (signal.SIGTERM, signal.SIGINT):
                self.say("stopping")
                self._stop()
                return
            if received.si_signo == signal.SIGCHLD:
                self._reap()

    def _start_due(self, now: float) -> None:
        due = [process for process in self.spec.processes if self.due.get(process.name, now + 1) <= now]
        for process in due:
            del self.due[process.name]
            try:
                self.running[process.name] = self._start(process)
            except OSError as error:
                self._again(process.name, f"cannot start: {error}")
        if due:
            self._write_record()

    def _start(self, process: Process) -> subprocess.Popen[bytes]:
        path = self._log_path(process.name)
        with open(path, "ab", buffering=0) as log:
            child = subprocess.Popen(
                process.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **process.environment},
                start_new_session=True,
                preexec_fn=_unblock_signals,
            )
        self.say(f"started {process.name} (pid {child.pid}, log {path})")
        return child

    def _log_path(self, name: str) -> str:
        return os.path.join(self.spec.logs, name + ".log")

    def _reap(self) -> None:
        """Collect every child that has ended, and orphans that were handed to us."""
        by_pid = {child.pid: name for name, child in self.running.items()}
        changed = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            name = by_pid.get(pid)
            if name is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            self.running.pop(name).returncode = code
            self._again(
                name,
                f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}",
            )
            changed = True
        if changed:
            self._write_record()

    def _again(self, name: str, reason: str) -> None:
        now = monotonic()
        delay = self.backoff.next(name, now)
        self.due[name] = now + delay
        self.say(f"{name} {reason}; starting it again in {delay:g} s (its log is {self._log_path(name)})")

    def _write_record(self) -> None:
        children: dict[str, Identity | None] = {process.name: None for process in self.spec.processes}
        for name, child in self.running.items():
            children[name] = identify(child.pid)
        write_record(Path(self.spec.record), Record(self.identity, children))

    def _shorten_logs(self) -> None:
        """Keep one older part of each log; children append, so truncating under them is safe."""
        for process in self.spec.processes:
            path = self._log_path(process.name)
            try:
                if os.path.getsize(path) > LOG_BYTES:
                    with open(path, "rb") as source, open(path + ".1", "wb") as sink:
                        while part := source.read(1 << 20):
                            sink.write(part)
                    os.truncate(path, 0)
            except OSError as error:
                self.say(f"cannot shorten {path}: {error}")

    def _stop(self) -> None:
        deadline = monotonic() + STOP_SECONDS
        for name in reversed([process.name for process in self.spec.processes]):
            child = self.running.get(name)
            if child is None:
                continue
            child.terminate()
            while child.poll() is None and monotonic() < deadline:
                signal.sigtimedwait([signal.SIGCHLD], max(deadline - monotonic(), 0))
            if child.poll() is None:
                self.say(f"{name} did not end in {STOP_SECONDS:g} s; killing it")
                child.kill()
                child.wait()


def environment() -> dict[str, str]:
    """The environment for a supervisor and so for its children: compiled modules are
    kept, or starting takes twice as long."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def replace_this_process(spec: Path) -> NoReturn:
    """Become the supervisor of `spec`, without what this process has imported."""
    command = [sys.executable, "-m", "pybernetes.cluster.supervisor", str(spec)]
    os.execve(sys.executable, command, environment())


def _adopt_orphans() -> None:
    """Container shims become our children, not init's, when containerd ends: somebody must reap them."""
    ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)


def _unblock_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def main() -> int:
    spec = Spec.read(Path(sys.argv[1]))
    lock = os.open(spec.record + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.stderr.write(f"another supervisor already runs {spec.name}\n")
        return 1
    Supervisor(spec).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
