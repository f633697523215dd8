"""What /metrics says of watches, caches and the store, under upstream's names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer
    from pybernetes.apiserver.cache.cache import Cache
    from pybernetes.apiserver.resources import Resource

BUCKETS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
)  # fmt: skip


def histogram(name: str, labels: str, counts: Sequence[int], seconds: float) -> list[str]:
    """`counts` has one number a bucket and one for what is above the last."""
    lines, total = [], 0
    for bound, count in zip((*BUCKETS, "+Inf"), counts, strict=True):
        total += count
        lines.append(f'{name}_bucket{{{labels},le="{bound}"}} {total}')
    return [*lines, f"{name}_sum{{{labels}}} {seconds:.6f}", f"{name}_count{{{labels}}} {total}"]


def _open_caches(server: APIServer) -> Iterator[tuple[Resource, Cache]]:
    """Each filled cache with the resource that is stored in it."""
    by_name = {resource.spec.name: resource for resource in server.resources if resource.conversion is None}
    for cache in server.caches:
        resource = by_name.get(cache.spec.name)
        if resource is not None:
            yield resource, cache


def cache_lines(server: APIServer) -> list[str]:
    """Watchers, events and objects of every kind that has been asked for."""
    lines: list[str] = []
    found = list(_open_caches(server))

    def metric(name: str, kind: str, text: str, values: list[tuple[str, int]]) -> None:
        lines.extend((f"# HELP {name} {text}", f"# TYPE {name} {kind}"))
        lines.extend(f"{name}{{{labels}}} {value}" for labels, value in values)

    def of_kind(resource: Resource) -> str:
        return f'group="{resource.kind.group}",resource="{resource.kind.resource}"'

    def served(resource: Resource) -> str:
        kind = resource.kind
        return f'group="{kind.group}",resource="{kind.resource}",version="{kind.version}"'

    watching = [
        (
            f'component="apiserver",group="{resource.kind.group}",resource="{resource.kind.resource}",'
            f'scope="",subresource="",verb="WATCH",version="{resource.kind.version}"',
            cache.watching,
        )
        for resource, cache in found
    ]
    metric("apiserver_longrunning_requests", "gauge", "Requests that stay open.", watching)
    sent = [(served(resource), cache.watchers.handed_out) for resource, cache in found]
    metric("apiserver_watch_events_total", "counter", "Events handed to watchers.", sent)
    cut = [(of_kind(resource), cache.watchers.cut_off) for resource, cache in found]
    metric("apiserver_terminated_watchers_total", "counter", "Watchers that were too slow.", cut)
    received = [(of_kind(resource), cache.received) for resource, cache in found]
    metric(
        "apiserver_watch_cache_events_received_total", "counter", "Events that came from the store.", received
    )
    revisions = [(of_kind(resource), cache.revision) for resource, cache in found]
    metric("apiserver_watch_cache_resource_version", "gauge", "The revision of each cache.", revisions)
    objects = [(of_kind(resource), len(cache)) for resource, cache in found]
    metric("apiserver_resource_objects", "gauge", "Stored objects by kind.", objects)
    stored = [(f'resource="{resource.kind.group_resource}"', len(cache)) for resource, cache in found]
    metric("apiserver_storage_objects", "gauge", "Stored objects by kind.", stored)
    return lines


class StoreTimes:
    """How long the store took, by operation and kind."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[float]] = {}

    def note(self, operation: str, resource: Resource, seconds: float) -> None:
        kind = resource.stored_as
        key = (operation, kind.group, kind.resource)
        times = self._found.get(key)
        if times is None:
            times = self._found[key] = [0.0] * (len(BUCKETS) + 2)
        at = 0
        while at < len(BUCKETS) and seconds > BUCKETS[at]:
            at += 1
        times[at] += 1
        times[-1] += seconds

    def lines(self) -> list[str]:
        name = "etcd_request_duration_seconds"
        lines = [f"# HELP {name} Time of the store's operations.", f"# TYPE {name} histogram"]
        for (operation, group, resource), times in self._found.items():
            labels = f'group="{group}",operation="{operation}",resource="{resource}"'
            lines.extend(histogram(name, labels, [int(count) for count in times[:-1]], times[-1]))
        name = "etcd_requests_total"
        lines.extend((f"# HELP {name} Operations of the store.", f"# TYPE {name} counter"))
        for (operation, group, resource), times in self._found.items():
            labels = f'group="{group}",operation="{operation}",resource="{resource}"'
            lines.append(f"{name}{{{labels}}} {int(sum(times[:-1]))}")
        return lines


def storage_lines(server: APIServer) -> list[str]:
    lines = server.registry.times.lines()
    database = server.metrics.database
    if database is not None and database.exists():
        name = "apiserver_storage_size_bytes"
        size = sum(
            part.stat().st_size
            for part in (database, database.with_name(database.name + "-wal"))
            if part.exists()
        )
        lines += [
            f"# HELP {name} Size of the store's files.",
            f"# TYPE {name} gauge",
            f'{name}{{storage_cluster_id="embedded"}} {size}',
        ]
    return lines
