"""The scheduler: takes pods from the queue one by one, decides purely, and binds in the background.

`Scheduler(client, informers, clock, recorder)`, then `start` and `close`. Informers are the process's own and
started by it. Decisions are made on the loop without waiting; after a few milliseconds of them the loop gets a turn.
"""

from __future__ import annotations

import asyncio
import logging
import random

from pybernetes.api.errors import APIError, Conflict, NotFound
from pybernetes.client.interface import Client, Informers, Recorder
from pybernetes.lib.clock import Clock, Timer
from pybernetes.lib.tasks import Tasks
from pybernetes.scheduler.binder import Binder
from pybernetes.scheduler.cycle import Cycle
from pybernetes.scheduler.diagnosis import Unschedulable, shortened
from pybernetes.scheduler.framework import Profile
from pybernetes.scheduler.intake import Intake, Watched
from pybernetes.scheduler.plugins import default_profile
from pybernetes.scheduler.podinfo import DEFAULT_SCHEDULER, PodInfo
from pybernetes.scheduler.preemption import NoPlan, Plan, plan
from pybernetes.scheduler.queue import Place, QueuedPod, SchedulingQueue
from pybernetes.scheduler.snapshot import Snapshot

log = logging.getLogger(__name__)

SLICE = 0.005
MAX_BINDINGS = 128


class Scheduler:
    """One profile, one name. Not for reuse after `close`."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        recorder: Recorder,
        name: str = DEFAULT_SCHEDULER,
        *,
        profile: Profile | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.name = name
        self.queue = SchedulingQueue()
        self.snapshot = Snapshot()
        self.tasks = Tasks("scheduler")
        self._clock = clock
        self._recorder = recorder
        self._watched = Watched(informers)
        around = self._watched.surroundings()
        self.cycle = Cycle(profile or default_profile(around), self.snapshot, rng)
        self._binder = Binder(client, clock, recorder, name, self._watched.claims, around)
        self._intake = Intake(
            self._watched, clock, self.queue, self.snapshot, self.cycle, self._wake_up, name
        )
        self._wake = asyncio.Event()
        self._bindings = 0
        self._timer: Timer | None = None

    async def start(self) -> None:
        """Returns at once; scheduling begins when the informers have synced."""
        self.tasks.spawn(self._run(), "loop", eternal=True)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self.tasks.close()

    @property
    def idle(self) -> bool:
        """Nothing to try now and no binding under way; pods that no node takes may be waiting."""
        return not self._bindings and not self.queue.count(Place.READY)

    def _wake_up(self) -> None:
        self._wake.set()

    async def _run(self) -> None:
        await self._watched.wait_synced()
        self._intake.connect()
        log.info(
            "%s is scheduling: %d nodes, %d pods wait", self.name, len(self.snapshot.nodes), len(self.queue)
        )
        while True:
            started = self._clock.monotonic()
            while self._bindings < MAX_BINDINGS:
                queued = self.queue.pop(self._clock.monotonic())
                if queued is None:
                    break
                self._try(queued)
                if self._clock.monotonic() - started > SLICE:
                    break
            else:
                await self._sleep()
                continue
            if queued is None:
                await self._sleep()
            else:
                await self._clock.sleep(0)

    async def _sleep(self) -> None:
        """Until something wakes the loop or a back-off ends."""
        due = self.queue.next_due()
        if due is not None:
            self._timer = self._clock.call_later(max(due - self._clock.monotonic(), 0), self._wake_up)
        await self._wake.wait()
        self._wake.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _try(self, queued: QueuedPod) -> None:
        """One cycle: decide, assume, and leave the rest to a task."""
        pod = queued.pod
        try:
            placement = self.cycle.schedule(pod)
        except Unschedulable as error:
            self._unplaced(queued, error)
        except Exception as error:
            log.exception("scheduling pod %s failed", pod.key)
            self._errored(queued, str(error) or type(error).__name__)
        else:
            self.snapshot.assume(pod, placement.node)
            self._bindings += 1
            self.tasks.spawn(self._bind(queued, placement.node), f"bind {pod.key}")

    async def _bind(self, queued: QueuedPod, node: str) -> None:
        pod = queued.pod
        try:
            await self._binder.bind(pod, node)
        except NotFound:
            self.snapshot.forget(pod.key)
            log.info("pod %s was deleted before it was bound", pod.key)
        except (APIError, TimeoutError) as error:
            if self.snapshot.forget(pod.key):
                await self._not_bound(queued, node, error)
        finally:
            self._bindings -= 1
            self._wake_up()

    async def _not_bound(self, queued: QueuedPod, node: str, error: Exception) -> None:
        pod = queued.pod
        current = self._watched.pods.store.get(pod.key)
        if current is None or current["spec"].get("nodeName") or current["metadata"].get("deletionTimestamp"):
            return
        if isinstance(error, Conflict):
            log.info("pod %s was not bound to %s: %s", pod.key, node, error)
        else:
            log.warning("pod %s was not bound to %s: %s", pod.key, node, error)
        queued.pod = PodInfo(current)
        self._errored(queued, f"binding rejected: {error}")

    def _errored(self, queued: QueuedPod, message: str) -> None:
        self.queue.failed(queued)
        self._report(queued.pod, "SchedulerError", message, None)

    def _unplaced(self, queued: QueuedPod, error: Unschedulable) -> None:
        """Say why, and see whether pods of lower priority can make room."""
        pod, diagnosis = queued.pod, error.diagnosis
        budgets = self._watched.budgets.store.list()
        found: Plan | NoPlan | None = None
        if diagnosis.nodes:
            found = plan(pod, self.cycle, diagnosis, budgets)
        nominated: str | None = ""
        if isinstance(found, Plan):
            nominated = found.node
            self._give_way(pod, found.node)
            self.snapshot.nominate(pod, found.node)
            self.tasks.spawn(self._make_room(found, pod), f"preempt for {pod.key}")
        elif found is not None:
            diagnosis.preemption = found.message
            if found.keep_nomination:
                nominated = None
        if nominated == "":
            self.snapshot.drop_nomination(pod.key)
        self.queue.refused(queued, diagnosis.plugins)
        self._report(pod, "Unschedulable", diagnosis.message(), nominated)

    def _give_way(self, pod: PodInfo, node: str) -> None:
        """Pods of lower priority lose the room that was being made for them on the node."""
        for other in list(self.snapshot.nominated.get(node, {}).values()):
            if other.priority < pod.priority:
                self.snapshot.drop_nomination(other.key)
                self.tasks.spawn(self._binder.clear_nomination(other), f"clear nomination of {other.key}")

    async def _make_room(self, found: Plan, pod: PodInfo) -> None:
        try:
            await self._binder.make_room(found, pod)
        except APIError as error:
            log.warning("no room was made on %s for pod %s: %s", found.node, pod.key, error.message)
            self.snapshot.drop_nomination(pod.key)
            queued = self.queue.get(pod.key)
            if queued is not None:
                self.queue.update(pod, self._clock.monotonic(), matters=True)
                self._wake_up()

    def _report(self, pod: PodInfo, reason: str, message: str, nominated: str | None) -> None:
        log.debug("pod %s: %s", pod.key, message)
        self._recorder.event(pod.obj, "Warning", "FailedScheduling", shortened(message), action="Scheduling")
        self.tasks.spawn(
            self._binder.report_failure(pod, reason, message, nominated), f"condition of {pod.key}"
        )
