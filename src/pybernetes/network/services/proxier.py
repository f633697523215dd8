"""The service proxy of a node: Services, EndpointSlices, Pods and the Node in, nftables in the kernel out.

A change marks its service; some milliseconds later everything marked is computed anew and handed to the kernel in
one transaction. Then the connections that no longer are right are forgotten and health checks told. What the kernel
refuses, and what somebody else has changed, is answered with the whole table.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from pybernetes.api.kinds import ENDPOINT_SLICES, NODES, PODS, SERVICES
from pybernetes.client.interface import Informers, Object, object_key
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks
from pybernetes.network import routes
from pybernetes.network.commands import CommandFailed
from pybernetes.network.nft import Nft
from pybernetes.network.services import conntrack, delta, model
from pybernetes.network.services.delta import Services
from pybernetes.network.services.endpoints import Target, family_of
from pybernetes.network.services.health import PROXY_PORT, HealthServers
from pybernetes.network.services.model import Door, HealthCheck, Place, Wanted
from pybernetes.network.services.ruleset import TABLE
from pybernetes.network.services.slimming import EndpointSliceSlimmer
from pybernetes.network.tables import WORDS
from pybernetes.semantics.nodes import ZONE
from pybernetes.semantics.pods import containers_of
from pybernetes.semantics.services import services_of

log = logging.getLogger(__name__)

BY_SERVICE = "service"
POD = "pod "
MANY = 300
"""How many changed services are worth a thread."""
SLICE = 100
"""How many services are computed before others on the loop have their turn."""


@dataclass(frozen=True, slots=True)
class Options:
    """Ranges are CIDRs, of one or both families; `dns` are the addresses at which the node answers itself."""

    pods: tuple[str, ...] = ("10.244.0.0/16",)
    services: tuple[str, ...] = ("10.96.0.0/16",)
    dns: tuple[str, ...] = ()
    balancers: tuple[str, ...] = ()
    healthz_port: int = PROXY_PORT
    gather: float = 0.005
    """Seconds that a change waits for company."""


Forget = Callable[[dict[Door, set[Target] | None], int], int]


class ServiceProxy:
    """`await start()` (the informers are started by the process), then `await close()`.

    The rules stay when it closes: services outlive a restart of the node's process. `failed` is that of its tasks.
    """

    def __init__(
        self,
        informers: Informers,
        node_name: str,
        options: Options,
        clock: Clock,
        *,
        nft: Nft | None = None,
        forget: Forget = conntrack.forget,
    ) -> None:
        self.tasks = Tasks("service-proxy")
        self._node = node_name
        self._options = options
        self._clock = clock
        self._nft = nft or Nft()
        self._own_nft = nft is None
        self._forget = forget
        self._families = sorted({family_of(cidr.partition("/")[0]) for cidr in options.services} & {4, 6})
        self._tables: dict[int, Services] = {}
        self._health: dict[str, HealthCheck] = {}
        self._dirty: set[str] = set()
        self._whole: set[int] = set(self._families)
        self._changed = asyncio.Event()
        self._working = True
        self._failing = False
        self._servers = HealthServers(clock, lambda: self.healthy, proxy_port=options.healthz_port)
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES, slimmer=EndpointSliceSlimmer())
        self._nodes = informers.informer(NODES)
        self._pods = informers.informer(PODS, field_selector=f"spec.nodeName={node_name}")
        self._slices.add_index(BY_SERVICE, services_of)
        self._follow()

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        return self.tasks.failed

    @property
    def healthy(self) -> bool:
        """The kernel has taken what it was given last."""
        return not self._failing and bool(self._tables)

    @property
    def current(self) -> bool:
        """Everything that is known is in the kernel."""
        return not (self._working or self._changed.is_set())

    def _follow(self) -> None:
        def mark(key: str) -> None:
            self._dirty.add(key)
            self._changed.set()

        def service(obj: Object) -> None:
            mark(object_key(obj))

        def piece(obj: Object) -> None:
            for key in services_of(obj):
                mark(key)

        def piece_updated(old: Object, new: Object) -> None:
            piece(old)
            piece(new)

        def pod(obj: Object) -> None:
            if _has_host_ports(obj):
                mark(POD + object_key(obj))

        def node(obj: Object) -> None:
            if obj["metadata"]["name"] == self._node:
                self._changed.set()

        self._services.add_handler(added=service, updated=lambda _, new: service(new), deleted=service)
        self._slices.add_handler(added=piece, updated=piece_updated, deleted=piece)
        self._pods.add_handler(added=pod, updated=lambda _, new: pod(new), deleted=pod)
        self._nodes.add_handler(added=node, updated=lambda _, new: node(new), deleted=node)
        for family in self._families:
            self._nft.guard((WORDS[family].family, TABLE), partial(self._mend, family))

    def _mend(self, family: int) -> None:
        self._whole.add(family)
        self._changed.set()

    async def start(self) -> None:
        if self._own_nft:
            self._nft.start()
        await self._servers.start()
        self.tasks.spawn(self._run(), "rules", eternal=True)

    async def close(self) -> None:
        await self.tasks.close()
        await self._servers.close()
        if self._own_nft:
            self._nft.close()

    async def _run(self) -> None:
        for informer in (self._services, self._slices, self._nodes, self._pods):
            await informer.wait_synced()
        backoff = Backoff(0.1, 30)
        while True:
            self._changed.clear()
            try:
                await self._reconcile()
                backoff.forget("")
                self._failing = False
            except (CommandFailed, OSError) as error:
                self._failing = True
                self._whole.update(self._families)
                wait = backoff.next("", self._clock.monotonic())
                log.error("services are not as they should be: %s; trying again in %g s", error, wait)
                await self._clock.sleep(wait)
                continue
            self._working = False
            await self._changed.wait()
            self._working = True
            if self._options.gather:
                await self._clock.sleep(self._options.gather)

    # from objects to the kernel

    async def _reconcile(self) -> None:
        node = self._nodes.store.get(self._node)
        places = {family: self._place(node, family) for family in self._families}
        if places != {family: table.place for family, table in self._tables.items()}:
            self._tables = {family: Services(place) for family, place in places.items()}
            self._whole.update(self._families)
            self._dirty.update(self._services.store.keys())
            pods = self._pods.store.list()
            self._dirty.update(POD + object_key(pod) for pod in pods if _has_host_ports(pod))
        dirty, self._dirty = self._dirty, set()
        wanted = await self._compute(dirty)
        for family in self._families:
            table, whole = self._tables[family], family in self._whole
            if len(dirty) > MANY:
                text, changes = await asyncio.to_thread(_advance, table, wanted[family], whole)
            else:
                text, changes = _advance(table, wanted[family], whole)
            if text:
                await self._nft.apply((WORDS[family].family, TABLE), text)
            self._whole.discard(family)
            stale = delta.stale(changes)
            if stale:
                await asyncio.to_thread(self._forget, stale, family)
        await self._servers.update({check.port: check for check in self._health.values()})

    def _place(self, node: Object | None, family: int) -> Place:
        labels = (node["metadata"].get("labels") or {}) if node else {}
        return Place(
            self._node,
            labels.get(ZONE, ""),
            family,
            routes.node_addresses(node, family) if node else (),
            tuple(cidr for cidr in self._options.pods if ipaddress.ip_network(cidr).version == family),
            tuple(cidr for cidr in self._options.services if ipaddress.ip_network(cidr).version == family),
            self._options.dns,
            tuple(one for one in self._options.balancers if (":" in one) == (family == 6)),
        )

    async def _compute(self, dirty: Iterable[str]) -> dict[int, dict[str, Wanted]]:
        wanted: dict[int, dict[str, Wanted]] = {family: {} for family in self._families}
        for number, key in enumerate(sorted(dirty)):
            if number % SLICE == SLICE - 1:
                await self._clock.sleep(0)
            if key.startswith(POD):
                pod = self._pods.store.get(key.removeprefix(POD))
                for family in self._families:
                    wanted[family][key] = (
                        model.host_ports(pod, self._tables[family].place) if pod else model.NOTHING
                    )
                continue
            service = self._services.store.get(key)
            pieces = self._slices.store.by_index(BY_SERVICE, key) if service else []
            self._health.pop(key, None)
            for family in self._families:
                found = model.NOTHING
                if service is not None:
                    found = model.desired(service, pieces, self._tables[family].place)
                    if found.health is not None:
                        self._note(key, found.health)
                wanted[family][key] = found
        return wanted

    def _note(self, key: str, check: HealthCheck) -> None:
        """With two families, the endpoints of the one that has more of them count."""
        known = self._health.get(key)
        if known is None or known.endpoints < check.endpoints:
            self._health[key] = check


def _advance(table: Services, wanted: dict[str, Wanted], whole: bool) -> tuple[str, list[delta.Change]]:
    text, changes = table.update(wanted)
    return (table.full() if whole else text), changes


def _has_host_ports(pod: Object) -> bool:
    spec = pod.get("spec") or {}
    return not spec.get("hostNetwork") and any(
        port.get("hostPort") for container in containers_of(spec) for port in container.get("ports") or ()
    )
