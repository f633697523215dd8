"""The shell around the Deployment plan: claims ReplicaSets, carries out one step, writes status and revision.

Deployments, ReplicaSets and pods come from informers; pods only matter to a Recreate that waits for old ones to end.
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.api.errors import AlreadyExists, APIError
from pybernetes.api.kinds import DEPLOYMENTS, PODS, REPLICA_SETS
from pybernetes.api.selectors import LabelSelector
from pybernetes.client.interface import Object, split_key
from pybernetes.controllers.actions import Update
from pybernetes.controllers.claiming import claimed
from pybernetes.controllers.claims import OWNER_INDEX, index_by_owner
from pybernetes.controllers.deployment import plan as planning
from pybernetes.controllers.deployment.revisions import find_new, same_template
from pybernetes.controllers.objects import controller_key, labels_of, name_of, namespace_of, uid_of, with_kind
from pybernetes.controllers.podcontrol import namespace_is_ending
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.owners import controller_ref, is_controlled_by
from pybernetes.semantics.pods import is_terminal


class DeploymentController(Reconciler):
    name = "deployment-controller"
    source = "deployment-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_deployment_syncs

    def watch(self) -> None:
        self.deployments = self.informer(DEPLOYMENTS)
        self.enqueue_changes(self.deployments)
        self.sets = self.informer(REPLICA_SETS)
        self.sets.add_index(OWNER_INDEX, index_by_owner)
        self.sets.add_handler(added=self._set_changed, updated=self._set_updated, deleted=self._set_changed)
        self.pods = self.informer(PODS)
        self.pods.add_index(OWNER_INDEX, index_by_owner)
        self.pods.add_handler(updated=self._pod_updated, deleted=self._pod_ended)

    # Handlers

    def _set_changed(self, replica_set: Object) -> None:
        if controller_ref(replica_set) is not None:
            key = controller_key(replica_set, DEPLOYMENTS)
            if key is not None:
                self.queue.add(key)
            return
        for deployment in self.deployments.store.list(namespace_of(replica_set)):
            selector = LabelSelector.from_object(deployment["spec"].get("selector"))
            if not selector.empty and selector.matches(labels_of(replica_set)):
                self.enqueue(deployment)

    def _set_updated(self, old: Object, new: Object) -> None:
        before, after = controller_ref(old), controller_ref(new)
        if before is not None and before != after:
            self._set_changed(old)
        if after is not None or before is not None or labels_of(old) != labels_of(new):
            self._set_changed(new)

    def _pod_updated(self, old: Object, new: Object) -> None:
        if is_terminal(new) and not is_terminal(old):
            self._pod_ended(new)

    def _pod_ended(self, pod: Object) -> None:
        """The last old pod may be what a Recreate waits for."""
        set_key = controller_key(pod, REPLICA_SETS)
        replica_set = self.sets.store.get(set_key) if set_key is not None else None
        key = controller_key(replica_set, DEPLOYMENTS) if replica_set is not None else None
        deployment = self.deployments.store.get(key) if key is not None else None
        if deployment and (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            self.queue.add(key)

    # Reconciling

    async def sync(self, key: str) -> None:
        cached = self.deployments.store.get(key)
        if cached is None:
            return
        deployment = with_kind(cached, DEPLOYMENTS)
        sets = await self._claimed(deployment)
        now = self.clock.now()
        decided = planning.plan(deployment, sets, self._old_pods_run(deployment, sets), now)
        if decided.create is not None and not await self._create(deployment, decided.create):
            return
        await self.carry_out(decided.actions)
        if decided.status is not None and not planning.same_status(deployment.get("status"), decided.status):
            await self.client.update_status(DEPLOYMENTS, {**deployment, "status": decided.status})
        if decided.annotate:
            await self.act(planning.annotation_patch(deployment, decided.annotate))
        if decided.after is not None:
            self.queue.add_after(key, decided.after)

    async def _claimed(self, deployment: Object) -> list[Object]:
        selector = LabelSelector.from_object(deployment["spec"].get("selector"))
        if selector.empty:
            return []
        return await claimed(self.client, deployment, DEPLOYMENTS, selector, self.sets.store, REPLICA_SETS)

    def _old_pods_run(self, deployment: Object, sets: Iterable[Object]) -> bool:
        if (deployment["spec"].get("strategy") or {}).get("type") != "Recreate":
            return False
        new = find_new(deployment, sets)
        return any(
            not is_terminal(pod)
            for one in sets
            if one is not new
            for pod in self.pods.store.by_index(OWNER_INDEX, uid_of(one))
        )

    async def _create(self, deployment: Object, replica_set: Object) -> bool:
        """True when the new ReplicaSet is there, made now or by an earlier pass that the cache does not show yet."""
        try:
            created = await self.client.create(REPLICA_SETS, replica_set)
        except AlreadyExists:
            return await self._resolve_name(deployment, replica_set)
        except APIError as error:
            if namespace_is_ending(error):
                return False
            status, event = planning.after_failed_creation(
                deployment, replica_set, str(error), self.clock.now()
            )
            await self.act(event)
            await self.client.update_status(DEPLOYMENTS, {**deployment, "status": status})
            raise
        event_of_creation = planning.created_event(deployment, created)
        if event_of_creation is not None:
            await self.act(event_of_creation)
        return True

    async def _resolve_name(self, deployment: Object, replica_set: Object) -> bool:
        namespace, name = split_key(f"{namespace_of(deployment)}/{name_of(replica_set)}")
        live = await self.client.get(REPLICA_SETS, namespace, name)
        ours = is_controlled_by(live, deployment)
        if ours and same_template(live["spec"]["template"], replica_set["spec"]["template"]):
            return True
        status = planning.after_collision(deployment)
        await self.act(Update(DEPLOYMENTS, {**deployment, "status": status}, "status"))
        return False
