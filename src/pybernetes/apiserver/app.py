"""`APIServer`: everything between HTTP requests and a store, wired in one place.

    server = APIServer(store, clock, options)
    await server.start()                 # caches, access control, bootstrap (in the background)
    await Server(server.handler, ...)    # lib/http's server, or InProcessTransport(server.handler)
    await server.ready()                 # everything that /readyz asks for
    await server.close()                 # the store is closed by whoever opened it

`failed` is a future of the first error that the server cannot go on with.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pybernetes.api.errors import Timeout
from pybernetes.api.kinds import CORE_EVENTS, Kind
from pybernetes.apiserver.access import Access
from pybernetes.apiserver.allocation.addresses import of_ranges
from pybernetes.apiserver.allocation.node_ports import NodePorts
from pybernetes.apiserver.cache.caches import Caches
from pybernetes.apiserver.chain import Chain
from pybernetes.apiserver.connect.kubelets import Kubelets
from pybernetes.apiserver.deadlines import Deadlines
from pybernetes.apiserver.discovery.health import Health
from pybernetes.apiserver.discovery.metrics import Metrics
from pybernetes.apiserver.discovery.openapi import Documents
from pybernetes.apiserver.heartbeats import Heartbeats
from pybernetes.apiserver.housekeeping.loop import Housekeeping
from pybernetes.apiserver.negotiation import JSON, PROTOBUF, YAML, AnswerForm, negotiate
from pybernetes.apiserver.options import Options
from pybernetes.apiserver.registry import Registry
from pybernetes.apiserver.resources import Resource, builtin_resources
from pybernetes.apiserver.seats import Seats
from pybernetes.client.rest import RestClient
from pybernetes.lib.clock import Clock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import Answer, Request
from pybernetes.lib.tasks import Tasks
from pybernetes.store.interface import Store

if TYPE_CHECKING:
    from pybernetes.apiserver.auth.authenticators import Authenticators
    from pybernetes.apiserver.auth.authorizers import Authorizers

Object = dict[str, Any]

OFFERED = (JSON, YAML, PROTOBUF)
REVISION_WAIT = 3.0
"""Seconds that a read waits for a revision that this server has not seen yet."""


class APIServer:
    """One API server over one store. Handlers and plugins reach everything through it."""

    def __init__(self, store: Store, clock: Clock, options: Options | None = None) -> None:
        self.clock = clock
        self.options = options or Options()
        self.tasks = Tasks("apiserver")
        self.caches = Caches(store, clock)
        self.registry = Registry(store, self.caches)
        self.resources = builtin_resources()
        self.metrics = Metrics()
        self.health = Health()
        self.health.add("etcd", lambda: "the store has failed" if store.failed.done() else "", live=True)
        self.documents = Documents()
        self.reading_seats = Seats(self.options.max_in_flight)
        self.writing_seats = Seats(self.options.max_mutating_in_flight)
        self.deadlines = Deadlines(clock, self.options.request_timeout)
        self.heartbeats = Heartbeats(clock, self.options.heartbeat_gathering)
        self.access = Access(self)
        self.addresses = of_ranges(self, self.options.service_cidr)
        self.node_ports = NodePorts(store, self.options.node_ports)
        self.kubelets = Kubelets(self)
        self._chain = Chain(self)
        self._transport = InProcessTransport(self.handler)
        self.client = RestClient(
            self._transport,
            clock=clock,
            user_agent="pybernetes-apiserver",
            headers={"authorization": f"Bearer {self.access.loopback_token}"},
        )
        self.housekeeping = Housekeeping(self)
        self.found_revision = 0
        """The store's revision when this server started: what is not newer was left by an earlier one."""

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        return self.tasks.failed

    @property
    def authenticators(self) -> Authenticators:
        return self.access.authenticators

    @property
    def authorizers(self) -> Authorizers:
        return self.access.authorizers

    async def start(self) -> None:
        """Answer requests from when this returns; bootstrapping goes on in the background."""
        await self.caches.start()
        self.found_revision = self.caches.revision
        self.tasks.spawn(self._guard_caches(), "follow the store")
        await self.access.start()
        if self.options.bootstrap:
            self.housekeeping.start()

    async def _guard_caches(self) -> None:
        raise await self.caches.failed

    async def ready(self) -> None:
        """Until bootstrapping is done."""
        await self.housekeeping.done()

    async def handler(self, request: Request) -> Answer:
        """For `lib/http`'s server and the in-process transport."""
        return await self._chain.handle(request)

    async def close(self) -> None:
        """End every watch and task."""
        self.deadlines.close()
        await self.housekeeping.close()
        await self.client.close()
        await self.kubelets.close()
        await self.access.close()
        await self.tasks.close()
        await self.caches.close()

    # What handlers ask for

    def form(self, request: Request, shown: frozenset[str]) -> AnswerForm:
        """How the answer is to look. Raises NotAcceptable."""
        return negotiate(request.headers.get("accept"), OFFERED, shown)

    def ttl(self, resource: Resource) -> float | None:
        """Seconds that an object of a resource lives; None is for ever."""
        return self.options.event_ttl if resource.stored_as is CORE_EVENTS else None

    async def at_least(self, revision: int) -> None:
        """Wait until reads show what was written up to a revision. Raises Timeout."""
        if self.caches.revision >= revision:
            return
        try:
            await self.caches.wait_for(revision, REVISION_WAIT)
        except TimeoutError:
            words = f"Timeout: Too large resource version: {revision}, current: {self.caches.revision}"
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            raise Timeout(words, details={"causes": [cause], "retryAfterSeconds": 1}) from None

    async def lookup(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """An object by name as the cache has it, decoded, not to be changed; None when there is none."""
        resource = self.resources.of(kind)
        entry = await self.registry.find(resource, namespace or "", name)
        return self.registry.peek(resource, entry) if entry is not None else None
