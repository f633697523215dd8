"""The shell around the StatefulSet plans: revisions, claims before pods, one step after the other, status."""

from __future__ import annotations

from pybernetes.api.errors import AlreadyExists, APIError, NotFound
from pybernetes.api.kinds import (
    CONTROLLER_REVISIONS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
)
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import delete_of, patch_of
from pybernetes.controllers.claiming import claimed
from pybernetes.controllers.claims import OWNER_INDEX, index_by_owner
from pybernetes.controllers.history import template_of, to_forget
from pybernetes.controllers.objects import (
    available_in,
    compact,
    is_deleting,
    name_of,
    namespace_of,
    with_kind,
)
from pybernetes.controllers.pod_owner import PodOwner
from pybernetes.controllers.podcontrol import namespace_is_ending
from pybernetes.controllers.reconciler import Context
from pybernetes.controllers.revisioning import Collision, count_collision, sync_revision
from pybernetes.controllers.statefulset import identity
from pybernetes.controllers.statefulset import plan as planning


class StatefulSetController(PodOwner):
    """Pods come and go one after the other, so they are not counted in expectations."""

    name = "statefulset-controller"
    source = "statefulset-controller"
    kind = STATEFUL_SETS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_statefulset_syncs

    def watch(self) -> None:
        super().watch()
        self.revisions = self.informer(CONTROLLER_REVISIONS)
        self.revisions.add_index(OWNER_INDEX, index_by_owner)
        self.claims = self.informer(PERSISTENT_VOLUME_CLAIMS)

    async def sync(self, key: str) -> None:
        cached = self.owners.store.get(key)
        if cached is None:
            return
        stateful_set = with_kind(cached, STATEFUL_SETS)
        selector = self.selector_of(stateful_set)
        if selector.empty:
            return
        revisions = await claimed(
            self.client, stateful_set, STATEFUL_SETS, selector, self.revisions.store, CONTROLLER_REVISIONS
        )
        pods = await claimed(
            self.client,
            stateful_set,
            STATEFUL_SETS,
            selector,
            self.pods.store,
            PODS,
            also=lambda pod: identity.ordinal_of(stateful_set, pod) >= 0,
        )
        if is_deleting(stateful_set):
            return
        try:
            update = await sync_revision(self.client, stateful_set, STATEFUL_SETS, revisions)
        except Collision:
            await count_collision(self.client, stateful_set, STATEFUL_SETS)
            return
        named = (stateful_set.get("status") or {}).get("currentRevision")
        current = next((one for one in revisions if name_of(one) == named), update)
        now = self.clock.now()
        decided = planning.plan(stateful_set, pods, name_of(current), name_of(update), now)
        try:
            await self._carry_out(stateful_set, decided, [*revisions, update])
        finally:
            await self._write_status(key, stateful_set, pods, current, update)
        used = {name_of(current), name_of(update), *map(planning.revision_of, pods)}
        for one in to_forget(stateful_set, revisions, lambda one: name_of(one) in used):
            await self.act(delete_of(CONTROLLER_REVISIONS, one))

    async def _carry_out(self, stateful_set: Object, decided: planning.Plan, revisions: list[Object]) -> None:
        for pod in decided.relabel:
            labels = identity.corrected(stateful_set, pod)
            await self.act(patch_of(PODS, pod, {"metadata": {"labels": labels}}))
        templates = {name_of(one): template_of(one) for one in revisions}
        for ordinal, revision in decided.create:
            await self._create(stateful_set, templates[revision], ordinal, revision)
        for pod in decided.delete:
            await self._delete(stateful_set, pod)

    async def _create(self, stateful_set: Object, template: Object, ordinal: int, revision: str) -> None:
        pod = identity.new_pod(stateful_set, template, ordinal, revision)
        what = f"create Pod {name_of(pod)} in StatefulSet {name_of(stateful_set)}"
        try:
            for claim in identity.new_claims(stateful_set, ordinal):
                await self._ensure_claim(stateful_set, claim, name_of(pod))
            await self.client.create(PODS, pod)
        except AlreadyExists:
            return
        except APIError as error:
            if not namespace_is_ending(error):
                self.recorder.event(stateful_set, "Warning", "FailedCreate", f"{what} failed error: {error}")
                raise
            return
        self.recorder.event(stateful_set, "Normal", "SuccessfulCreate", f"{what} successful")

    async def _ensure_claim(self, stateful_set: Object, claim: Object, pod: str) -> None:
        present = self.claims.store.get(f"{namespace_of(claim)}/{name_of(claim)}")
        if present is not None:
            owners = identity.claim_owners(stateful_set, present, None)
            if owners is not None:
                patch = {"metadata": {"ownerReferences": owners or None}}
                await self.act(patch_of(PERSISTENT_VOLUME_CLAIMS, present, patch))
            return
        try:
            await self.client.create(PERSISTENT_VOLUME_CLAIMS, claim)
        except AlreadyExists:
            return
        message = f"create Claim {name_of(claim)} Pod {pod} in StatefulSet {name_of(stateful_set)} success"
        self.recorder.event(stateful_set, "Normal", "SuccessfulCreate", message)

    async def _delete(self, stateful_set: Object, pod: Object) -> None:
        what = f"delete Pod {name_of(pod)} in StatefulSet {name_of(stateful_set)}"
        ordinal = identity.ordinal_of(stateful_set, pod)
        start = identity.first_ordinal(stateful_set)
        if not start <= ordinal < start + planning.wanted(stateful_set):
            await self._give_up_claims(stateful_set, pod, ordinal)
        try:
            await self.client.delete(
                PODS, namespace_of(pod), name_of(pod), uid=pod["metadata"].get("uid", "")
            )
        except NotFound:
            return
        except APIError as error:
            self.recorder.event(stateful_set, "Warning", "FailedDelete", f"{what} failed error: {error}")
            raise
        self.recorder.event(stateful_set, "Normal", "SuccessfulDelete", f"{what} successful")

    async def _give_up_claims(self, stateful_set: Object, pod: Object, ordinal: int) -> None:
        """With `whenScaled: Delete` the claims of a pod that is scaled away go with it."""
        for template in identity.claim_templates(stateful_set):
            name = identity.claim_name(stateful_set, template, ordinal)
            claim = self.claims.store.get(f"{namespace_of(stateful_set)}/{name}")
            owners = identity.claim_owners(stateful_set, claim, pod) if claim is not None else None
            if claim is not None and owners is not None:
                patch = {"metadata": {"ownerReferences": owners or None}}
                await self.act(patch_of(PERSISTENT_VOLUME_CLAIMS, claim, patch))

    async def _write_status(
        self, key: str, stateful_set: Object, pods: list[Object], current: Object, update: Object
    ) -> None:
        now = self.clock.now()
        new = planning.status(stateful_set, pods, name_of(current), name_of(update), now)
        if compact(stateful_set.get("status") or {}) != compact(new):
            await self.client.update_status(STATEFUL_SETS, {**stateful_set, "status": new})
        seconds = planning.min_ready(stateful_set)
        wait = available_in(pods, seconds, now) if seconds else None
        if wait is not None:
            self.queue.add_after(key, wait + 0.1)
