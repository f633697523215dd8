"""A server that starts on what an earlier one left in the store."""

from __future__ import annotations

from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.options import Options
from pybernetes.lib.clock import RealClock
from pybernetes.store.memory import MemoryStore


async def test_a_second_start_finds_everything_done_and_writes_nothing() -> None:
    clock = RealClock()
    store = MemoryStore(clock)
    options = Options(advertise_address="10.0.0.1")
    revisions = []
    for _ in range(2):
        server = APIServer(store, clock, options)
        await server.start()
        async with clock.timeout(20):
            await server.ready()
        revisions.append(await store.revision())
        await server.close()
    assert revisions[0] == revisions[1]
    await store.close()
