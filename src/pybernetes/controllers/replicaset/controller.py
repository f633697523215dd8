"""The shell around the replica plans: one class for ReplicaSets and for ReplicationControllers.

Pods and sets come from informers; a set's key goes through the queue to `sync`, which adopts and releases pods,
creates and deletes what the plan says (unless earlier creations are still unseen), and writes the status.
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.api.errors import APIError
from pybernetes.api.kinds import PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Kind
from pybernetes.api.selectors import LabelSelector
from pybernetes.client.interface import Object
from pybernetes.controllers.claiming import claimed
from pybernetes.controllers.claims import OWNER_INDEX, index_by_owner
from pybernetes.controllers.objects import is_deleting, uid_of, with_kind
from pybernetes.controllers.pod_owner import PodOwner
from pybernetes.controllers.reconciler import Context
from pybernetes.controllers.replicaset import plan as planning
from pybernetes.semantics.owners import controller_ref
from pybernetes.semantics.pods import is_terminal


class ReplicaController(PodOwner):
    """ReplicaSets; see `ReplicationControllerController` for the older kind."""

    name = "replicaset-controller"
    source = "replicaset-controller"
    kind: Kind = REPLICA_SETS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_replicaset_syncs

    def watch(self) -> None:
        super().watch()
        self.owners.add_index(OWNER_INDEX, index_by_owner)

    def selector_of(self, owner: Object) -> LabelSelector:
        return planning.selector_of(owner, self.kind)

    async def sync(self, key: str) -> None:
        cached = self.owners.store.get(key)
        if cached is None:
            self.expectations.forget(key)
            return
        owner = with_kind(cached, self.kind)
        may_act = self.expectations.satisfied(key, self.clock.monotonic())
        owned = await self._claimed(owner)
        failure: tuple[str, str] | None = None
        error: BaseException | None = None
        if may_act and not is_deleting(owner):
            decided = planning.plan(owner, owned, self._related(owner), self.clock.now())
            error = await self._carry_out_plan(key, owner, decided)
            if error is not None:
                failure = ("FailedCreate" if decided.create else "FailedDelete", str(error))
        elif not may_act and not is_deleting(owner):
            failure = self._standing_failure(owner)
        await self._write_status(key, owner, owned, failure)
        if error is not None:
            raise error

    def _standing_failure(self, owner: Object) -> tuple[str, str] | None:
        """A pass that may not act knows nothing new about a failure, and so keeps what is recorded."""
        for condition in (owner.get("status") or {}).get("conditions") or ():
            if condition.get("type") == planning.REPLICA_FAILURE:
                return condition.get("reason", ""), condition.get("message", "")
        return None

    async def _carry_out_plan(self, key: str, owner: Object, decided: planning.Plan) -> BaseException | None:
        if decided.create:
            pods = [planning.new_pod(owner, self.kind)] * decided.create
            return await self.pod_control.create_all(key, owner, pods)
        if decided.delete:
            return await self.pod_control.delete_all(key, owner, decided.delete)
        return None

    async def _claimed(self, owner: Object) -> list[Object]:
        """The set's pods, after adopting and releasing."""
        return await claimed(
            self.client,
            owner,
            self.kind,
            self.selector_of(owner),
            self.pods.store,
            PODS,
            adoptable=lambda pod: not is_terminal(pod),
        )

    def _related(self, owner: Object) -> Iterable[Object]:
        """The pods of every set that the same Deployment controls."""
        above = controller_ref(owner)
        if above is None:
            return self.pods.store.by_index(OWNER_INDEX, uid_of(owner))
        siblings = self.owners.store.by_index(OWNER_INDEX, above["uid"])
        return [pod for one in siblings for pod in self.pods.store.by_index(OWNER_INDEX, uid_of(one))]

    async def _write_status(
        self, key: str, owner: Object, owned: list[Object], failure: tuple[str, str] | None
    ) -> None:
        now = self.clock.now()
        new = planning.status(owner, self.kind, owned, now, failure)
        if not planning.same_status(owner.get("status"), new):
            try:
                await self.client.update_status(self.kind, {**owner, "status": new})
            except APIError:
                if failure is None:
                    raise
        wait = planning.look_again_in(owner, owned, new, now)
        if wait is not None:
            self.queue.add_after(key, wait + 0.1)


class ReplicationControllerController(ReplicaController):
    """The same for the older kind."""

    name = "replicationcontroller-controller"
    source = "replication-controller"
    kind = REPLICATION_CONTROLLERS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_rc_syncs
