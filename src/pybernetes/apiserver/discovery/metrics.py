"""/metrics in Prometheus' text form, with upstream's names for what a dashboard asks first.

Counting must cost next to nothing: one dictionary entry a (verb, resource, code), buckets by bisection.
"""

from __future__ import annotations

import resource as process
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING

from pybernetes.apiserver.context import Context
from pybernetes.apiserver.discovery.storage_metrics import BUCKETS, cache_lines, histogram, storage_lines
from pybernetes.lib import looplag

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

_NAMES = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "get": "GET"}

Labels = tuple[str, str, str, str, str, str]


class _Series:
    """One combination of verb, group, version, resource, subresource and scope."""

    __slots__ = ("buckets", "codes", "seconds")

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self._series: dict[Labels, _Series] = {}
        self.served = 0
        """Requests so far."""
        self.lag: looplag.LoopLag | None = None
        """Set by who runs the server on a loop of its own."""
        self.database: Path | None = None
        """Set by who opened the store, where it is a file."""

    def request(self, context: Context, code: int, seconds: float) -> None:
        self.served += 1
        if self.lag is not None:
            self.lag.note()
        info = context.info
        if context.resource is not None:
            scope = "resource" if info.name else "namespace" if info.namespace else "cluster"
            key = (info.verb, info.group, info.version, info.resource, info.subresource, scope)
        else:
            key = (
                context.request.method if context.request.method in _METHODS else "OTHER",
                "",
                "",
                "",
                "",
                "",
            )
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series()
        series.codes[code] = series.codes.get(code, 0) + 1
        if not info.long_running:
            series.buckets[bisect_left(BUCKETS, seconds)] += 1
            series.seconds += seconds

    def text(self, server: APIServer) -> str:
        lines = [
            "# HELP apiserver_request_total Requests by verb, resource and response code.",
            "# TYPE apiserver_request_total counter",
        ]
        for key, series in self._series.items():
            labels = _labels(key)
            for code, count in series.codes.items():
                lines.append(f'apiserver_request_total{{code="{code}",{labels}}} {count}')
        lines += [
            "# HELP apiserver_request_duration_seconds Time to answer.",
            "# TYPE apiserver_request_duration_seconds histogram",
        ]
        for key, series in self._series.items():
            lines.extend(
                histogram("apiserver_request_duration_seconds", _labels(key), series.buckets, series.seconds)
            )
        lines += [
            "# HELP apiserver_current_inflight_requests Requests under way.",
            "# TYPE apiserver_current_inflight_requests gauge",
        ]
        for kind, seats in (("mutating", server.writing_seats), ("readOnly", server.reading_seats)):
            lines.append(f'apiserver_current_inflight_requests{{request_kind="{kind}"}} {seats.taken}')
        lines += [
            "# HELP apiserver_current_inqueue_requests Requests in line.",
            "# TYPE apiserver_current_inqueue_requests gauge",
        ]
        for kind, seats in (("mutating", server.writing_seats), ("readOnly", server.reading_seats)):
            lines.append(f'apiserver_current_inqueue_requests{{request_kind="{kind}"}} {seats.waiting}')
        lines.extend(cache_lines(server))
        lines.extend(storage_lines(server))
        if self.lag is not None:
            lines.extend(_lag_lines(self.lag))
        lines.extend(_process_lines())
        return "\n".join(lines) + "\n"


_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _labels(key: Labels) -> str:
    verb, group, version, resource, subresource, scope = key
    shown = _NAMES.get(verb, verb.upper())
    return (
        f'component="apiserver",dry_run="",group="{_clean(group)}",resource="{_clean(resource)}",scope="{scope}",'
        f'subresource="{_clean(subresource)}",verb="{shown}",version="{_clean(version)}"'
    )


def _clean(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _lag_lines(lag: looplag.LoopLag) -> list[str]:
    name, total = "apiserver_loop_lag_seconds", 0
    lines = [
        f"# HELP {name} How late the event loop ran what was due, sampled while there are requests.",
        f"# TYPE {name} histogram",
    ]
    for bound, count in zip((*looplag.BUCKETS, "+Inf"), lag.counts, strict=True):
        total += count
        lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
    return [*lines, f"{name}_sum {lag.seconds:.6f}", f"{name}_count {total}"]


def _process_lines() -> list[str]:
    usage = process.getrusage(process.RUSAGE_SELF)
    return [
        "# HELP process_cpu_seconds_total User and system CPU time spent, in seconds.",
        "# TYPE process_cpu_seconds_total counter",
        f"process_cpu_seconds_total {usage.ru_utime + usage.ru_stime:.3f}",
        "# HELP process_resident_memory_bytes Largest resident size so far, in bytes.",
        "# TYPE process_resident_memory_bytes gauge",
        f"process_resident_memory_bytes {usage.ru_maxrss * 1024}",
    ]
