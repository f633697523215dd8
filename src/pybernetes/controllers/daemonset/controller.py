"""The shell around the DaemonSet plans: revisions, presence on every node, rolling update, status."""

from __future__ import annotations

from pybernetes.api.kinds import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import delete_of
from pybernetes.controllers.claiming import claimed
from pybernetes.controllers.claims import OWNER_INDEX, index_by_owner
from pybernetes.controllers.daemonset import plan as planning
from pybernetes.controllers.daemonset.placement import new_pod, target_node
from pybernetes.controllers.history import revision_hash, to_forget
from pybernetes.controllers.objects import (
    available_in,
    compact,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
    with_kind,
)
from pybernetes.controllers.pod_owner import PodOwner
from pybernetes.controllers.reconciler import Context
from pybernetes.controllers.revisioning import Collision, count_collision, sync_revision
from pybernetes.lib.backoff import Backoff

FAILED_BACKOFF = (1.0, 900.0)


class DaemonSetController(PodOwner):
    name = "daemonset-controller"
    source = "daemonset-controller"
    kind = DAEMON_SETS

    def __init__(self, context: Context) -> None:
        self._failures = Backoff(*FAILED_BACKOFF)
        self._last_failure: dict[tuple[str, str, str], float] = {}
        super().__init__(context)
        self.workers = context.options.concurrent_daemonset_syncs

    def watch(self) -> None:
        super().watch()
        self.revisions = self.informer(CONTROLLER_REVISIONS)
        self.revisions.add_index(OWNER_INDEX, index_by_owner)
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(added=self._node_added, updated=self._node_updated, deleted=self._node_added)

    # Handlers

    def _node_added(self, node: Object) -> None:
        for one in self.owners.store.list():
            self.enqueue(one)

    def _node_updated(self, old: Object, new: Object) -> None:
        if labels_of(old) != labels_of(new) or (old.get("spec") or {}).get("taints") != (
            new.get("spec") or {}
        ).get("taints"):
            self._node_added(new)

    # Reconciling

    async def sync(self, key: str) -> None:
        cached = self.owners.store.get(key)
        if cached is None:
            self.expectations.forget(key)
            return
        daemon_set = with_kind(cached, DAEMON_SETS)
        selector = self.selector_of(daemon_set)
        if selector.empty:
            message = "This daemon set is selecting all pods. A non-empty selector is required."
            self.recorder.event(daemon_set, "Warning", "SelectingAll", message)
            return
        if is_deleting(daemon_set):
            return
        revisions = await claimed(
            self.client, daemon_set, DAEMON_SETS, selector, self.revisions.store, CONTROLLER_REVISIONS
        )
        try:
            current = await sync_revision(self.client, daemon_set, DAEMON_SETS, revisions)
        except Collision:
            await count_collision(self.client, daemon_set, DAEMON_SETS)
            return
        digest = revision_hash(current)
        pods = await claimed(self.client, daemon_set, DAEMON_SETS, selector, self.pods.store, PODS)
        nodes = self.nodes.store.list()
        error: BaseException | None = None
        if self.expectations.satisfied(key, self.clock.monotonic()):
            error = await self._act(key, daemon_set, nodes, pods, digest)
            used = planning.uses(pods, digest)
            for one in to_forget(daemon_set, revisions, lambda one: revision_hash(one) in used):
                await self.act(delete_of(CONTROLLER_REVISIONS, one))
        await self._write_status(key, daemon_set, nodes, pods, digest)
        if error is not None:
            raise error

    async def _act(
        self, key: str, daemon_set: Object, nodes: list[Object], pods: list[Object], digest: str
    ) -> BaseException | None:
        now = self.clock.now()
        decided = planning.plan(daemon_set, nodes, pods, digest, now)
        self._tell_of_ended(key, daemon_set, decided)
        if not decided.create and not decided.delete:
            decided = planning.roll(daemon_set, nodes, pods, digest, now)
        new = [new_pod(daemon_set, node, digest) for node in decided.create]
        errors = [
            await self.pod_control.create_all(key, daemon_set, new) if new else None,
            await self.pod_control.delete_all(key, daemon_set, decided.delete) if decided.delete else None,
        ]
        return next((error for error in errors if error is not None), None)

    def _tell_of_ended(self, key: str, daemon_set: Object, decided: planning.Plan) -> None:
        """Pods that have ended are replaced; one that fails again and again waits longer each time."""
        for pod in decided.failed:
            node = target_node(pod)
            place = (key, uid_of(daemon_set), node)
            now = self.clock.monotonic()
            waits = self._failures.current(place, now)
            since = now - self._last_failure.get(place, -1e9)
            if waits and since < waits:
                decided.delete.remove(pod)
                self.queue.add_after(key, waits - since)
                continue
            self._failures.next(place, now)
            self._last_failure[place] = now
            what = f"{namespace_of(pod)}/{name_of(pod)} on node {node}"
            message = f"Found failed daemon pod {what}, will try to kill it"
            self.recorder.event(daemon_set, "Warning", "FailedDaemonPod", message)
        for pod in decided.succeeded:
            what = f"{namespace_of(pod)}/{name_of(pod)} on node {target_node(pod)}"
            message = f"Found succeeded daemon pod {what}, will try to delete it"
            self.recorder.event(daemon_set, "Normal", "SucceededDaemonPod", message)

    async def _write_status(
        self, key: str, daemon_set: Object, nodes: list[Object], pods: list[Object], digest: str
    ) -> None:
        now = self.clock.now()
        new = planning.status(daemon_set, nodes, pods, digest, now)
        if compact(daemon_set.get("status") or {}) != compact(new):
            await self.client.update_status(DAEMON_SETS, {**daemon_set, "status": new})
        if planning.min_ready(daemon_set) > 0 and new["numberReady"] != new.get("numberAvailable", 0):
            wait = available_in(pods, planning.min_ready(daemon_set), now)
            if wait is not None:
                self.queue.add_after(key, wait + 0.1)
