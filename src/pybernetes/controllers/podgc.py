"""The pod garbage collector: pods that nobody else will ever remove.

In: pods and nodes. Out: forced deletions of pods whose node is gone, of terminating pods that never had one or whose
node is out of service, and of the oldest finished pods beyond the threshold.
Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import NODES, PODS
from pybernetes.client.interface import Object, object_key
from pybernetes.controllers.actions import delete_of, patch_of
from pybernetes.controllers.nodes.eviction import disruption
from pybernetes.controllers.nodes.health import ready_status
from pybernetes.controllers.nodes.lifecycle import NODE_INDEX, index_by_node
from pybernetes.controllers.nodes.tainting import taints_of
from pybernetes.controllers.objects import is_deleting, name_of
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.pods import is_terminal, node_name
from pybernetes.semantics.tolerations import TAINT_OUT_OF_SERVICE, has_taint

QUARANTINE = 40.0
"""Seconds between noticing that a node is gone and removing its pods."""

FINISHED = "finished pods"
_FINISHED_INDEX = "finished"


def is_out_of_service(node: Object) -> bool:
    """An administrator says that the node is down for good, and it does look so."""
    return ready_status(node) != "True" and has_taint(taints_of(node), TAINT_OUT_OF_SERVICE)


def surplus(finished: Sequence[Object], threshold: int) -> list[Object]:
    """The oldest finished pods beyond the threshold; a threshold of 0 or less keeps all."""
    if threshold <= 0 or len(finished) <= threshold:
        return []
    by_age = sorted(finished, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", name_of(pod)))
    return by_age[: len(finished) - threshold]


def _finished(pod: Object) -> Iterable[str]:
    return ("",) if is_terminal(pod) else ()


class PodGarbageCollector(Reconciler):
    """Keys are pods' keys, `("node", name)` for all pods of a node, and `FINISHED`."""

    name = "pod-garbage-collector-controller"
    source = "pod-garbage-collector"

    def __init__(self, context: Context) -> None:
        self._count = 0
        super().__init__(context)

    def watch(self) -> None:
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(updated=self._node_updated, deleted=self._node_deleted)
        self.pods = self.informer(PODS)
        self.pods.add_index(NODE_INDEX, index_by_node)
        self.pods.add_index(_FINISHED_INDEX, _finished)
        self.pods.add_handler(added=self._pod_added, updated=self._pod_updated, deleted=self._pod_deleted)

    def _node_updated(self, old: Object, new: Object) -> None:
        if is_out_of_service(new) and not is_out_of_service(old):
            self.queue.add(("node", name_of(new)))

    def _node_deleted(self, node: Object) -> None:
        self.queue.add_after(("node", name_of(node)), QUARANTINE)

    def _pod_added(self, pod: Object) -> None:
        self._look_at(pod)
        if is_terminal(pod):
            self._finished_more(1)

    def _pod_updated(self, old: Object, new: Object) -> None:
        self._look_at(new)
        self._finished_more(int(is_terminal(new)) - int(is_terminal(old)))

    def _pod_deleted(self, pod: Object) -> None:
        self._finished_more(-int(is_terminal(pod)))

    def _finished_more(self, change: int) -> None:
        self._count += change
        if change > 0 and 0 < self.options.terminated_pod_gc_threshold < self._count:
            self.queue.add(FINISHED)

    def _look_at(self, pod: Object) -> None:
        name = node_name(pod)
        if not name:
            if is_deleting(pod):
                self.queue.add(object_key(pod))
            return
        node = self.nodes.store.get(name)
        if node is None:
            self.queue.add_after(("node", name), QUARANTINE)
        elif is_deleting(pod) and is_out_of_service(node):
            self.queue.add(object_key(pod))

    async def sync(self, key: str | tuple[str, str]) -> None:
        if isinstance(key, tuple):
            await self._collect_node(key[1])
        elif key == FINISHED:
            finished = self.pods.store.by_index(_FINISHED_INDEX, "")
            for pod in surplus(finished, self.options.terminated_pod_gc_threshold):
                await self._remove(pod)
        else:
            await self._collect_terminating(key)

    async def _collect_terminating(self, key: str) -> None:
        pod = self.pods.store.get(key)
        if pod is None or not is_deleting(pod):
            return
        name = node_name(pod)
        node = self.nodes.store.get(name) if name else None
        if not name or (node is not None and is_out_of_service(node)):
            await self._remove(pod)

    async def _collect_node(self, name: str) -> None:
        node = self.nodes.store.get(name)
        pods = self.pods.store.by_index(NODE_INDEX, name)
        if node is not None:
            if is_out_of_service(node):
                for pod in pods:
                    if is_deleting(pod):
                        await self._remove(pod)
            return
        if not pods or await self._exists(name):
            return
        for pod in pods:
            await self._remove(pod, "PodGC: node no longer exists")

    async def _exists(self, name: str) -> bool:
        try:
            await self.client.get(NODES, None, name)
        except NotFound:
            return False
        return True

    async def _remove(self, pod: Object, why: str = "") -> None:
        """Failed first, so that its controller counts it right; then gone without grace."""
        if not is_terminal(pod):
            status: Object = {"phase": "Failed"}
            if why:
                status["conditions"] = disruption(pod, "DeletionByPodGC", why, self.clock.now())
            try:
                await self.act(patch_of(PODS, pod, {"status": status}, subresource="status"))
            except NotFound:
                return
        await self.act(delete_of(PODS, pod, grace_period_seconds=0))
