"""The kubelet: follows the pods assigned to its node and has a worker for each.

`Kubelet(client, informers, recorder, options, clock)`; `start` returns once the node is registered and
its pods are taken up again, `close` stops everything but the containers. The API is spoken through the
client only, containers through CRI only.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from pybernetes.api.kinds import NODES, PODS, SERVICES
from pybernetes.client.interface import Client, Informers, Object, Recorder
from pybernetes.kubelet.admission import admit
from pybernetes.kubelet.collection import collect_orphans
from pybernetes.kubelet.context import NodeContext, Protect, no_protection
from pybernetes.kubelet.cri import labels, observe
from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.cri.errors import RuntimeFailure
from pybernetes.kubelet.cri.events import RuntimeEvents
from pybernetes.kubelet.environment.names import parse_resolv_conf
from pybernetes.kubelet.images.collector import ImageCollector
from pybernetes.kubelet.images.puller import Puller
from pybernetes.kubelet.log_rotation import LogRotation
from pybernetes.kubelet.machine.events import Observed, PodEvicted
from pybernetes.kubelet.node import machine as machine_facts
from pybernetes.kubelet.node.agent import NodeAgent
from pybernetes.kubelet.objects import References
from pybernetes.kubelet.options import KubeletOptions, Layout
from pybernetes.kubelet.pod_worker import PodWorker
from pybernetes.kubelet.probes.runner import Prober
from pybernetes.kubelet.resources.cgroups import Cgroups
from pybernetes.kubelet.status_writer import StatusWriter
from pybernetes.kubelet.termination import reader
from pybernetes.kubelet.volumes.manager import Volumes
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks
from pybernetes.semantics.pods import is_terminal
from pybernetes.semantics.resources import amounts

log = logging.getLogger(__name__)


class Kubelet:
    """One node's agent."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: Recorder,
        options: KubeletOptions,
        clock: Clock,
        protect: Protect = no_protection,
    ) -> None:
        """`protect` is awaited between a pod's sandbox and its first container."""
        self.options = options
        self.clock = clock
        self.client = client
        self.recorder = recorder
        self.tasks = Tasks(f"kubelet-{options.node_name}")
        self.layout = Layout(options.root)
        self.cri = CRIClient(options.socket)
        self.port = 0
        """Where the kubelet's server listens; set by whoever starts the server, before `start`."""
        self.agent = NodeAgent(
            client, self.cri, clock, options, lambda: self.port or options.server_port, self._node_event
        )
        self.workers: dict[str, PodWorker] = {}
        self._pods = informers.informer(PODS, field_selector=f"spec.nodeName={options.node_name}")
        self._nodes = informers.informer(NODES, field_selector=f"metadata.name={options.node_name}")
        self._services = informers.informer(SERVICES) if options.service_environment else None
        self._informers = informers
        self._protect = protect
        self._owners: dict[str, PodWorker] = {}
        self._early_hints: set[str] = set()
        self._taken_up = False
        self.node = self._context()
        self._message = reader(self.layout)
        self._images = ImageCollector(
            self.cri,
            clock,
            options,
            lambda: machine_facts.disk(options.root),
            lambda reason, text: self._node_event("Warning", reason, text),
        )
        self._rotation = LogRotation(self.cri, clock, options.log_max_bytes, options.log_max_files)

    def _context(self) -> NodeContext:
        options = self.options
        references = References(self.client, self.clock, self.tasks, self._sources_changed)
        try:
            resolver = parse_resolv_conf(Path(options.resolv_conf).read_text())
        except OSError as error:
            log.warning("%s cannot be read, pods get no resolver of the node: %s", options.resolv_conf, error)
            resolver = parse_resolv_conf("")
        return NodeContext(
            options=options,
            layout=self.layout,
            clock=self.clock,
            tasks=self.tasks,
            client=self.client,
            recorder=self.recorder,
            cri=self.cri,
            references=references,
            volumes=Volumes(self.layout, references),
            puller=Puller(self.cri, self.clock, options.maximum_pulls),
            prober=Prober(self.cri, self.clock),
            cgroups=Cgroups(options.cgroup_parent),
            status=StatusWriter(self.client, self.clock, self.tasks),
            host_ips=options.node_ips,
            resolver=resolver,
            memory=options.memory or self.agent.machine.memory,
            services=self._all_services,
            own=self._own,
            finished=self._finished,
            protect=self._protect,
        )

    def _all_services(self) -> list[Object]:
        return self._services.store.list() if self._services is not None else []

    # starting and ending

    async def start(self) -> None:
        self.layout.pods.mkdir(parents=True, exist_ok=True)
        self.layout.logs.mkdir(parents=True, exist_ok=True)
        allocatable = self.agent.allocatable
        self.node.allocatable = amounts(allocatable)
        self.node.cgroups.prepare_node(self.node.allocatable["cpu"], self.node.allocatable["memory"])
        events = RuntimeEvents(self.cri, self.clock, self._hint, self._connected)
        self.tasks.spawn(events.run(), "runtime-events", eternal=True)
        await self._informers.start()
        await self.agent.register()
        self._node_event("Normal", "Starting", "Starting kubelet.")
        self.tasks.spawn(self.agent.run_lease(), "lease", eternal=True)
        self.tasks.spawn(self.agent.run_status(), "node-status", eternal=True)
        await self._pods.wait_synced()
        await self._nodes.wait_synced()
        self._nodes.add_handler(
            added=self.agent.node_changed, updated=lambda _, new: self.agent.node_changed(new)
        )
        if self._services is not None:
            await self._services.wait_synced()
        await self._take_up()
        self.tasks.spawn(self._relist_for_ever(), "relist", eternal=True)
        self.tasks.spawn(self._collect_images_for_ever(), "image-collection", eternal=True)
        self.tasks.spawn(self._rotate_for_ever(), "log-rotation", eternal=True)

    async def close(self) -> None:
        """Containers go on running; the next kubelet takes them up."""
        for worker in list(self.workers.values()):
            await worker.close()
        await self.node.puller.close()
        await self.tasks.close()
        self.cri.close()

    def _node_event(self, type: str, reason: str, message: str) -> None:
        name = self.options.node_name
        about: Object = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": name}
        self.recorder.event(about, type, reason, message)

    # pods

    async def _take_up(self) -> None:
        """Build a worker for each pod with what the runtime holds for it, then follow the API."""
        found = await self._observe_all()
        for pod in sorted(
            self._pods.store.list(), key=lambda pod: pod["metadata"].get("creationTimestamp", "")
        ):
            self._added(pod, found.get(pod["metadata"]["uid"]))
        self._taken_up = True
        self._pods.add_handler(added=self._added, updated=self._updated, deleted=self._deleted)

    async def _observe_all(self) -> dict[str, Observed]:
        backoff = Backoff(0.2, 5)
        while True:
            try:
                sandboxes = await self.cri.list_sandboxes()
                containers = await self.cri.list_containers()
                uids = {item.labels.get(labels.POD_UID, "") for item in sandboxes}
                uids |= {item.labels.get(labels.POD_UID, "") for item in containers}
                uids.discard("")
                found = {}
                for uid in uids:
                    found[uid] = await observe.observe(
                        self.cri,
                        [item for item in sandboxes if item.labels.get(labels.POD_UID) == uid],
                        [item for item in containers if item.labels.get(labels.POD_UID) == uid],
                        self._message,
                    )
                return found
            except RuntimeFailure as error:
                delay = backoff.next("observe", self.clock.monotonic())
                log.warning("containers cannot be listed: %s; again in %.1f s", error, delay)
                await self.clock.sleep(delay)

    def _added(self, pod: Object, found: Observed | None = None) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self.workers:
            self.workers[uid].update(pod)
            return
        others = [worker.pod for worker in self.workers.values() if not worker.released]
        worker = self.workers[uid] = PodWorker(pod, self.node)
        if found is not None:
            for sandbox in found.sandboxes:
                self._own(sandbox.id, worker)
            for container in found.containers:
                self._own(container.id, worker)
        elif not is_terminal(pod) and not pod["metadata"].get("deletionTimestamp"):
            refusal = admit(pod, self._node_object(), others, self.agent.allocatable)
            if refusal is not None:
                reason, message = refusal
                log.warning("pod %s is not admitted: %s", pod["metadata"]["name"], message)
                self.recorder.event(pod, "Warning", reason, message)
                worker.feed(PodEvicted(reason, f"Pod was rejected: {message}"))
        worker.feed(found or Observed((), ()))

    def _node_object(self) -> Object:
        return self._nodes.store.get(self.options.node_name) or self.agent.node or {"metadata": {}}

    def _updated(self, old: Object, new: Object) -> None:
        if old["metadata"]["uid"] != new["metadata"]["uid"]:
            self._deleted(old)
            self._added(new)
            return
        worker = self.workers.get(new["metadata"]["uid"])
        if worker is None:
            self._added(new)
        else:
            worker.update(new)

    def _deleted(self, pod: Object) -> None:
        worker = self.workers.get(pod["metadata"]["uid"])
        if worker is not None:
            worker.removed(pod)

    def _finished(self, worker: object) -> None:
        assert isinstance(worker, PodWorker)
        self.workers.pop(worker.uid, None)
        for id in [id for id, owner in self._owners.items() if owner is worker]:
            del self._owners[id]

    def find(self, namespace: str, name: str, uid: str = "") -> PodWorker | None:
        """The worker of a pod, for the kubelet's server."""
        for worker in self.workers.values():
            meta = worker.pod["metadata"]
            if meta["name"] == name and meta.get("namespace") == namespace and uid in ("", worker.uid):
                return worker
        return None

    # hints

    def _own(self, runtime_id: str, worker: object) -> None:
        assert isinstance(worker, PodWorker)
        self._owners[runtime_id] = worker
        if runtime_id in self._early_hints:
            self._early_hints.discard(runtime_id)
            worker.hint(runtime_id)

    def _hint(self, kind: str, container_id: str) -> None:
        if kind == "TaskStart":
            return
        worker = self._owners.get(container_id)
        if worker is not None:
            worker.hint(container_id)
        elif len(self._early_hints) < 1000:
            self._early_hints.add(container_id)

    def _connected(self) -> None:
        """Events of the time before are lost: look at everything."""
        if self._taken_up:
            self.tasks.spawn(self._relist(), "relist-after-reconnect")

    def _sources_changed(self, uid: str) -> None:
        worker = self.workers.get(uid)
        if worker is not None:
            worker.sources_changed()

    # safety nets and housekeeping

    async def _relist(self) -> None:
        """Compare what the runtime holds with what the workers believe; look closer where they differ."""
        try:
            sandboxes = {item.id: item for item in await self.cri.list_sandboxes()}
            containers = {item.id: item for item in await self.cri.list_containers()}
            for worker in list(self.workers.values()):
                if _differs(worker, sandboxes, containers):
                    await worker.relist()
            await collect_orphans(self.node, self.workers.__contains__)
        except RuntimeFailure as error:
            log.warning("containers cannot be listed: %s", error)
        self._early_hints &= set(self._owners)

    async def _relist_for_ever(self) -> None:
        while True:
            await self._relist()
            await self.clock.sleep(self.options.resync_period)

    async def _collect_images_for_ever(self) -> None:
        while True:
            await self.clock.sleep(self.options.image_gc_period)
            try:
                if await self._images.collect():
                    self.agent.images_changed()
            except RuntimeFailure as error:
                log.warning("images cannot be collected: %s", error)

    async def _rotate_for_ever(self) -> None:
        while True:
            await self.clock.sleep(self.options.log_check_period)
            await self._rotation.rotate(self._running_logs())

    def _running_logs(self) -> list[tuple[str, Path]]:
        found = []
        for worker in self.workers.values():
            for record in worker.machine.state.records.values():
                current = record.current
                if record.running and current is not None:
                    path = self.layout.container_log(worker.pod["metadata"], record.name, current.attempt)
                    found.append((current.id, path))
        return found


def _differs(worker: PodWorker, sandboxes: Mapping[str, object], containers: Mapping[str, object]) -> bool:
    """Whether the runtime's lists contradict the worker; what is under way is left alone."""
    state = worker.machine.state
    if state.sandbox is not None and not state.sandbox_operation:
        listed = sandboxes.get(state.sandbox.id)
        if listed is None or (getattr(listed, "state", 0) == 0) != state.sandbox.ready:
            return bool(state.sandbox.ready)
    for record in state.records.values():
        current = record.current
        if current is None or record.operation or not record.alive:
            continue
        listed = containers.get(current.id)
        if listed is None or observe.container_state(getattr(listed, "state", 3)) != current.state:
            return True
    return False
