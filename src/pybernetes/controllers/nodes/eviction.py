"""The taint eviction controller: pods leave nodes with NoExecute taints, at once or when their toleration runs out.

In: nodes and pods. Out: a deletion for each pod that does not tolerate its node's taints, or not for longer.
Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import NODES, PODS
from pybernetes.api.times import format_time, parse_time
from pybernetes.client.interface import Object, object_key
from pybernetes.controllers.actions import delete_of, patch_of
from pybernetes.controllers.nodes.lifecycle import NODE_INDEX, index_by_node
from pybernetes.controllers.nodes.tainting import taints_of
from pybernetes.controllers.objects import created_at, is_deleting, name_of, uid_of, with_kind
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.pods import get_condition, node_name
from pybernetes.semantics.tolerations import NO_EXECUTE, eviction_delay


def no_execute_taints(node: Object | None) -> list[dict[str, Any]]:
    return [one for one in taints_of(node) if one.get("effect") == NO_EXECUTE] if node else []


def under_taint_since(pod: Object, taints: Iterable[dict[str, Any]]) -> datetime | None:
    """When the toleration of these taints began to count: their age or the pod's time on the node, whichever is less.

    None when the taints do not say when they came.
    """
    times = [parse_time(one["timeAdded"]) for one in taints if one.get("timeAdded")]
    if not times:
        return None
    scheduled = get_condition(pod.get("status"), "PodScheduled") or {}
    bound = scheduled.get("lastTransitionTime")
    started = parse_time(bound) if bound else created_at(pod)
    return max([*times, started] if started else times)


def disruption(pod: Object, reason: str, message: str, now: datetime) -> list[dict[str, Any]]:
    """The pod's conditions with DisruptionTarget: it did not fail, it was made to go."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return [
        *(one for one in conditions if one.get("type") != "DisruptionTarget"),
        {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": format_time(now),
        },
    ]


class TaintEvictionController(Reconciler):
    name = "taint-eviction-controller"
    source = "taint-eviction-controller"
    workers = 8

    def __init__(self, context: Context) -> None:
        self._waiting: dict[str, tuple[str, datetime]] = {}
        super().__init__(context)

    def watch(self) -> None:
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(added=self._node_added, updated=self._node_updated)
        self.pods = self.informer(PODS)
        self.pods.add_index(NODE_INDEX, index_by_node)
        self.pods.add_handler(added=self._pod_seen, updated=self._pod_updated, deleted=self._pod_deleted)

    def _node_added(self, node: Object) -> None:
        if no_execute_taints(node):
            self._enqueue_pods(name_of(node))

    def _node_updated(self, old: Object, new: Object) -> None:
        if no_execute_taints(old) != no_execute_taints(new):
            self._enqueue_pods(name_of(new))

    def _enqueue_pods(self, node: str) -> None:
        for pod in self.pods.store.by_index(NODE_INDEX, node):
            self.enqueue(pod)

    def _pod_seen(self, pod: Object) -> None:
        if node_name(pod) and no_execute_taints(self.nodes.store.get(node_name(pod))):
            self.enqueue(pod)

    def _pod_updated(self, old: Object, new: Object) -> None:
        changed = node_name(old) != node_name(new)
        if changed or old["spec"].get("tolerations") != new["spec"].get("tolerations"):
            self._pod_seen(new)

    def _pod_deleted(self, pod: Object) -> None:
        self._waiting.pop(object_key(pod), None)

    async def sync(self, key: str) -> None:
        pod = self.pods.store.get(key)
        if pod is None or is_deleting(pod) or not node_name(pod):
            self._waiting.pop(key, None)
            return
        about = with_kind(pod, PODS)
        taints = no_execute_taints(self.nodes.store.get(node_name(pod)))
        delay = eviction_delay(taints, pod["spec"].get("tolerations")) if taints else None
        if delay is None:
            if self._waiting.pop(key, None) is not None:
                message = f"Cancelling deletion of Pod {key}"
                self.recorder.event(about, "Normal", "TaintManagerEviction", message)
            return
        left = delay - (self.clock.now() - self._since(key, pod, taints)).total_seconds()
        if left > 0:
            self.queue.add_after(key, left)
            return
        self.recorder.event(about, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key}")
        await self._evict(pod)
        self._waiting.pop(key, None)

    def _since(self, key: str, pod: Object, taints: list[dict[str, Any]]) -> datetime:
        before = self._waiting.get(key)
        if before is not None and before[0] == uid_of(pod):
            return before[1]
        since = under_taint_since(pod, taints) or self.clock.now()
        self._waiting[key] = (uid_of(pod), since)
        return since

    async def _evict(self, pod: Object) -> None:
        message = "Taint manager: deleting due to NoExecute taint"
        conditions = disruption(pod, "DeletionByTaintManager", message, self.clock.now())
        try:
            await self.act(patch_of(PODS, pod, {"status": {"conditions": conditions}}, subresource="status"))
        except NotFound:
            return
        await self.act(delete_of(PODS, pod))
