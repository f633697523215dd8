"""A fake API, real informers and the controllers under test, on virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pybernetes.client.factory import InformerFactory
from pybernetes.controllers.manager import ControllerManager
from pybernetes.controllers.options import Options
from pybernetes.lib.clock import VirtualClock

from .fakes import FakeCluster


@dataclass
class Running:
    """What a test works with: the API's contents, the clock, and the manager."""

    api: FakeCluster
    clock: VirtualClock
    manager: ControllerManager

    async def settle(self, seconds: float = 2.0) -> None:
        """Let everything that was started finish; the default leaves room for retries."""
        await self.clock.advance(seconds)


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """`await run("deployment-controller", ..., option=value)` starts these controllers."""
    started: list[tuple[ControllerManager, InformerFactory]] = []

    async def start(
        *names: str, prepare: Callable[[FakeCluster], None] | None = None, **options: Any
    ) -> Running:
        clock = VirtualClock(turns=120)
        api = FakeCluster(clock)
        if prepare is not None:
            prepare(api)
        informers = InformerFactory(api, clock)
        manager = ControllerManager(api, informers, clock, replace(Options(), controllers=names, **options))
        started.append((manager, informers))
        await manager.start()
        await informers.start()
        await clock.settle()
        return Running(api, clock, manager)

    yield start
    for manager, informers in started:
        await manager.close()
        await informers.close()
