"""The TTL controller: Jobs with `ttlSecondsAfterFinished` go when that time has passed.

In: Jobs. Out: their deletion, in the foreground so that their pods go with them.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import JOBS
from pybernetes.api.times import parse_time
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import delete_of
from pybernetes.controllers.job.plan import COMPLETE, FAILED
from pybernetes.controllers.objects import is_deleting, name_of, namespace_of, uid_of
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.pods import get_condition


def due(job: Object) -> datetime | None:
    """When the Job may go; None while it runs or when nothing is said about it."""
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None or is_deleting(job):
        return None
    for type in (COMPLETE, FAILED):
        condition = get_condition(job.get("status"), type)
        if (
            condition is not None
            and condition.get("status") == "True"
            and condition.get("lastTransitionTime")
        ):
            return parse_time(condition["lastTransitionTime"]) + timedelta(seconds=int(seconds))
    return None


class TTLAfterFinishedController(Reconciler):
    name = "ttl-after-finished-controller"
    source = "ttl-after-finished-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_ttl_after_finished_syncs

    def watch(self) -> None:
        self.jobs = self.informer(JOBS)
        self.jobs.add_handler(added=self._seen, updated=lambda old, new: self._seen(new))

    def _seen(self, job: Object) -> None:
        if due(job) is not None:
            self.enqueue(job)

    async def sync(self, key: str) -> None:
        job = self.jobs.store.get(key)
        moment = due(job) if job is not None else None
        if job is None or moment is None:
            return
        left = (moment - self.clock.now()).total_seconds()
        if left > 0:
            self.queue.add_after(key, left)
            return
        # The time to live may have been changed meanwhile: the server's word counts.
        try:
            live = await self.client.get(JOBS, namespace_of(job), name_of(job))
        except NotFound:
            return
        current = due(live) if uid_of(live) == uid_of(job) else None
        if current is not None and current <= self.clock.now():
            await self.act(delete_of(JOBS, live, propagation_policy="Foreground"))
