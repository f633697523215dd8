"""Joins a node's pods to the cluster's pod network: Node objects in, CNI configuration, routes and nftables out.

As soon as the node has its podCIDR, the CNI configuration is written (containerd then reports
NetworkReady, and the kubelet the node Ready) and masquerading is set. Routes to the other nodes' pods
follow every change of a Node, and are compared with the kernel's once a minute. All of it can be done
over and over: a restart finds its own routes by their protocol number.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pybernetes.api.kinds import NODES
from pybernetes.client.interface import Informers, Object
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.network import cni, masquerade, routes
from pybernetes.network.commands import CommandFailed, run

log = logging.getLogger(__name__)

COMPARE_EVERY = 60.0

Runner = Callable[..., Awaitable[str]]
"""`network.commands.run`, or what a test puts in its place."""


@dataclass(frozen=True)
class Settings:
    """`host_namespace` is an open descriptor of the host's network namespace when the node lives in one of its own."""

    node: str
    cluster_cidr: str
    cni_config: Path
    mtu: int
    host_namespace: int | None = None


class PodNetwork:
    """`run()` is an eternal task."""

    def __init__(self, informers: Informers, clock: Clock, settings: Settings, run: Runner = run) -> None:
        self._informer = informers.informer(NODES)
        self._informer.add_handler(
            added=lambda node: self._changed.set(),
            updated=self._updated,
            deleted=lambda node: self._changed.set(),
        )
        self._clock = clock
        self._run = run
        self._settings = settings
        self._changed = asyncio.Event()
        self._backoff = Backoff(0.2, 30)
        self._masquerading: str | None = None

    def _updated(self, old: Object, new: Object) -> None:
        if routes.pod_cidrs(old) != routes.pod_cidrs(new) or routes.to_node(old) != routes.to_node(new):
            self._changed.set()

    async def run(self) -> None:
        await self._informer.wait_synced()
        while True:
            self._changed.clear()
            wait = COMPARE_EVERY
            try:
                await self._reconcile()
                self._backoff.forget("network")
            except (CommandFailed, OSError) as error:
                wait = self._backoff.next("network", self._clock.monotonic())
                log.error("the pod network is not as it should be: %s; trying again in %g s", error, wait)
            try:
                await self._clock.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    async def _reconcile(self) -> None:
        settings = self._settings
        own = self._informer.store.get(settings.node)
        cidrs = routes.pod_cidrs(own) if own is not None else []
        if own is not None and cidrs:
            text = masquerade.ruleset(cidrs, settings.cluster_cidr)
            if text != self._masquerading:
                await self._run(["nft", "-f", "-"], text)
                self._masquerading = text
            self._write_cni(cni.conflist(cidrs, settings.mtu))
        await self._route(routes.to_others(self._informer.store.list(), settings.node))
        if settings.host_namespace is not None and own is not None:
            await self._route_from_host(routes.to_node(own), settings.host_namespace)

    def _write_cni(self, text: str) -> None:
        target = self._settings.cni_config / cni.FILE
        if target.exists() and target.read_text() == text:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # In place, by one write: containerd reads the folder again when a file is written, not when one appears.
        target.write_text(text)
        log.info("wrote %s", target)

    async def _route(self, wanted: routes.Routes) -> None:
        listed = await self._run(["ip", "-j", "-4", "route", "show", "proto", str(routes.PROTOCOL)])
        lines = routes.changes(wanted, routes.present(json.loads(listed or "[]")))
        if lines:
            log.info("%s", "; ".join(lines))
            await self._run(["ip", "-batch", "-"], "\n".join(lines) + "\n")

    async def _route_from_host(self, wanted: routes.Routes, namespace: int) -> None:
        """On the host, other nodes and other clusters have routes too: only add this node's own."""
        enter = ["nsenter", f"--net=/proc/self/fd/{namespace}"]
        show = ["ip", "-j", "-4", "route", "show", "proto", str(routes.PROTOCOL)]
        listed = await self._run([*enter, *show], pass_descriptors=[namespace])
        lines = routes.changes(wanted, routes.present(json.loads(listed or "[]")), remove=False)
        if lines:
            await self._run(
                [*enter, "ip", "-batch", "-"], "\n".join(lines) + "\n", pass_descriptors=[namespace]
            )
