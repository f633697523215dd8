"""The tasks of housekeeping in their order, each tried again until it works; /readyz names those not done yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pybernetes.api.errors import APIError
from pybernetes.apiserver.housekeeping import addresses, aggregation, endpoints, legacy_tokens, node_ports
from pybernetes.apiserver.housekeeping.bootstrap import Bootstrap
from pybernetes.lib.tasks import Tasks

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0

Step = Callable[["APIServer"], Awaitable[None]]


async def _bootstrap(server: APIServer) -> None:
    await Bootstrap(server.client, server.options.client_ca).ensure()
    await aggregation.ensure(server)


STEPS: tuple[tuple[str, Step], ...] = (
    ("poststarthook/rbac/bootstrap-roles", _bootstrap),
    ("poststarthook/start-service-ip-repair-controllers", addresses.ensure),
    ("poststarthook/repair-node-ports", node_ports.ensure),
    ("poststarthook/bootstrap-controller", endpoints.ensure),
    ("poststarthook/start-legacy-token-tracking-controller", legacy_tokens.ensure),
)


class Housekeeping:
    """Runs the steps once, in the background, side by side after the first."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._tasks = Tasks("housekeeping")
        self._done = asyncio.Event()
        self._missing: set[str] = set()

    def start(self) -> None:
        self._missing = {name for name, _ in STEPS}
        for name, _ in STEPS:
            self._server.health.add(name, self._check(name))
        self._tasks.spawn(self._run(), "bootstrap")

    def _check(self, name: str) -> Callable[[], str]:
        return lambda: "not finished" if name in self._missing else ""

    async def _run(self) -> None:
        (first_name, first), *others = STEPS
        await self._until_done(first_name, first)
        await asyncio.gather(*(self._until_done(name, step) for name, step in others))
        self._done.set()

    async def _until_done(self, name: str, step: Step) -> None:
        while True:
            try:
                await step(self._server)
            except APIError as error:
                log.warning("%s: %s; trying again in %g s", name, error, RETRY_SECONDS)
                await self._server.clock.sleep(RETRY_SECONDS)
            else:
                self._missing.discard(name)
                return

    async def done(self) -> None:
        """Returns when every step has worked; at once when there is nothing to do."""
        if self._server.options.bootstrap:
            await self._done.wait()

    async def close(self) -> None:
        await self._tasks.close()
