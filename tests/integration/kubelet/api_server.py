"""The product's own API server for a kubelet under test: in this process, over the in-process transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pybernetes.api.kinds import NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS
from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.options import Options
from pybernetes.client.factory import InformerFactory
from pybernetes.client.interface import Object
from pybernetes.client.rest import RestClient
from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.store.memory import MemoryStore

TOKEN = "admin-token"


class Api(RestClient):
    """A client that may do everything, with the server behind it; `pod`, `node` and `until` follow a watch.

    Pods get no service account token by themselves: a test says so when it wants one.
    """

    def __init__(self, folder: Path) -> None:
        clock = RealClock()
        tokens = folder / "tokens.csv"
        tokens.write_text(f'{TOKEN},admin,1,"system:masters"\n')
        options = Options(bootstrap=False, token_file=tokens, admission_off=frozenset({"ServiceAccount"}))
        self.store = MemoryStore(clock)
        self.server = APIServer(self.store, clock, options)
        transport = InProcessTransport(self.server.handler)
        super().__init__(transport, clock=clock, headers={"authorization": f"Bearer {TOKEN}"})
        self._following = InformerFactory(self, clock)
        self.pods = self._following.informer(PODS).store
        self.nodes = self._following.informer(NODES).store
        self._changed = asyncio.Event()
        for kind in (PODS, NODES):
            self._following.informer(kind).add_handler(
                added=self._tell, updated=lambda old, new: self._tell(new), deleted=self._tell
            )

    def _tell(self, obj: Object) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        await self.server.start()
        for name in ("default", "kube-node-lease"):
            await self.create(NAMESPACES, {"metadata": {"name": name}})
        await self.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": "default"}})
        await self._following.start()
        await self._following.wait_synced()

    async def stop(self) -> None:
        await self._following.close()
        await self.close()
        await self.server.close()
        await self.store.close()

    async def until(self, met: Callable[[], Any], seconds: float = 20) -> Any:
        """What `met` answers once that is something; it is asked after each change of a pod or node."""
        try:
            async with self.clock.timeout(seconds):
                while not (found := met()):
                    await self._changed.wait()
                return found
        except TimeoutError:
            pods = {pod["metadata"]["name"]: pod.get("status") for pod in self.pods.list()}
            raise AssertionError(f"not met within {seconds} s; pods: {pods}") from None

    def pod(self, name: str, namespace: str = "default") -> Object | None:
        return self.pods.get(f"{namespace}/{name}")

    def node(self, name: str) -> Object | None:
        return self.nodes.get(name)


class EventLog:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def event(self, about: Object, type: str, reason: str, message: str, *, action: str = "") -> None:
        self.events.append((type, reason, message))

    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.events]
