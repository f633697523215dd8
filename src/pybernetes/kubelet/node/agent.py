"""Keeps the Node and its Lease in the API true: registers, renews the lease, writes the status when it changes.

`run_lease` and `run_status` are the two eternal tasks. While the runtime is not ready it is asked again soon;
once ready, with each heartbeat.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from pybernetes.api.errors import AlreadyExists, APIError, Conflict, NotFound
from pybernetes.api.kinds import LEASES, NODES
from pybernetes.api.resource_names import extended
from pybernetes.api.times import now as time_now
from pybernetes.api.times import now_micro
from pybernetes.client.interface import STRATEGIC_MERGE_PATCH, Client, Object
from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.cri.errors import RuntimeFailure
from pybernetes.kubelet.node import machine as machine_facts
from pybernetes.kubelet.node import status as node_status
from pybernetes.kubelet.node.status import Health
from pybernetes.kubelet.options import KubeletOptions
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock

log = logging.getLogger(__name__)

LEASE_NAMESPACE = "kube-node-lease"
NOT_READY_AGAIN = 0.25
REFRESHES_OF_IMAGES = 30.0


class NodeAgent:
    def __init__(
        self,
        client: Client,
        cri: CRIClient,
        clock: Clock,
        options: KubeletOptions,
        port: Callable[[], int],
        say: Callable[[str, str, str], None],
    ) -> None:
        """`say(type, reason, message)` records an event on the node."""
        self._client = client
        self._cri = cri
        self._clock = clock
        self._options = options
        self._port = port
        self._say = say
        self.machine = machine_facts.read_machine(options.node_name)
        self.node: Object | None = None
        """The Node as the API last answered it."""
        self.health = Health(trouble="container runtime status check may not have completed yet")
        self._runtime_version = "containerd://"
        self._written: Object | None = None
        self._written_at = 0.0
        self._images: list[object] = []
        self._images_at = -REFRESHES_OF_IMAGES
        self._lease: Object | None = None
        self._version = 0
        self._doubted = False
        self._changed = asyncio.Event()
        self._held_back = ""

    def hold_back(self, reason: str) -> None:
        """Not Ready for this reason until it is taken back with an empty one."""
        self._held_back = reason
        self._changed.set()

    def node_changed(self, node: Object) -> None:
        """The API shows this now: the status is written again if somebody (the node controller) doubts a condition,
        or has put a resource into the capacity that is not allocatable yet.
        """
        if _version(node) <= self._version:
            return
        self.node = node
        if self._written is None:
            return
        have = {one["type"]: one.get("status") for one in (node.get("status") or {}).get("conditions") or ()}
        doubted = any(have.get(one["type"]) != one["status"] for one in self._written["conditions"])
        if doubted or _offered(node) != _given(node):
            self._doubted = True
            self._changed.set()

    @property
    def allocatable(self) -> dict[str, str]:
        return node_status.allocatable(self._options, self.machine, self._disk().size)

    def images_changed(self) -> None:
        self._images_at = -REFRESHES_OF_IMAGES
        self._changed.set()

    def _disk(self) -> machine_facts.Disk:
        path = self._options.root
        return machine_facts.disk(path if path.exists() else Path("/"))

    # health

    async def _check(self) -> Health:
        trouble = self._held_back
        try:
            runtime = await self._cri.status()
            wrong = [c for c in runtime.conditions if not c.status]
            for condition in wrong:
                what = (
                    "container runtime network" if condition.type == "NetworkReady" else "container runtime"
                )
                why = f"reason:{condition.reason} message:{condition.message}"
                trouble = f"{what} not ready: {condition.type}=false {why}"
        except RuntimeFailure as error:
            trouble = f"container runtime is down: {error.description}"
        memory = machine_facts.memory_info()
        disk = self._disk()
        options = self._options
        scarce = disk.size and disk.free / disk.size < options.evict_disk_below
        if disk.inodes:
            scarce = scarce or disk.inodes_free / disk.inodes < options.evict_inodes_below
        return Health(trouble, memory.get("MemAvailable", 1 << 40) < options.evict_memory_below, bool(scarce))

    async def _status(self) -> Object:
        now = self._clock.monotonic()
        if now - self._images_at >= REFRESHES_OF_IMAGES:
            try:
                self._images = list(await self._cri.list_images())
                self._images_at = now
            except RuntimeFailure as error:
                log.info("images cannot be listed: %s", error)
        known = (self.node or {}).get("status") or {}
        return node_status.status(
            self._options,
            self.machine,
            self.health,
            disk_size=self._disk().size,
            runtime_version=self._runtime_version,
            port=self._port(),
            found_images=self._images,
            before=known.get("conditions") or (),
            now=time_now(self._clock),
            offered=known.get("capacity"),
        )

    # registration

    async def register(self) -> None:
        """Create the Node, or take over the one of that name; returns once the API has it."""
        backoff = Backoff(0.1, 7)
        while True:
            try:
                version = await self._cri.version()
                self._runtime_version = (
                    f"{version.runtime_name}://{version.runtime_version.removeprefix('v')}"
                )
                self.health = await self._check()
                shown = await self._status()
                wanted = node_status.node(self._options, self.machine, shown)
                try:
                    self.node = await self._client.create(NODES, wanted)
                    self._note(shown)
                    log.info("registered node %s", self._options.node_name)
                except AlreadyExists:
                    self.node = await self._client.get(NODES, None, self._options.node_name)
                    await self._take_over(wanted)
                return
            except (APIError, RuntimeFailure) as error:
                delay = backoff.next("register", self._clock.monotonic())
                log.warning(
                    "node %s cannot register: %s; again in %.1f s", self._options.node_name, error, delay
                )
                await self._clock.sleep(delay)

    async def _take_over(self, wanted: Object) -> None:
        """Labels that are the kubelet's to set are set; the rest of the object stays."""
        assert self.node is not None
        have = self.node["metadata"].get("labels") or {}
        labels = {k: v for k, v in wanted["metadata"]["labels"].items() if have.get(k) != v}
        if labels:
            patch = {"metadata": {"labels": labels}}
            self.node = await self._client.patch(NODES, None, self._options.node_name, patch)

    def _note(self, shown: Object) -> None:
        before = {one["type"]: one["status"] for one in (self._written or {}).get("conditions") or ()}
        for one in shown["conditions"]:
            if before.get(one["type"]) != one["status"]:
                reason = node_status.EVENTS[one["type"], one["status"]]
                message = f"Node {self._options.node_name} status is now: {reason}"
                self._say("Normal", reason, message)
        self._written = shown
        self._written_at = self._clock.monotonic()

    # eternal tasks

    async def run_status(self) -> None:
        while True:
            self.health = await self._check()
            await self._write_status()
            pause = NOT_READY_AGAIN if self.health.trouble else self._options.heartbeat
            self._changed.clear()
            try:
                async with self._clock.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _write_status(self) -> None:
        shown = await self._status()
        same = self._written is not None and node_status.essence(shown) == node_status.essence(self._written)
        recent = self._clock.monotonic() - self._written_at < self._options.status_period
        if same and recent and not self._doubted:
            return
        gone = dict.fromkeys(_given(self.node or {}).keys() - shown["allocatable"].keys())
        patch: Object = {"status": {**shown, "allocatable": {**shown["allocatable"], **gone}}}
        try:
            self.node = await self._client.patch(
                NODES,
                None,
                self._options.node_name,
                patch,
                patch_type=STRATEGIC_MERGE_PATCH,
                subresource="status",
            )
            self._note(shown)
            self._doubted = False
            self._version = _version(self.node)
        except APIError as error:
            log.warning(
                "status of node %s: %s; again in %.0f s", self._options.node_name, error, NOT_READY_AGAIN
            )

    async def run_lease(self) -> None:
        backoff = Backoff(0.2, 7)
        while True:
            pause = self._options.heartbeat
            try:
                async with self._clock.timeout(self._options.heartbeat):
                    await self._renew()
                backoff.forget("lease")
            except (APIError, TimeoutError) as error:
                pause = backoff.next("lease", self._clock.monotonic())
                log.warning("lease of node %s: %s; again in %.1f s", self._options.node_name, error, pause)
            await self._clock.sleep(pause)

    async def _renew(self) -> None:
        name = self._options.node_name
        lease = self._lease
        if lease is None:
            try:
                lease = await self._client.get(LEASES, LEASE_NAMESPACE, name)
            except NotFound:
                self._lease = await self._client.create(LEASES, self._new_lease(), LEASE_NAMESPACE)
                return
        lease = {**lease, "spec": {**lease["spec"], **self._lease_spec()}}
        try:
            self._lease = await self._client.update(LEASES, lease)
        except (Conflict, NotFound):
            self._lease = None
            raise

    def _lease_spec(self) -> Object:
        return {
            "holderIdentity": self._options.node_name,
            "leaseDurationSeconds": self._options.lease_seconds,
            "renewTime": now_micro(self._clock),
        }

    def _new_lease(self) -> Object:
        meta: Object = {"name": self._options.node_name, "namespace": LEASE_NAMESPACE}
        if self.node is not None and self.node["metadata"].get("uid"):
            meta["ownerReferences"] = [
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "name": self._options.node_name,
                    "uid": self.node["metadata"]["uid"],
                }
            ]
        spec = self._lease_spec()
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}


def _version(obj: Object) -> int:
    text = str(obj["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0


def _offered(node: Object) -> dict[str, str]:
    return extended((node.get("status") or {}).get("capacity"))


def _given(node: Object) -> dict[str, str]:
    return extended((node.get("status") or {}).get("allocatable"))
