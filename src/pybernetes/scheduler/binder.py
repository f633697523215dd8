"""The scheduler's only hands: bind a pod, say why one waits, make room for one. Each a few requests.

In: decisions of the cycle. Out: requests; errors come out as they are, the caller decides what becomes of the pod.
"""

from __future__ import annotations

import asyncio
import logging

from pybernetes.api.errors import APIError, NotFound
from pybernetes.api.kinds import PERSISTENT_VOLUME_CLAIMS, PODS
from pybernetes.api.times import now as time_now
from pybernetes.client.interface import STRATEGIC_MERGE_PATCH, Client, Informer, Object, Recorder
from pybernetes.lib.clock import Clock
from pybernetes.scheduler.plugins.volume_binding import binds_late, claim_names
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.preemption import BY_SCHEDULER, Plan
from pybernetes.scheduler.surroundings import Surroundings
from pybernetes.semantics.pods import get_condition, transition_time
from pybernetes.semantics.storage import SELECTED_NODE, is_bound

log = logging.getLogger(__name__)

CLAIM_TIMEOUT = 600.0


class Binder:
    """Requests about pods, on behalf of the scheduler named `name`."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        recorder: Recorder,
        name: str,
        claims: Informer,
        around: Surroundings,
    ) -> None:
        self._client = client
        self._clock = clock
        self._recorder = recorder
        self._name = name
        self._claims = claims
        self._around = around
        self._claim_changed = asyncio.Event()
        claims.add_handler(updated=lambda old, new: self._claim_changed.set())

    async def bind(self, pod: PodInfo, node: str) -> None:
        """Late claims first, then the binding itself. Raises APIError or TimeoutError."""
        await self._bind_claims(pod, node)
        binding: Object = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": node},
        }
        await self._client.create(PODS, binding, pod.namespace, name=pod.name, subresource="binding")
        self._recorder.event(
            pod.obj,
            "Normal",
            "Scheduled",
            f"Successfully assigned {pod.namespace}/{pod.name} to {node}",
            action="Binding",
        )

    async def _bind_claims(self, pod: PodInfo, node: str) -> None:
        """Tell the provisioners of unbound claims the node, and wait until all are bound."""
        waiting: list[str] = []
        for name, _ in claim_names(pod):
            claim = self._around.claim(pod.namespace, name)
            if claim is not None and not is_bound(claim) and binds_late(claim, self._around):
                patch = {"metadata": {"annotations": {SELECTED_NODE: node}}}
                await self._client.patch(PERSISTENT_VOLUME_CLAIMS, pod.namespace, name, patch)
                waiting.append(f"{pod.namespace}/{name}")
        if not waiting:
            return
        async with self._clock.timeout(CLAIM_TIMEOUT):
            while not all((found := self._claims.store.get(key)) and is_bound(found) for key in waiting):
                self._claim_changed.clear()
                await self._claim_changed.wait()

    async def report_failure(
        self, pod: PodInfo, reason: str, message: str, nominated: str | None = None
    ) -> None:
        """The condition PodScheduled=False and, unless None, the nominated node ("" clears it)."""
        status = pod.obj.get("status") or {}
        patch: Object = {}
        old = get_condition(status, "PodScheduled") or {}
        if (old.get("status"), old.get("reason"), old.get("message")) != ("False", reason, message):
            condition: Object = {
                "type": "PodScheduled",
                "status": "False",
                "reason": reason,
                "message": message,
                "lastProbeTime": None,
                "lastTransitionTime": transition_time(old, "False", time_now(self._clock)),
            }
            generation = pod.obj["metadata"].get("generation")
            if generation:
                condition["observedGeneration"] = generation
            patch["conditions"] = [condition]
        if nominated is not None and nominated != pod.nominated_node:
            patch["nominatedNodeName"] = nominated or None
        if not patch:
            return
        try:
            await self._patch_status(pod, patch)
        except NotFound:
            log.debug("pod %s is gone, its condition does not matter", pod.key)
        except APIError as error:
            log.warning("the condition of pod %s was not written: %s", pod.key, error.message)

    async def make_room(self, plan: Plan, preemptor: PodInfo) -> None:
        """Delete the victims, telling each why. Raises APIError when one cannot be deleted."""
        for victim in plan.victims:
            if victim.terminating:
                continue
            condition = {
                "type": "DisruptionTarget",
                "status": "True",
                "reason": BY_SCHEDULER,
                "message": f"{self._name}: preempting to accommodate a higher priority pod",
                "lastProbeTime": None,
                "lastTransitionTime": time_now(self._clock),
            }
            try:
                await self._patch_status(victim, {"conditions": [condition]})
                await self._client.delete(PODS, victim.namespace, victim.name, uid=victim.uid)
            except NotFound:
                continue
            self._recorder.event(
                victim.obj,
                "Normal",
                "Preempted",
                f"Preempted by pod {preemptor.uid} on node {plan.node}",
                action="Preempting",
            )

    async def clear_nomination(self, pod: PodInfo) -> None:
        """A pod of lower priority loses the room that was being made for it."""
        try:
            await self._patch_status(pod, {"nominatedNodeName": None})
        except APIError as error:
            log.warning("the nominated node of pod %s was not cleared: %s", pod.key, error.message)

    async def _patch_status(self, pod: PodInfo, patch: Object) -> None:
        await self._client.patch(
            PODS,
            pod.namespace,
            pod.name,
            {"metadata": {"uid": pod.uid}, "status": patch},
            patch_type=STRATEGIC_MERGE_PATCH,
            subresource="status",
        )
