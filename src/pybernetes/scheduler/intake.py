"""From informers to the scheduler's queue and snapshot. In: objects as they change. Out: `Intake.changed()` calls.

Pods with a node go into the snapshot, pods that wait for this scheduler into the queue, and whatever may help a pod
that waits wakes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pybernetes.api.kinds import (
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    SERVICES,
    STATEFUL_SETS,
    STORAGE_CLASSES,
)
from pybernetes.client.interface import Informer, Informers, Object, object_key
from pybernetes.lib.clock import Clock
from pybernetes.scheduler.cycle import Cycle
from pybernetes.scheduler.events import WIDE, ClusterEvent
from pybernetes.scheduler.framework import Refusal
from pybernetes.scheduler.podinfo import DEFAULT_SCHEDULER, PodInfo
from pybernetes.scheduler.queue import QueuedPod, SchedulingQueue
from pybernetes.scheduler.snapshot import NodeInfo, Snapshot
from pybernetes.scheduler.surroundings import Surroundings
from pybernetes.semantics.pods import is_terminal


class Watched:
    """The informers that scheduling needs."""

    def __init__(self, informers: Informers) -> None:
        self.pods = informers.informer(PODS)
        self.nodes = informers.informer(NODES)
        self.namespaces = informers.informer(NAMESPACES)
        self.services = informers.informer(SERVICES)
        self.owners: dict[str, Informer] = {
            "ReplicationController": informers.informer(REPLICATION_CONTROLLERS),
            "ReplicaSet": informers.informer(REPLICA_SETS),
            "StatefulSet": informers.informer(STATEFUL_SETS),
        }
        self.claims = informers.informer(PERSISTENT_VOLUME_CLAIMS)
        self.volumes = informers.informer(PERSISTENT_VOLUMES)
        self.classes = informers.informer(STORAGE_CLASSES)
        self.budgets = informers.informer(POD_DISRUPTION_BUDGETS)

    def surroundings(self) -> Surroundings:
        def services(namespace: str) -> Iterable[Object]:
            return self.services.store.list(namespace)

        def owner(kind: str, namespace: str, name: str) -> Object | None:
            return self.owners[kind].store.get(f"{namespace}/{name}")

        return Surroundings(
            namespace=self.namespaces.store.get,
            services=services,
            owner=owner,
            claim=lambda namespace, name: self.claims.store.get(f"{namespace}/{name}"),
            volume=self.volumes.store.get,
            volumes=self.volumes.store.list,
            storage_class=self.classes.store.get,
        )

    async def wait_synced(self) -> None:
        for informer in (
            self.nodes,
            self.namespaces,
            self.services,
            *self.owners.values(),
            self.claims,
            self.volumes,
            self.classes,
            self.budgets,
            self.pods,
        ):
            await informer.wait_synced()


class Intake:
    """Keeps queue and snapshot up to date; `changed` is called when the queue may have something to try."""

    def __init__(
        self,
        watched: Watched,
        clock: Clock,
        queue: SchedulingQueue,
        snapshot: Snapshot,
        cycle: Cycle,
        changed: Callable[[], None],
        name: str = DEFAULT_SCHEDULER,
    ) -> None:
        self._watched = watched
        self._clock = clock
        self._queue = queue
        self._snapshot = snapshot
        self._cycle = cycle
        self._changed = changed
        self._name = name

    def connect(self) -> None:
        """Follow the informers from now on."""
        watched = self._watched
        watched.nodes.add_handler(
            added=self._node_added, updated=self._node_updated, deleted=self._node_deleted
        )
        watched.pods.add_handler(added=self._pod_seen, updated=self._pod_updated, deleted=self._pod_deleted)
        self._wake_on(watched.namespaces, ClusterEvent.NAMESPACE_CHANGED)
        self._wake_on(watched.claims, ClusterEvent.CLAIM_CHANGED)
        self._wake_on(watched.volumes, ClusterEvent.VOLUME_CHANGED)
        self._wake_on(watched.classes, ClusterEvent.VOLUME_CHANGED)

    def _wake_on(self, informer: Informer, event: ClusterEvent) -> None:
        informer.add_handler(
            added=lambda obj: self._move(event),
            updated=lambda old, new: self._move(event) if _differs(old, new) else None,
        )

    def _move(self, event: ClusterEvent, helps: Callable[[QueuedPod], bool] | None = None) -> None:
        if self._queue.move(event, self._clock.monotonic(), helps):
            self._changed()

    # nodes

    def _node_added(self, node: Object) -> None:
        info = self._snapshot.set_node(node)
        self._move(ClusterEvent.NODE_ADDED, self._on(info))

    def _node_updated(self, old: Object, new: Object) -> None:
        if not _node_differs(old, new):
            info = self._snapshot.nodes.get(new["metadata"]["name"])
            if info is not None:
                info.node = new
            return
        info = self._snapshot.set_node(new)
        self._move(ClusterEvent.NODE_CHANGED, self._changed_on(info))

    def _node_deleted(self, node: Object) -> None:
        self._snapshot.remove_node(node["metadata"]["name"])
        self._move(ClusterEvent.NODE_REMOVED)

    def _on(self, info: NodeInfo) -> Callable[[QueuedPod], bool]:
        """Whether the node might now take a pod, or take it in place of others, as far as one node can tell."""

        lowest = min((other.priority for other in info.pods.values()), default=None)
        known: dict[bytes, Refusal | None] = {}

        def helps(queued: QueuedPod) -> bool:
            pod = queued.pod
            if pod.signature in known:
                refused = known[pod.signature]
            else:
                refused = known[pod.signature] = self._cycle.local_refusal(pod, info)
            if refused is None:
                return True
            return refused.resolvable and lowest is not None and lowest < pod.priority

        return helps

    def _changed_on(self, info: NodeInfo) -> Callable[[QueuedPod], bool]:
        """The same, or the node has another reason now, which the pod's message should say."""
        on_node = self._on(info)

        def helps(queued: QueuedPod) -> bool:
            if on_node(queued):
                return True
            pod = queued.pod
            return self._cycle.local_refusal(pod, info) is not self._cycle.last_refusal(pod, info)

        return helps

    # pods

    def _pod_seen(self, obj: Object) -> None:
        pod = PodInfo(obj)
        if is_terminal(obj):
            self._gone(pod)
        elif pod.node_name:
            self._placed(pod)
        elif pod.terminating or pod.scheduler_name != self._name:
            self._queue.remove(pod.key)
        elif not self._snapshot.is_assumed(pod.key):
            self._wait(pod)

    def _wait(self, pod: PodInfo) -> None:
        if pod.nominated_node:
            self._snapshot.nominate(pod, pod.nominated_node)
        self._queue.add(pod, self._clock.monotonic())
        self._changed()

    def _placed(self, pod: PodInfo) -> None:
        self._queue.remove(pod.key)
        known = self._snapshot.place_of(pod.key)
        self._snapshot.add_pod(pod, pod.node_name)
        self._move(ClusterEvent.POD_PLACED, lambda queued: bool(queued.plugins & WIDE))
        if known and known != pod.node_name:
            self._freed(known)

    def _pod_updated(self, old: Object, new: Object) -> None:
        if not is_terminal(new) and not _pod_differs(old, new):
            self._refresh(new)
            return
        before = old["spec"].get("nodeName")
        if not before or is_terminal(new):
            pod = PodInfo(new)
            waits = not pod.node_name and not pod.terminating and not is_terminal(new)
            if waits and pod.scheduler_name == self._name and not self._snapshot.is_assumed(pod.key):
                self._queue.update(pod, self._clock.monotonic(), matters=True)
                self._changed()
            else:
                self._pod_seen(new)
            return
        pod = PodInfo(new)
        self._snapshot.add_pod(pod, pod.node_name)
        info = self._snapshot.nodes.get(pod.node_name)
        self._move(ClusterEvent.POD_CHANGED, self._on_or_wide(info) if info else None)

    def _refresh(self, new: Object) -> None:
        """Only the status has changed: keep the newest object, and the nomination in it."""
        key = object_key(new)
        queued = self._queue.get(key)
        if queued is not None:
            queued.pod.obj = new
            if queued.pod.nominated_node:
                self._snapshot.nominate(queued.pod, queued.pod.nominated_node)
            else:
                self._snapshot.drop_nomination(key)
            return
        info = self._snapshot.nodes.get(self._snapshot.place_of(key))
        if info is not None:
            info.pods[key].obj = new

    def _pod_deleted(self, obj: Object) -> None:
        self._gone(PodInfo(obj))

    def _gone(self, pod: PodInfo) -> None:
        self._queue.remove(pod.key)
        self._freed(self._snapshot.remove_pod(pod.key))

    def _freed(self, node: str) -> None:
        info = self._snapshot.nodes.get(node)
        if info is not None:
            self._move(ClusterEvent.POD_GONE, self._on_or_wide(info))

    def _on_or_wide(self, info: NodeInfo) -> Callable[[QueuedPod], bool]:
        on_node = self._on(info)
        return lambda queued: bool(queued.plugins & WIDE) or on_node(queued)


def _differs(old: Object, new: Object) -> bool:
    return bool(old["metadata"].get("resourceVersion") != new["metadata"].get("resourceVersion"))


def _node_differs(old: Object, new: Object) -> bool:
    """In something that scheduling looks at; heartbeats change only conditions."""
    if old.get("spec") != new.get("spec") or old["metadata"].get("labels") != new["metadata"].get("labels"):
        return True
    before, after = old.get("status") or {}, new.get("status") or {}
    return any(before.get(part) != after.get(part) for part in ("allocatable", "capacity", "images"))


def _pod_differs(old: Object, new: Object) -> bool:
    """In more than status."""
    before, after = old["metadata"], new["metadata"]
    if before.get("uid") != after.get("uid"):
        return True
    if old["spec"] is not new["spec"] and old["spec"] != new["spec"]:
        return True
    if before.get("labels") != after.get("labels"):
        return True
    return bool(before.get("deletionTimestamp")) != bool(after.get("deletionTimestamp"))
