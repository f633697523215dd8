"""Renewals of leases that come close together are handled together."""

from __future__ import annotations

import asyncio

from pybernetes.apiserver.heartbeats import Heartbeats, is_heartbeat
from pybernetes.apiserver.requestinfo import parse
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.http.messages import Request

SECONDS = 0.1
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def test_only_renewals_are_heartbeats() -> None:
    def asks(method: str, path: str) -> bool:
        return is_heartbeat(parse(Request(method, path)))

    assert asks("PUT", f"{LEASES}/node-1") and asks("PATCH", f"{LEASES}/node-1")
    assert not asks("GET", f"{LEASES}/node-1") and not asks("POST", LEASES)
    assert not asks("DELETE", f"{LEASES}/node-1") and not asks("PUT", "/api/v1/namespaces/a/pods/leases")


async def test_the_first_passes_and_those_close_behind_go_together() -> None:
    clock = VirtualClock()
    heartbeats = Heartbeats(clock, SECONDS)
    await heartbeats.turn()
    behind = [asyncio.ensure_future(heartbeats.turn()) for _ in range(3)]
    await clock.advance(SECONDS / 2)
    assert not any(one.done() for one in behind)
    await clock.advance(SECONDS / 2)
    assert all(one.done() for one in behind)
    later = asyncio.ensure_future(heartbeats.turn())
    await clock.settle()
    assert not later.done(), "a burst has just been"
    await clock.advance(2 * SECONDS)
    await later
    await heartbeats.turn()


async def test_one_that_gives_up_takes_nobody_along() -> None:
    clock = VirtualClock()
    heartbeats = Heartbeats(clock, SECONDS)
    await heartbeats.turn()
    one, other = (asyncio.ensure_future(heartbeats.turn()) for _ in range(2))
    await clock.settle()
    one.cancel()
    await clock.advance(SECONDS)
    await other
    assert one.cancelled()


async def test_where_nothing_is_gathered_nobody_waits() -> None:
    heartbeats = Heartbeats(VirtualClock(), 0)
    for _ in range(3):
        await heartbeats.turn()
