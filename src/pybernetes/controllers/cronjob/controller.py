"""The shell around the CronJob plan: a timer for each CronJob, and the Jobs that it starts, replaces and forgets."""

from __future__ import annotations

from pybernetes.api.errors import AlreadyExists, APIError, NotFound
from pybernetes.api.kinds import CRON_JOBS, JOBS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import delete_of
from pybernetes.controllers.claims import OWNER_INDEX, index_by_owner
from pybernetes.controllers.cronjob.plan import Plan, plan, with_started, without_jobs
from pybernetes.controllers.objects import compact, controller_key, name_of, namespace_of, uid_of, with_kind
from pybernetes.controllers.podcontrol import namespace_is_ending
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.owners import is_controlled_by


class CronJobController(Reconciler):
    name = "cronjob-controller"
    source = "cronjob-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_cron_job_syncs

    def watch(self) -> None:
        self.cron_jobs = self.informer(CRON_JOBS)
        self.enqueue_changes(self.cron_jobs)
        self.jobs = self.informer(JOBS)
        self.jobs.add_index(OWNER_INDEX, index_by_owner)
        self.jobs.add_handler(
            added=self._job_changed,
            updated=lambda old, new: self._job_changed(new),
            deleted=self._job_changed,
        )

    def _job_changed(self, job: Object) -> None:
        key = controller_key(job, CRON_JOBS)
        if key is not None:
            self.queue.add(key)

    async def sync(self, key: str) -> None:
        cached = self.cron_jobs.store.get(key)
        if cached is None:
            return
        cron_job = with_kind(cached, CRON_JOBS)
        jobs = self.jobs.store.by_index(OWNER_INDEX, uid_of(cron_job))
        decided = plan(cron_job, jobs, self.clock.now())
        for type, reason, message in decided.events:
            self.recorder.event(cron_job, type, reason, message)
        for job in decided.forget:
            await self._delete(cron_job, job)
        status = await self._start(cron_job, decided)
        if compact(cron_job.get("status") or {}) != compact(status):
            await self.client.update_status(CRON_JOBS, {**cron_job, "status": status})
        if decided.after is not None:
            self.queue.add_after(key, decided.after)

    async def _start(self, cron_job: Object, decided: Plan) -> Object:
        """The status, after the Job that is due was started."""
        status = decided.status
        if decided.start is None:
            return status
        for job in decided.replace:
            await self._delete(cron_job, job)
        status = without_jobs(status, decided.replace)
        job, moment = decided.start
        try:
            created = await self.client.create(JOBS, job)
        except AlreadyExists:
            # Started by an earlier pass whose status was not written.
            live = await self.client.get(JOBS, namespace_of(job), name_of(job))
            return with_started(status, live, moment) if is_controlled_by(live, cron_job) else status
        except APIError as error:
            if namespace_is_ending(error):
                return status
            self.recorder.event(cron_job, "Warning", "FailedCreate", f"Error creating job: {error}")
            raise
        self.recorder.event(cron_job, "Normal", "SuccessfulCreate", f"Created job {name_of(created)}")
        return with_started(status, created, moment)

    async def _delete(self, cron_job: Object, job: Object) -> None:
        action = delete_of(JOBS, job, propagation_policy="Background")
        try:
            await self.act(action)
        except NotFound:
            return
        except APIError as error:
            self.recorder.event(cron_job, "Warning", "FailedDelete", f"Deleted job: {error}")
            raise
        self.recorder.event(cron_job, "Normal", "SuccessfulDelete", f"Deleted job {name_of(job)}")
