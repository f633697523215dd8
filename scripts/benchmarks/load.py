"""The load process: a job as JSON on standard input, what happened as JSON on standard output.

A process of its own, so that making load and answering it do not share an interpreter. Jobs: see `JOBS`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import objects
import uvloop
from connections import Address, Exchange, Tally, Watch, connect, now, trusting

Job = dict[str, Any]
Result = dict[str, Any]

GRACE = 90.0
"""Seconds after which a job that hangs is given up."""
PATIENCE = 3.0
"""Seconds without any event after which no more are awaited: a server may cut off watchers that are too slow."""


async def drive(
    address: Address, requests: Iterator[bytes], connections: int, seconds: float = 0.0
) -> Result:
    """Send all requests, `connections` at once; when there are `seconds`, no longer than that."""
    tally = Tally()
    left = connections
    deadline = 0.0
    done = asyncio.get_running_loop().create_future()

    def following() -> bytes | None:
        if deadline and now() >= deadline:
            return None
        return next(requests, None)

    def ended() -> None:
        nonlocal left
        left -= 1
        if not left and not done.done():
            done.set_result(None)

    tls = trusting()
    workers = [
        await connect(address, tls, lambda: Exchange(tally, following, ended)) for _ in range(connections)
    ]
    started = now()
    deadline = started + seconds if seconds else 0.0
    for worker in workers:
        worker.go()
    await done
    summary = tally.summary(now() - started)
    for worker in workers:
        worker.transport.abort()
    return summary


def _requests(address: Address, job: Job) -> Iterator[bytes]:
    """The requests of a job that is a row of the same."""
    what, count, space = job["job"], job.get("count", 0), job.get("namespace", "")
    first = job.get("first", 0)
    numbers = range(first, first + count)
    pods = objects.pods(space)
    if what == "create":
        padding = job.get("padding", 0)
        for number in numbers:
            yield address.request("POST", pods, objects.encoded(objects.pod(number, padding)))
    elif what == "create-protobuf":
        from pybernetes.api.protobuf import encode

        accept = f"{objects.PROTOBUF},application/json"
        bodies = [encode(objects.pod(number)) for number in numbers]
        yield b""
        for body in bodies:
            yield address.request("POST", pods, body, objects.PROTOBUF, accept)
    elif what == "get":
        request = address.request("GET", job["path"], accept=job.get("accept", ""))
        while True:
            yield request
    elif what == "patch":
        for number in numbers:
            body = objects.encoded({"metadata": {"labels": {"touched": str(job["round"])}}})
            yield address.request("PATCH", f"{pods}/p-{number:06d}", body, objects.MERGE_PATCH)
    elif what == "strategic":
        for number in numbers:
            body = objects.encoded({"metadata": {"labels": {"touched": str(job["round"])}}})
            yield address.request("PATCH", f"{pods}/p-{number:06d}", body, objects.STRATEGIC_MERGE_PATCH)
    elif what == "status":
        ready = {"status": {**objects.READY["status"], "message": str(job["round"])}}
        for number in numbers:
            path = f"{pods}/p-{number:06d}/status"
            yield address.request("PATCH", path, objects.encoded(ready), objects.STRATEGIC_MERGE_PATCH)
    elif what == "apply":
        for number in numbers:
            body = objects.encoded(objects.applied(number, str(job["round"])))
            path = f"{pods}/p-{number:06d}?fieldManager=bench&force=true"
            yield address.request("PATCH", path, body, objects.APPLY)
    elif what == "delete":
        for number in numbers:
            yield address.request("DELETE", f"{pods}/p-{number:06d}?gracePeriodSeconds=0")
    else:
        raise SystemExit(f"there is no job {what!r}")


async def uniform(address: Address, job: Job) -> Result:
    requests = _requests(address, job)
    if job["job"] == "create-protobuf":
        next(requests)  # the bodies are encoded before the clock starts
    return await drive(address, requests, job["connections"], job.get("seconds", 0.0))


async def watch(address: Address, job: Job) -> Result:
    """Many watch the config maps of a namespace while some are created: how fast do all see all of them?"""
    watchers, events = job["watchers"], job["events"]
    path = objects.config_maps(job["namespace"]) + "?watch=1&labelSelector=run%3Dwatch&timeoutSeconds=300"
    request = address.request("GET", f"{path}&resourceVersion={job['revision']}")
    seen, last = 0, 0.0
    everything = asyncio.get_running_loop().create_future()

    def lines(count: int) -> None:
        nonlocal seen, last
        seen += count
        last = now()
        if seen >= watchers * events and not everything.done():
            everything.set_result(None)

    watching = await _watchers(address, request, watchers, lines)
    first = job.get("first", 0)
    bodies = (objects.encoded(objects.config_map(number)) for number in range(first, first + events))
    creates = (address.request("POST", objects.config_maps(job["namespace"]), body) for body in bodies)
    started = now()
    wrote = await drive(address, creates, job["connections"])
    while not everything.done() and now() - max(last, started) < PATIENCE:
        await asyncio.wait([everything], timeout=0.1)
    for one in watching:
        one.transport.abort()
    return {
        **wrote,
        "delivered": seen,
        "expected": watchers * events,
        "per_s": round(seen / (last - started), 1),
    }


async def _watchers(
    address: Address, request: bytes, count: int, lines: Callable[[int], None]
) -> list[Watch]:
    """Watchers whose watches have all begun."""
    missing = count
    ready = asyncio.get_running_loop().create_future()

    def begun() -> None:
        nonlocal missing
        missing -= 1
        if not missing:
            ready.set_result(None)

    tls = trusting()
    watchers = [await connect(address, tls, lambda: Watch(request, begun, lines)) for _ in range(count)]
    await asyncio.wait_for(ready, GRACE)
    return watchers


async def hold(address: Address, job: Job) -> Result:
    """Open watches, say so, and count what comes until standard input ends."""
    seen = 0

    def lines(count: int) -> None:
        nonlocal seen
        seen += count

    watchers = await _watchers(address, address.request("GET", job["path"]), job["watchers"], lines)
    print(json.dumps({"watching": len(watchers)}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    open_ones = sum(not one.transport.is_closing() for one in watchers)
    return {"delivered": seen, "open": open_ones}


async def mixed(address: Address, job: Job) -> Result:
    """Readers, writers and one that lists everything, for some seconds, each as fast as it is answered."""
    pods, count = objects.pods(job["namespace"]), job["count"]

    def gets() -> Iterator[bytes]:
        number = 0
        while True:
            number = (number + 7919) % count
            yield address.request("GET", f"{pods}/p-{number:06d}")

    def patches() -> Iterator[bytes]:
        number = 0
        while True:
            number += 1
            body = objects.encoded({"metadata": {"labels": {"touched": f"m{number}"}}})
            yield address.request("PATCH", f"{pods}/p-{number % count:06d}", body, objects.MERGE_PATCH)

    def lists() -> Iterator[bytes]:
        while True:
            yield address.request("GET", f"{pods}?resourceVersion=0")

    sources = {"get": (gets(), "readers"), "patch": (patches(), "writers"), "list": (lists(), "listers")}
    wanted = {name: (source, job[who]) for name, (source, who) in sources.items() if job.get(who)}
    results = await asyncio.gather(
        *(drive(address, requests, clients, job["seconds"]) for requests, clients in wanted.values())
    )
    return dict(zip(wanted, results, strict=True))


async def leases(address: Address, job: Job) -> Result:
    """Renew the leases of many nodes, evenly over some seconds, as kubelets do: with the revision last seen."""
    count, rate = job["count"], job["per_second"]
    listed = json.loads(job["listed"])
    revisions = {int(name.rpartition("-")[2]): revision for name, revision in listed.items()}
    tally = Tally()
    finished = asyncio.get_running_loop().create_future()
    total = int(rate * job["seconds"])

    def renewal(number: int) -> bytes:
        renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = objects.encoded(objects.lease(number, renewed, revisions[number]))
        return address.request("PUT", f"{objects.LEASES}/node-{number:05d}", body)

    def ended() -> None:
        if len(tally.latencies) >= total and not finished.done():
            finished.set_result(None)

    tls = trusting()
    workers = [
        await connect(address, tls, lambda: Renewals(tally, revisions, ended))
        for _ in range(job["connections"])
    ]
    started = now()
    for sent in range(total):
        wait = started + sent / rate - now()
        if wait > 0.001:
            await asyncio.sleep(wait)
        worker = workers[sent % len(workers)]
        worker.waiting.append((sent % count, renewal))
        if len(worker.waiting) == 1:
            worker.go()
    await asyncio.wait_for(finished, GRACE)
    return tally.summary(now() - started)


class Renewals(Exchange):
    """One connection on which leases are renewed in turn; `revisions` is kept up to date."""

    def __init__(self, tally: Tally, revisions: dict[int, str], ended: Callable[[], None]) -> None:
        super().__init__(tally, self._request, ended)
        self.waiting: list[tuple[int, Callable[[int], bytes]]] = []
        self._revisions = revisions

    def _request(self) -> bytes | None:
        if not self.waiting:
            return None
        number, make = self.waiting[0]
        return make(number)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        found = body.partition(b'"resourceVersion":"')[2]
        if found:
            self._revisions[self.waiting[0][0]] = found.partition(b'"')[0].decode()

    def on_message_complete(self) -> None:
        self.waiting.pop(0)
        super().on_message_complete()


async def create_leases(address: Address, job: Job) -> Result:
    renewed = "2026-01-01T00:00:00.000000Z"
    requests = (
        address.request("POST", objects.LEASES, objects.encoded(objects.lease(number, renewed)))
        for number in range(job["count"])
    )
    return await drive(address, requests, job["connections"])


JOBS = {"watch": watch, "hold": hold, "mixed": mixed, "leases": leases, "create-leases": create_leases}


async def main() -> None:
    job = json.loads(sys.stdin.readline())
    address = Address(job["host"], job["port"], job["token"])
    result = await JOBS.get(job["job"], uniform)(address, job)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
