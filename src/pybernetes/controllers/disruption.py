"""The disruption controller: how many pods of each PodDisruptionBudget may be evicted now.

In: budgets, pods, and what controls the pods. Out: the budgets' status, which the eviction API goes by.
Source: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pybernetes.api.kinds import (
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
    Kind,
    by_kind,
)
from pybernetes.api.selectors import LabelSelector
from pybernetes.api.times import format_time, parse_time
from pybernetes.client.interface import Object
from pybernetes.controllers.deployment.scaling import int_or_percent
from pybernetes.controllers.objects import is_deleting, labels_of, name_of, namespace_of, with_kind
from pybernetes.controllers.reconciler import Reconciler
from pybernetes.semantics.owners import controller_ref
from pybernetes.semantics.pods import get_condition, is_ready, is_terminal, transition_time

EVICTION_SEEN_WITHIN = timedelta(minutes=2)
_SCALED: dict[tuple[str, str], Kind] = {
    (kind.group, kind.kind): kind for kind in (REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS)
}


@dataclass(frozen=True, slots=True)
class Expected:
    """How many pods there should be, and how many of them have to be healthy. `errors` are about pods whose
    controller does not say its size."""

    count: int
    healthy: int
    errors: tuple[str, ...] = field(default=())


def desired(
    budget: Object, pods: Sequence[Object], scales: dict[str, int], unmanaged: Sequence[str]
) -> Expected:
    """`scales`: the size of each controller of these pods, by uid; `unmanaged`: pods without such a controller."""
    spec = budget["spec"]
    maximum, minimum = spec.get("maxUnavailable"), spec.get("minAvailable")
    if maximum is None and isinstance(minimum, int):
        return Expected(len(pods), minimum)
    total = sum(scales.values())
    errors = tuple(unmanaged)
    if maximum is not None:
        return Expected(total, max(0, total - int_or_percent(maximum, total, round_up=True)), errors)
    if minimum is not None:
        return Expected(total, int_or_percent(minimum, total, round_up=True), errors)
    return Expected(total, 0, errors)


def healthy(budget: Object, pods: Sequence[Object], disrupted: dict[str, str], now: datetime) -> int:
    """Ready pods that are neither going nor have just been allowed to go."""
    return sum(
        is_ready(pod)
        and not is_deleting(pod)
        and not (
            name_of(pod) in disrupted and parse_time(disrupted[name_of(pod)]) + EVICTION_SEEN_WITHIN > now
        )
        for pod in pods
    )


def still_disrupted(
    budget: Object, pods: Sequence[Object], now: datetime
) -> tuple[dict[str, str], float | None]:
    """The evictions whose pods have not begun to go, and seconds until the first of them is given up."""
    waiting: dict[str, str] = {}
    left: list[float] = []
    present = {name_of(pod): pod for pod in pods}
    for name, when in ((budget.get("status") or {}).get("disruptedPods") or {}).items():
        pod = present.get(name)
        remaining = (parse_time(when) + EVICTION_SEEN_WITHIN - now).total_seconds()
        if pod is not None and not is_deleting(pod) and remaining > 0:
            waiting[name] = when
            left.append(remaining)
    return waiting, min(left) if left else None


def status(
    budget: Object, expected: Expected, current: int, disrupted: dict[str, str], now: datetime
) -> dict[str, Any]:
    allowed = max(0, current - expected.healthy) if expected.count > 0 else 0
    old = budget.get("status") or {}
    before = get_condition(old, "DisruptionAllowed")
    truth = "True" if allowed > 0 else "False"
    condition = {
        "type": "DisruptionAllowed",
        "status": truth,
        "reason": "SufficientPods" if allowed > 0 else "InsufficientPods",
        "message": "",
        "lastTransitionTime": transition_time(before, truth, format_time(now)),
        "observedGeneration": budget["metadata"].get("generation", 0),
    }
    others = [one for one in old.get("conditions") or () if one.get("type") != "DisruptionAllowed"]
    new: dict[str, Any] = {
        "observedGeneration": budget["metadata"].get("generation", 0),
        "disruptionsAllowed": allowed,
        "currentHealthy": current,
        "desiredHealthy": expected.healthy,
        "expectedPods": expected.count,
        "conditions": [*others, condition],
    }
    if disrupted:
        new["disruptedPods"] = disrupted
    return new


class DisruptionController(Reconciler):
    name = "disruption-controller"
    source = "controllermanager"
    workers = 1

    def watch(self) -> None:
        self.budgets = self.informer(POD_DISRUPTION_BUDGETS)
        self.enqueue_changes(self.budgets)
        self.pods = self.informer(PODS)
        self.pods.add_handler(added=self._pod_changed, updated=self._pod_updated, deleted=self._pod_changed)
        self.controllers = {kind: self.informer(kind) for kind in _SCALED.values()}
        for informer in self.controllers.values():
            informer.add_handler(updated=self._controller_updated)

    def _pod_changed(self, pod: Object) -> None:
        for budget in self.budgets.store.list(namespace_of(pod)):
            if LabelSelector.from_object(budget["spec"].get("selector")).matches(labels_of(pod)):
                self.enqueue(budget)

    def _pod_updated(self, old: Object, new: Object) -> None:
        if labels_of(old) != labels_of(new):
            self._pod_changed(old)
        elif (is_ready(old), is_deleting(old), is_terminal(old)) == (
            is_ready(new),
            is_deleting(new),
            is_terminal(new),
        ):
            return
        self._pod_changed(new)

    def _controller_updated(self, old: Object, new: Object) -> None:
        if old["spec"].get("replicas") != new["spec"].get("replicas"):
            for budget in self.budgets.store.list(namespace_of(new)):
                self.enqueue(budget)

    async def sync(self, key: str) -> None:
        cached = self.budgets.store.get(key)
        if cached is None or is_deleting(cached):
            return
        budget = with_kind(cached, POD_DISRUPTION_BUDGETS)
        now = self.clock.now()
        selector = LabelSelector.from_object(budget["spec"].get("selector"))
        pods = [pod for pod in self.pods.store.list(namespace_of(budget)) if selector.matches(labels_of(pod))]
        if not pods:
            self.recorder.event(budget, "Normal", "NoPods", "No matching pods found")
        scales, unmanaged = await self._scales(pods)
        expected = desired(budget, pods, scales, unmanaged)
        if expected.errors:
            message = (
                f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged"
            )
            self.recorder.event(budget, "Warning", "UnmanagedPods", message)
        disrupted, left = still_disrupted(budget, pods, now)
        alive = [pod for pod in pods if not is_terminal(pod)]
        new = status(budget, expected, healthy(budget, alive, disrupted, now), disrupted, now)
        if new != (budget.get("status") or {}):
            await self.client.update_status(POD_DISRUPTION_BUDGETS, {**budget, "status": new})
        if left is not None:
            self.queue.add_after(key, left + 0.1)

    async def _scales(self, pods: Sequence[Object]) -> tuple[dict[str, int], list[str]]:
        """The sizes of the pods' controllers; any kind with a scale subresource counts."""
        scales: dict[str, int] = {}
        unmanaged: list[str] = []
        for pod in pods:
            owner = controller_ref(pod)
            if owner is None:
                unmanaged.append(name_of(pod))
            elif owner["uid"] not in scales:
                size = await self._size(namespace_of(pod), owner)
                if size is None:
                    unmanaged.append(name_of(pod))
                else:
                    scales[owner["uid"]] = size
        return scales, unmanaged

    async def _size(self, namespace: str, owner: dict[str, Any]) -> int | None:
        group = owner.get("apiVersion", "").rpartition("/")[0]
        kind = _SCALED.get((group, owner.get("kind", "")))
        if kind is not None:
            obj = self.controllers[kind].store.get(f"{namespace}/{owner['name']}")
            if obj is None or obj["metadata"].get("uid") != owner["uid"]:
                return None
            replicas = obj["spec"].get("replicas")
            return 1 if replicas is None else int(replicas)
        other = by_kind(owner.get("apiVersion", ""), owner.get("kind", ""))
        if other is None or other.subresource("scale") is None:
            return None
        scale = await self.client.get(other, namespace, owner["name"], subresource="scale")
        return int((scale.get("spec") or {}).get("replicas") or 0)
