"""What is measured, section by section. Each method adds figures; within a figure the servers take turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import objects
from report import Figure
from servers import TOKEN, Pybernetes, Subject

LOAD = Path(__file__).with_name("load.py")


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    pods: int = 5000
    rounds: int = 3
    seconds: float = 3.0
    watchers: int = 200
    events: int = 200
    idle_watchers: int = 1000
    mixed_seconds: float = 10.0
    readers: int = 50
    writers: int = 10
    leases: int = 5000
    lease_seconds: float = 10.0
    growth: int = 50_000
    growth_start: int = 500
    settle: float = 4.0

    @classmethod
    def small(cls) -> Sizes:
        return cls(40, 1, 0.2, 4, 5, 10, 0.5, 4, 2, 20, 0.5, 60, 10, 0.1)


class Measures:
    """Figures gather in `figures`."""

    def __init__(self, subjects: list[Subject], sizes: Sizes, folder: Path, kload: str | None = None) -> None:
        self.figures: list[Figure] = []
        self._subjects = subjects
        self._sizes = sizes
        self._folder = folder
        self._kload = kload
        self._round = 0
        self._spaces: dict[str, int] = {}

    # Plumbing

    def _figure(self, what: str, unit: str, **targets: Any) -> Figure:
        figure = Figure(what, unit, **targets)
        self.figures.append(figure)
        return figure

    def _load(self, subject: Subject, job: str, **more: Any) -> dict[str, Any]:
        """Run a job of the load process to its end; the CPU seconds of the server come along."""
        before = subject.cpu()
        process = subprocess.run(
            [sys.executable, str(LOAD)],
            input=self._job(subject, job, more),
            stdout=subprocess.PIPE,
            text=True,
            timeout=600,
        )
        if process.returncode:
            raise SystemExit(f"the job {job} failed on {subject.name}")
        result: dict[str, Any] = json.loads(process.stdout)
        result["cpu"] = subject.cpu() - before
        bad = {code: count for code, count in result.get("codes", {}).items() if not code.startswith("2")}
        if bad:
            raise SystemExit(f"{job} on {subject.name} was answered with {bad}: {result['error']}")
        return result

    def _job(self, subject: Subject, job: str, more: dict[str, Any]) -> str:
        self._round += 1
        address = {"host": "127.0.0.1", "port": subject.port, "token": TOKEN}
        return json.dumps({"job": job, "round": self._round, **address, **more}) + "\n"

    def _start_load(self, subject: Subject, job: str, **more: Any) -> subprocess.Popen[str]:
        """A job that goes on until its standard input is closed; back when it has begun."""
        process = self._spawn(subject, job, **more)
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit(f"the job {job} failed on {subject.name}")
        return process

    def _spawn(self, subject: Subject, job: str, **more: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(LOAD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        process.stdin.write(self._job(subject, job, more))
        process.stdin.flush()
        return process

    @staticmethod
    def _end_load(process: subprocess.Popen[str]) -> dict[str, Any]:
        out, _ = process.communicate()
        result: dict[str, Any] = json.loads(out)
        return result

    def _rounds(self, figure: Figure, run: Callable[[Subject], dict[str, Any]], value: str = "per_s") -> None:
        """Fill a figure: every round, each server once."""
        for _ in range(self._sizes.rounds):
            for subject in self._subjects:
                result = run(subject)
                cpu = 1e6 * result["cpu"] / max(result.get("delivered") or result["count"], 1)
                note = f"p50 {result['p50_ms']:g} p99 {result['p99_ms']:g} ms"
                figure.add(subject.name, float(result[value]), cpu, note)

    def _space(self, subject: Subject, name: str) -> str:
        """A namespace with the account that pods need."""
        subject.ensure("/api/v1/namespaces", objects.namespace(name))
        subject.ensure(f"/api/v1/namespaces/{name}/serviceaccounts", objects.service_account("default"))
        return name

    # Sections

    def start(self) -> None:
        ready = self._figure("start to ready, store included", "s", most=0.3)
        idle = self._figure("resident memory, idle", "MiB", most=0.3)
        for number in range(self._sizes.rounds):
            for subject in self._subjects:
                if number:
                    subject.stop()
                ready.add(subject.name, subject.start())
        time.sleep(self._sizes.settle)
        for subject in self._subjects:
            idle.add(subject.name, subject.memory())
            self._space(subject, "load")

    def throughput(self) -> None:
        """Create into a namespace a round, so that each begins empty; all but the first are deleted again."""
        sizes, pods = self._sizes, self._sizes.pods
        create = self._figure("create pods, 32 at once", "/s", least=2.5)
        get = self._figure("GET one pod, 16 at once", "/s", least=4)
        listing = self._figure(f"LIST {pods:,} pods, one at a time", "/s", least=10)
        label = self._figure("LIST by a label of one pod, 4 at once", "/s", least=300)
        patch = self._figure("merge PATCH, 32 at once", "/s", least=4)
        delete = self._figure("DELETE, grace 0, 16 at once", "/s", least=4)
        spaces = ["load", *(f"load-{number}" for number in range(1, sizes.rounds))]
        for space in spaces:
            for subject in self._subjects:
                self._space(subject, space)
                self._add(
                    create,
                    subject,
                    self._load(subject, "create", namespace=space, count=pods, connections=32),
                )
        for space in spaces[1:]:
            for subject in self._subjects:
                self._add(
                    delete,
                    subject,
                    self._load(subject, "delete", namespace=space, count=pods, connections=16),
                )
        path = objects.pods("load")
        self._rounds(get, lambda s: self._get(s, f"{path}/p-000000", 16))
        self._rounds(listing, lambda s: self._get(s, f"{path}?resourceVersion=0", 1))
        self._rounds(label, lambda s: self._get(s, f"{path}?labelSelector=idx%3D7", 4))
        self._rounds(patch, lambda s: self._load(s, "patch", namespace="load", count=pods, connections=32))

    def _add(self, figure: Figure, subject: Subject, result: dict[str, Any]) -> None:
        note = f"p50 {result['p50_ms']:g} p99 {result['p99_ms']:g} ms"
        figure.add(subject.name, result["per_s"], 1e6 * result["cpu"] / max(result["count"], 1), note)

    def _get(self, subject: Subject, path: str, connections: int, accept: str = "") -> dict[str, Any]:
        seconds = self._sizes.seconds
        return self._load(subject, "get", path=path, connections=connections, seconds=seconds, accept=accept)

    def _need_pods(self) -> None:
        """The pods of the namespace `load`, when no section before made them."""
        for subject in self._subjects:
            page = json.loads(subject.get(f"{objects.pods('load')}?limit=1"))
            if not page["items"]:
                self._load(subject, "create", namespace="load", count=self._sizes.pods, connections=32)

    def forms(self) -> None:
        """Other ways to write and to be shown."""
        pods = self._sizes.pods
        self._need_pods()
        everything = {"namespace": "load", "count": pods, "connections": 32}
        merge = next((one for one in self.figures if one.what.startswith("merge PATCH")), None)
        half = (merge.median("pybernetes") or 0) / 2 if merge is not None else None
        strategic = self._figure("strategic merge PATCH, 32 at once", "/s", limit=half)
        self._rounds(strategic, lambda s: self._load(s, "strategic", **everything))
        status = self._figure("strategic merge PATCH of status, 32 at once", "/s")
        self._rounds(status, lambda s: self._load(s, "status", **everything))
        apply = self._figure("server-side apply, 32 at once", "/s", limit=half)
        self._rounds(apply, lambda s: self._load(s, "apply", **everything))
        tables = self._figure(f"Table of {pods:,} pods", "ms", limit=400)
        path = f"{objects.pods('load')}?resourceVersion=0"
        self._rounds(tables, lambda s: self._get(s, path, 1, objects.TABLE), "mean_ms")
        plain = next((one for one in self.figures if one.what.startswith("create pods")), None)
        limit = 0.8 * (plain.median("pybernetes") or 0) if plain is not None else None
        protobuf = self._figure("create pods from protobuf, 32 at once", "/s", limit=limit)
        for number in range(self._sizes.rounds):
            for subject in self._subjects:
                space = self._space(subject, f"proto-{number}")
                job = {"namespace": space, "count": pods, "connections": 32}
                self._add(protobuf, subject, self._load(subject, "create-protobuf", **job))
                self._load(subject, "delete", namespace=space, count=pods, connections=16)

    def watching(self) -> None:
        sizes = self._sizes
        delivered = self._figure(f"{sizes.watchers} watchers see {sizes.events} events", "/s", least=2.5)
        first = 0

        def run(subject: Subject) -> dict[str, Any]:
            nonlocal first
            first += sizes.events
            maps = json.loads(subject.get(objects.config_maps("load") + "?limit=1"))
            result = self._load(
                subject,
                "watch",
                namespace="load",
                revision=maps["metadata"]["resourceVersion"],
                watchers=sizes.watchers,
                events=sizes.events,
                first=first,
                connections=16,
            )
            missing = result["expected"] - result["delivered"]
            if missing:
                delivered.notes.setdefault(subject.name, []).append(f"{missing} events not delivered")
            return result

        self._rounds(delivered, run)
        memory = self._figure(f"{sizes.idle_watchers} idle watchers, memory", "MiB", limit=30)
        work = self._figure(f"{sizes.idle_watchers} idle watchers, CPU", "% of a core", limit=1)
        selector = urllib.parse.quote("run=nothing")
        path = f"{objects.config_maps('load')}?watch=1&labelSelector={selector}&timeoutSeconds=600"
        for subject in self._subjects:
            before = subject.memory()
            process = self._start_load(subject, "hold", path=path, watchers=sizes.idle_watchers)
            time.sleep(1)
            cpu, began = subject.cpu(), time.monotonic()
            time.sleep(sizes.settle)
            work.add(subject.name, 100 * (subject.cpu() - cpu) / (time.monotonic() - began))
            memory.add(subject.name, subject.memory() - before)
            self._end_load(process)

    def mixed(self) -> None:
        """Readers in one process, writers and a lister in another, watchers in a third."""
        sizes = self._sizes
        self._need_pods()
        longest = self._figure("a client lists in a loop: longest loop lag", "ms", limit=10)
        slowest = self._figure("mixed load: GET p99", "ms", limit=50)
        lag = self._figure("mixed load: loop lag p99", "ms", limit=20)
        rates = {name: self._figure(f"mixed load: {name}", "/s") for name in ("get", "patch", "list")}
        load = {"namespace": "load", "count": sizes.pods, "seconds": sizes.mixed_seconds}
        for _ in range(sizes.rounds):
            for subject in self._subjects:
                before = Lag.of(subject)
                self._load(subject, "mixed", **load, listers=1)
                if before is not None:
                    longest.add(subject.name, before.since(subject, 1.0))
                path = (
                    f"{objects.pods('load')}?watch=1&timeoutSeconds=600&resourceVersion={self._now(subject)}"
                )
                watching = self._start_load(subject, "hold", path=path, watchers=sizes.watchers)
                before = Lag.of(subject)
                waited = subject.waited()
                others = self._spawn(subject, "mixed", **load, writers=sizes.writers, listers=1)
                found = self._load(subject, "mixed", **load, readers=sizes.readers)
                found |= self._end_load(others)
                if before is not None:
                    share = 100 * (subject.waited() - waited) / sizes.mixed_seconds
                    note = f"the loop waited for a CPU {share:.0f} % of the time"
                    lag.add(subject.name, before.since(subject, 0.99), note=note)
                self._end_load(watching)
                slowest.add(subject.name, found["get"]["p99_ms"])
                for name, figure in rates.items():
                    note = f"p50 {found[name]['p50_ms']:g} p99 {found[name]['p99_ms']:g} ms"
                    figure.add(subject.name, found[name]["per_s"], note=note)

    def leases(self) -> None:
        """Every node of a big cluster renews its lease every ten seconds."""
        sizes = self._sizes
        work = self._figure(f"{sizes.leases:,} leases renewed every 10 s", "% of a core", limit=15)
        for subject in self._subjects:
            self._load(subject, "create-leases", count=sizes.leases, connections=16)
        job: dict[str, Any] = {
            "count": sizes.leases,
            "per_second": sizes.leases / 10,
            "seconds": sizes.lease_seconds,
        }
        for _ in range(sizes.rounds):
            for subject in self._subjects:
                items = json.loads(subject.get(objects.LEASES))["items"]
                listed = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in items}
                job["listed"] = json.dumps(listed)
                result = self._load(subject, "leases", **job, connections=min(50, sizes.leases))
                note = f"p50 {result['p50_ms']:g} p99 {result['p99_ms']:g} ms"
                work.add(subject.name, 100 * result["cpu"] / sizes.lease_seconds, note=note)

    def kload(self) -> None:
        """The same through another load generator, over HTTP/2 where a server offers it, as Go's clients do."""
        if not self._kload:
            return
        sizes = self._sizes
        jobs = {
            "create": (sizes.pods, 32, 2.5),
            "get": (sizes.pods, 16, 4),
            "list": (20, 1, 10),
            "listlabel": (200, 4, 300),
            "patch": (sizes.pods, 32, 4),
            "watch": (sizes.events, 16, 2.5),
            "delete": (sizes.pods, 16, 4),
        }
        figures = {
            mode: self._figure(f"kload: {mode}", "/s", least=least) for mode, (*_, least) in jobs.items()
        }
        for number in range(sizes.rounds):
            for mode, (count, connections, _) in jobs.items():
                for subject in self._subjects:
                    space = self._space(subject, f"kload-{number}")
                    command = [self._kload, "-server", f"https://127.0.0.1:{subject.port}", "-token", TOKEN]
                    command += ["-ns", space, "-mode", mode, "-n", str(count), "-c", str(connections)]
                    command += ["-w", str(sizes.watchers)]
                    before = subject.cpu()
                    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, check=True)
                    result = json.loads(done.stdout)
                    value = result["deliveries_per_s" if mode == "watch" else "per_s"]
                    cpu = 1e6 * (subject.cpu() - before) / result.get("delivered", count)
                    figures[mode].add(subject.name, value, cpu, f"p99 {result['p99_ms']:g} ms")

    def end(self) -> None:
        """The last round of deletions; before it, the memory that all this has taken."""
        if not any(one.what.startswith("create pods, ") for one in self.figures):
            return
        time.sleep(self._sizes.settle)
        memory = self._figure(
            f"resident memory with {self._sizes.pods:,} pods, after the load", "MiB", most=0.3
        )
        delete = next(one for one in self.figures if one.what.startswith("DELETE"))
        for subject in self._subjects:
            memory.add(subject.name, subject.memory())
        for subject in self._subjects:
            job = {"namespace": "load", "count": self._sizes.pods, "connections": 16}
            self._add(delete, subject, self._load(subject, "delete", **job))

    def growth(self) -> None:
        """A server of its own with many pods of 3 KB: does it start, answer and fit?"""
        sizes = self._sizes
        few, many = sizes.growth_start, sizes.growth
        ready = self._figure(f"{many:,} pods: start to ready", "s", limit=5)
        speed = self._figure(f"{many:,} pods: GETs in relation to {few:,} pods", "of 1/s", limit=1 / 1.2)
        memory = self._figure(f"{many:,} pods: resident memory", "MiB", limit=600)
        subject = Pybernetes(self._folder / "growth")
        try:
            subject.start()
            job = {"namespace": self._space(subject, "load"), "connections": 32, "padding": 200}
            path = objects.pods("load") + "/p-000000"
            self._load(subject, "create", **job, count=few)
            before = statistics.median(self._get(subject, path, 16)["per_s"] for _ in range(sizes.rounds))
            self._load(subject, "create", **job, first=few, count=many - few)
            for _ in range(sizes.rounds):
                subject.stop()
                ready.add(subject.name, subject.start())
                for _ in range(2):
                    result = self._get(subject, path, 16)
                speed.add(subject.name, result["per_s"] / before)
                memory.add(subject.name, subject.memory())
        finally:
            subject.stop()

    @staticmethod
    def _now(subject: Subject) -> str:
        page = json.loads(subject.get(objects.pods("load") + "?limit=1"))
        return str(page["metadata"]["resourceVersion"])


class Lag:
    """How late the server's event loop was, from its metrics; upstream has no such thing."""

    METRIC = "apiserver_loop_lag_seconds_bucket"

    def __init__(self, buckets: dict[float, int]) -> None:
        self._buckets = buckets

    @classmethod
    def of(cls, subject: Subject) -> Lag | None:
        if not isinstance(subject, Pybernetes):
            return None
        buckets = {}
        for line in subject.get("/metrics").decode().splitlines():
            if line.startswith(cls.METRIC):
                bound = line.partition('le="')[2].partition('"')[0]
                buckets[float(bound)] = int(line.rpartition(" ")[2])
        return cls(buckets)

    def since(self, subject: Subject, part: float) -> float:
        """The bound in milliseconds that `part` of the lags since then kept to."""
        after = Lag.of(subject)
        assert after is not None
        counts = [
            (bound, count - self._buckets.get(bound, 0)) for bound, count in sorted(after._buckets.items())
        ]
        wanted = part * counts[-1][1]
        return 1000 * next(bound for bound, count in counts if count >= wanted)
