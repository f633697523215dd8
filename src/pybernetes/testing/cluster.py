"""A whole cluster in one event loop: API server, controllers, scheduler and simulated nodes over the memory store.

    async with Cluster(nodes=2) as cluster:
        await cluster.client.create(DEPLOYMENTS, {...})
        await cluster.until(lambda: ..., "three pods run")

Everything speaks through the in-process transport, as bytes, with the identities that real components have. With a
`VirtualClock` minutes pass in milliseconds; `until` and `run_for` move it.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any

from pybernetes import KUBERNETES_VERSION
from pybernetes.api.kinds import NODES, PODS, SERVICE_ACCOUNTS
from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.auth.authenticators import Authenticators, bearer_token
from pybernetes.apiserver.auth.user import AUTHENTICATED, MASTERS, User
from pybernetes.apiserver.options import Options
from pybernetes.client.factory import InformerFactory
from pybernetes.client.interface import Object
from pybernetes.client.recorder import EventRecorder
from pybernetes.client.rest import RestClient
from pybernetes.controllers.manager import ControllerManager
from pybernetes.controllers.options import Options as ControllerOptions
from pybernetes.lib.clock import Clock, RealClock, VirtualClock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import Handler, Request
from pybernetes.scheduler.scheduler import Scheduler
from pybernetes.semantics.tolerations import TAINT_NOT_READY
from pybernetes.store.interface import Store
from pybernetes.store.memory import MemoryStore
from pybernetes.testing.simnode import SimulatedNode
from pybernetes.testing.simpods import Timing

STEP = 0.1


class _Users:
    """Bearer tokens of the cluster's components."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    def token(self, name: str, groups: tuple[str, ...]) -> str:
        token = secrets.token_urlsafe(16)
        self._users[token] = User(name, groups=(*groups, AUTHENTICATED))
        return token

    async def authenticate(self, request: Request) -> User | None:
        return self._users.get(bearer_token(request))


class Cluster:
    """Start with `async with`, or `start` and `close`."""

    def __init__(
        self,
        *,
        nodes: int = 0,
        clock: Clock | None = None,
        controllers: bool = True,
        scheduler: bool = True,
        options: Options | None = None,
        controller_options: ControllerOptions | None = None,
        store: Store | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.clock: Clock = clock or RealClock()
        self.store: Store = store or MemoryStore(self.clock)
        self.server = APIServer(self.store, self.clock, options)
        self.nodes: dict[str, SimulatedNode] = {}
        self.scheduler: Scheduler | None = None
        self.controllers: ControllerManager | None = None
        self.informers: InformerFactory | None = None
        self._first_nodes = nodes
        self._with_controllers = controllers
        self._with_scheduler = scheduler
        self._controller_options = controller_options
        self._timing = timing
        self._users = _Users()
        self._clients: list[RestClient] = []
        self._recorders: list[EventRecorder] = []
        self._factories: list[InformerFactory] = []
        self.server.access.authenticators = Authenticators([self._users, _Rest(self.server)])
        self.client = self.client_as("kubernetes-admin", MASTERS)

    # life

    async def start(self) -> None:
        await self.server.start()
        await self.finish(self.server.ready())
        if self._with_controllers:
            client = self.client_as("system:kube-controller-manager")
            self.informers = self._factory(client)
            self.controllers = ControllerManager(client, self.informers, self.clock, self._controller_options)
            await self.informers.start()
            await self.controllers.start()
        if self._with_scheduler:
            client = self.client_as("system:kube-scheduler")
            recorder = EventRecorder(client, self.clock, "default-scheduler", style="events")
            self._recorders.append(recorder)
            factory = self._factory(client)
            self.scheduler = Scheduler(client, factory, self.clock, recorder)
            await factory.start()
            await self.scheduler.start()
        await self._service_account()
        for number in range(self._first_nodes):
            await self.add_node(f"node-{number + 1}")

    async def _service_account(self) -> None:
        """Pods of a namespace are admitted once it has its default service account."""
        if not self._with_controllers:
            await self.client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
            return

        async def there() -> bool:
            return bool((await self.client.list(SERVICE_ACCOUNTS, "default"))["items"])

        await self.until(there, "the service account default exists")

    async def close(self) -> None:
        for node in self.nodes.values():
            await node.close()
        if self.scheduler is not None:
            await self.scheduler.close()
        if self.controllers is not None:
            await self.controllers.close()
        for recorder in self._recorders:
            await recorder.close()
        for factory in self._factories:
            await factory.close()
        for client in self._clients:
            await client.close()
        await self.server.close()
        await self.store.close()

    async def __aenter__(self) -> Cluster:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # parts

    def client_as(self, name: str, *groups: str, handler: Handler | None = None) -> RestClient:
        """A client with an identity of its own; `handler` may stand between it and the server's handler."""
        client = RestClient(
            InProcessTransport(handler or self.server.handler),
            clock=self.clock,
            user_agent=f"{name.rpartition(':')[2]}/{KUBERNETES_VERSION}",
            headers={"authorization": f"Bearer {self._users.token(name, groups)}"},
        )
        self._clients.append(client)
        return client

    def _factory(self, client: RestClient) -> InformerFactory:
        factory = InformerFactory(client, self.clock)
        self._factories.append(factory)
        return factory

    async def add_node(
        self,
        name: str,
        *,
        capacity: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        taints: list[Object] | None = None,
        timing: Timing | None = None,
    ) -> SimulatedNode:
        """A simulated node, ready to take pods. Without controllers the not-ready taint is taken off here."""
        node = SimulatedNode(
            self.client_as(f"system:node:{name}", "system:nodes"),
            self.clock,
            name,
            capacity=capacity,
            labels=labels,
            taints=taints,
            timing=timing or self._timing,
            number=len(self.nodes),
        )
        self.nodes[name] = node
        await self.finish(node.start())
        if not self._with_controllers:
            await self.finish(self._untaint(name))
        return node

    async def _untaint(self, name: str) -> None:
        node = await self.client.get(NODES, None, name)
        taints = node["spec"].get("taints") or []
        kept = [taint for taint in taints if taint["key"] != TAINT_NOT_READY]
        if len(kept) != len(taints):
            await self.client.patch(NODES, None, name, {"spec": {"taints": kept or None}})

    # time

    async def run_for(self, seconds: float) -> None:
        """Let the cluster live on for so long."""
        if isinstance(self.clock, VirtualClock):
            await self.clock.advance(seconds)
        else:
            await self.clock.sleep(seconds)

    async def until(
        self,
        condition: Callable[[], Any],
        what: str = "",
        *,
        seconds: float = 60,
    ) -> Any:
        """Until the condition (a function, or an async one) holds; its value. Raises TimeoutError, saying `what`."""
        limit = self.clock.monotonic() + seconds
        while True:
            value = condition()
            if inspect.isawaitable(value):
                value = await self.finish(value)
            if value:
                return value
            if self.clock.monotonic() >= limit:
                raise TimeoutError(f"after {seconds:g} s still not so: {what or condition}")
            await self.run_for(STEP if isinstance(self.clock, VirtualClock) else STEP / 10)

    async def finish(self, work: Awaitable[Any]) -> Any:
        """Await something that may itself wait for time to pass, on virtual time too."""
        if not isinstance(self.clock, VirtualClock):
            return await work
        task = asyncio.ensure_future(work)
        while not task.done():
            await self.clock.settle()
            if not task.done():
                await self.clock.advance(0.01)
        return task.result()

    # looking

    async def pods(self, namespace: str | None = None, selector: str = "") -> list[Object]:
        answer = await self.client.list(PODS, namespace, label_selector=selector)
        items: list[Object] = answer["items"]
        return items

    async def running(self, namespace: str | None = None, selector: str = "") -> list[Object]:
        """Pods that run and are not being deleted."""
        return [
            pod
            for pod in await self.pods(namespace, selector)
            if (pod.get("status") or {}).get("phase") == "Running"
            and not pod["metadata"].get("deletionTimestamp")
        ]


class _Rest:
    """The server's own ways to authenticate, for tokens that are not the cluster's."""

    def __init__(self, server: APIServer) -> None:
        self._authenticators = server.access.authenticators

    async def authenticate(self, request: Request) -> User | None:
        return await self._authenticators.authenticate(request)
