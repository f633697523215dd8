"""The shell around the Job plan: writes the status, frees counted pods of their finalizer, creates and deletes pods."""

from __future__ import annotations

import asyncio

from pybernetes.api.errors import Conflict, NotFound
from pybernetes.api.kinds import JOBS, PODS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import patch_of
from pybernetes.controllers.claiming import claimed
from pybernetes.controllers.claims import OWNER_INDEX
from pybernetes.controllers.job.plan import is_finished, plan
from pybernetes.controllers.job.pods import TRACKING, is_tracked, new_pod
from pybernetes.controllers.objects import compact, uid_of, with_kind
from pybernetes.controllers.pod_owner import PodOwner
from pybernetes.controllers.reconciler import Context

BUILT_IN = "kubernetes.io/job-controller"


class JobController(PodOwner):
    name = "job-controller"
    source = "job-controller"
    kind = JOBS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_job_syncs

    async def sync(self, key: str) -> None:
        cached = self.owners.store.get(key)
        if cached is None:
            self.expectations.forget(key)
            await self._free_orphans(key)
            return
        job = with_kind(cached, JOBS)
        if job["spec"].get("managedBy") not in (None, BUILT_IN):
            return
        pods = await self._pods(job)
        if is_finished(job):
            await self._untrack([pod for pod in pods if is_tracked(pod)])
            return
        may_act = self.expectations.satisfied(key, self.clock.monotonic())
        decided = plan(job, pods, may_act, self.clock.now())
        if compact(job.get("status") or {}) != compact(decided.status):
            await self.client.update_status(JOBS, {**job, "status": decided.status})
            for type, reason, message in decided.events:
                self.recorder.event(job, type, reason, message)
        await self._untrack(decided.untrack)
        error: BaseException | None = None
        if decided.delete:
            error = await self.pod_control.delete_all(key, job, decided.delete)
        if decided.create and error is None:
            new = [new_pod(job, index, failures) for index, failures in decided.create]
            error = await self.pod_control.create_all(key, job, new)
        if decided.after is not None:
            self.queue.add_after(key, decided.after)
        if error is not None:
            raise error

    async def _pods(self, job: Object) -> list[Object]:
        if not job["spec"].get("selector"):
            return self.pods.store.by_index(OWNER_INDEX, uid_of(job))
        return await claimed(self.client, job, JOBS, self.selector_of(job), self.pods.store, PODS)

    async def _untrack(self, pods: list[Object]) -> None:
        """Counted pods lose the finalizer, and may go when somebody deletes them."""
        await asyncio.gather(*(self._untrack_one(pod) for pod in pods))

    async def _untrack_one(self, pod: Object) -> None:
        left = [one for one in pod["metadata"].get("finalizers") or () if one != TRACKING]
        try:
            await self.act(patch_of(PODS, pod, {"metadata": {"finalizers": left or None}}))
        except NotFound:
            return
        except Conflict:
            key = self.owner_key(pod)
            if key is not None:
                self.queue.add_rate_limited(key)

    async def _free_orphans(self, key: str) -> None:
        """Pods of a Job that is gone are nobody's to count."""
        namespace = key.partition("/")[0]
        orphans = [
            pod for pod in self.pods.store.list(namespace) if is_tracked(pod) and self.owner_key(pod) == key
        ]
        await self._untrack(orphans)
