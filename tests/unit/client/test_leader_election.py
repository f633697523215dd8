"""Two candidates and one lease, on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fake_server import json_answer

from pybernetes.api import errors
from pybernetes.api.kinds import LEASES
from pybernetes.client.leader_election import LeaderElector
from pybernetes.client.rest import RestClient
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import Answer, Request


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.away: set[str] = set()
        self.leading: list[str] = []

    def candidate(self, identity: str) -> asyncio.Task[None]:
        async def handle(request: Request) -> Answer:
            return await self.handle(identity, request)

        client = RestClient(InProcessTransport(handle), clock=self.clock)
        elector = LeaderElector(client, self.clock, "scheduler", identity)

        async def lead() -> None:
            self.leading.append(identity)
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.leading.remove(identity)

        return asyncio.ensure_future(elector.run(lead))

    async def handle(self, identity: str, request: Request) -> Answer:
        if identity in self.away:
            return json_answer(errors.ServiceUnavailable("away").status, 503)
        if request.method == "GET":
            if self.lease is None:
                return json_answer(errors.not_found(LEASES, "scheduler").status, 404)
            return json_answer(self.lease)
        body = msgspec.json.decode(await request.body.read(1 << 20))
        if request.method == "POST" and self.lease is not None:
            return json_answer(errors.already_exists(LEASES, "scheduler").status, 409)
        if request.method == "PUT":
            assert self.lease is not None
            if body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
                return json_answer(errors.conflict(LEASES, "scheduler", errors.MODIFIED).status, 409)
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.lease = body
        return json_answer(body)


async def stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_only_one_leads() -> None:
    world = World()
    first, second = world.candidate("a"), world.candidate("b")
    await world.clock.advance(60)
    assert world.leading == ["a"]
    assert world.lease is not None and world.lease["spec"]["holderIdentity"] == "a"
    assert world.lease["spec"]["leaseTransitions"] == 0
    await stop(first, second)


async def test_a_leader_that_stops_hands_over_at_once() -> None:
    world = World()
    first, second = world.candidate("a"), world.candidate("b")
    await world.clock.advance(10)
    await stop(first)
    await world.clock.advance(5)
    assert world.leading == ["b"]
    assert world.lease is not None and world.lease["spec"]["leaseTransitions"] == 1
    await stop(second)


async def test_a_leader_that_cannot_renew_steps_down_before_another_leads() -> None:
    world = World()
    first, second = world.candidate("a"), world.candidate("b")
    await world.clock.advance(10)
    world.away.add("a")
    for _ in range(40):
        await world.clock.advance(1)
        assert len(world.leading) <= 1
    assert world.leading == ["b"]
    assert first.done()
    await stop(second)
