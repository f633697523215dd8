"""Joins a node's pods to the cluster's pod network: Node objects in, CNI configuration, routes and nftables out.

As soon as the node has its podCIDR, the CNI configuration is written (containerd then reports
NetworkReady, and the kubelet the node Ready) and masquerading is set. The ways to the other nodes' pods (`overlay`)
follow every change of a Node and of the kernel's links, addresses and routes; once a minute all is compared. All of it
can be done over and over: a restart finds its own routes by their protocol number.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from pybernetes.api.kinds import NODES
from pybernetes.client.interface import Informers, Object
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.network import cni, masquerade, routes
from pybernetes.network.commands import CommandFailed
from pybernetes.network.nft import Nft
from pybernetes.network.overlay import plan as overlay
from pybernetes.network.overlay.kernel import Kernel

log = logging.getLogger(__name__)

COMPARE_EVERY = 60.0
GATHER = 0.02
"""Seconds that a change waits for company."""
VNI = 139
PORT = 8472


class Routing(Protocol):
    """`overlay.kernel.Kernel`, or what a test puts in its place."""

    def present(self) -> overlay.Present: ...

    def apply(self, operations: Iterable[overlay.Operation]) -> None: ...

    def watch(self, changed: Callable[[], None]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Settings:
    """`ranges` are the cluster's pod ranges, `mtu` is that of the machine's network.

    `host_namespace` is an open descriptor of the host's network namespace when the node lives in one of its own.
    """

    node: str
    ranges: tuple[str, ...]
    cni_config: Path
    mtu: int
    host_namespace: int | None = None
    vxlan_port: int = PORT


class PodNetwork:
    """`run()` is an eternal task."""

    def __init__(
        self,
        informers: Informers,
        clock: Clock,
        settings: Settings,
        nft: Nft,
        kernel: Callable[[int | None], Routing] = Kernel,
    ) -> None:
        self._informer = informers.informer(NODES)
        self._informer.add_handler(
            added=lambda node: self._changed.set(),
            updated=self._updated,
            deleted=lambda node: self._changed.set(),
        )
        self._clock = clock
        self._nft = nft
        self._kernel = kernel
        self._settings = settings
        self._overlay = overlay.Settings(VNI, settings.vxlan_port, settings.mtu)
        self._changed = asyncio.Event()
        self._backoff = Backoff(0.2, 30)
        self._masquerading: dict[int, str] = {}
        self._unreachable: tuple[str, ...] = ()
        for family in {ipaddress.ip_network(cidr).version for cidr in settings.ranges}:
            nft.guard(masquerade.table(family), partial(self._mend, family))

    def _mend(self, family: int) -> None:
        self._masquerading.pop(family, None)
        self._changed.set()

    def _updated(self, old: Object, new: Object) -> None:
        if routes.pod_cidrs(old) != routes.pod_cidrs(new) or _addresses(old) != _addresses(new):
            self._changed.set()

    async def run(self) -> None:
        await self._informer.wait_synced()
        namespace = self._settings.host_namespace
        kernel = self._kernel(None)
        host = self._kernel(namespace) if namespace is not None else None
        try:
            kernel.watch(self._changed.set)
            await self._follow(kernel, host)
        finally:
            kernel.close()
            if host is not None:
                host.close()

    async def _follow(self, kernel: Routing, host: Routing | None) -> None:
        while True:
            self._changed.clear()
            wait = COMPARE_EVERY
            try:
                await self._reconcile(kernel, host)
                self._backoff.forget("network")
            except (CommandFailed, OSError) as error:
                wait = self._backoff.next("network", self._clock.monotonic())
                log.error("the pod network is not as it should be: %s; trying again in %g s", error, wait)
            try:
                await self._clock.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue
            await self._clock.sleep(GATHER)

    async def _reconcile(self, kernel: Routing, host: Routing | None) -> None:
        own = self._informer.store.get(self._settings.node)
        cidrs = routes.pod_cidrs(own) if own is not None else []
        if own is None or not cidrs:
            return
        now = kernel.present()
        wanted = overlay.plan(self._informer.store.list(), own, now, self._overlay)
        for family, text in masquerade.rulesets(cidrs, self._settings.ranges).items():
            if self._masquerading.get(family) != text:
                await self._nft.apply(masquerade.table(family), text)
                self._masquerading[family] = text
        self._write_cni(cni.conflist(cidrs, wanted.pod_mtu))
        self._route(kernel, overlay.changes(wanted, now))
        if host is not None:
            # On the host, other nodes and other clusters have routes too: only add this node's own.
            there = host.present().routes
            ways = overlay.to_node(own).items()
            self._route(host, [overlay.SetRoute(one, way) for one, way in ways if there.get(one) != way])
        if wanted.unreachable and wanted.unreachable != self._unreachable:
            log.warning(
                "no way to the pods of %s: their nodes have no address of this node's family",
                ", ".join(wanted.unreachable),
            )
        self._unreachable = wanted.unreachable

    def _write_cni(self, text: str) -> None:
        target = self._settings.cni_config / cni.FILE
        if target.exists() and target.read_text() == text:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # In place, by one write: containerd reads the folder again when a file is written, not when one appears.
        target.write_text(text)
        log.info("wrote %s", target)

    def _route(self, kernel: Routing, operations: list[overlay.Operation]) -> None:
        if operations:
            log.info("%s", "; ".join(map(str, operations)))
            kernel.apply(operations)


def _addresses(node: Object) -> list[Object]:
    return node.get("status", {}).get("addresses") or []
