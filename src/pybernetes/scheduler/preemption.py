"""Making room: which pods of lower priority would have to go, and from which node. Pure.

In: a pod that no node took, why, and the disruption budgets. Out: a `Plan`, or the sentence that says why there
is none. https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pybernetes.api.selectors import LabelSelector, SelectorError
from pybernetes.client.interface import Object
from pybernetes.scheduler.cycle import Cycle
from pybernetes.scheduler.diagnosis import NO_VICTIMS, NOT_HELPFUL, Diagnosis, nodes_available
from pybernetes.scheduler.framework import Refusal, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo
from pybernetes.semantics.pods import get_condition

NO_CLAIMS = "no new claims to deallocate"
CLAIMS_UNKNOWN = "not found"
BY_SCHEDULER = "PreemptionByScheduler"
LEAST_CANDIDATES, CANDIDATES_PERCENT = 100, 10


@dataclass(slots=True)
class Plan:
    """Delete the victims (the most important first); the pod can then go to the node."""

    node: str
    victims: list[PodInfo]
    violations: int = 0


@dataclass(slots=True)
class NoPlan:
    """`message` completes the pod's FailedScheduling message. `keep_nomination`: room is being made already."""

    message: str
    keep_nomination: bool = False


def plan(pod: PodInfo, cycle: Cycle, diagnosis: Diagnosis, budgets: Sequence[Object]) -> Plan | NoPlan:
    """What preemption can do for a pod that was not placed."""
    if diagnosis.everywhere is not None:
        return NoPlan(CLAIMS_UNKNOWN)
    why_not = _not_eligible(pod, cycle, diagnosis)
    if why_not:
        return NoPlan(f"{NO_CLAIMS}, preemption: {why_not}", keep_nomination=True)
    nodes = cycle.snapshot.nodes
    hopeless = refusal("DefaultPreemption", NOT_HELPFUL, resolvable=False)
    outcomes = dict.fromkeys(nodes, hopeless)
    candidates: list[Plan] = []
    wanted = max(len(nodes) * CANDIDATES_PERCENT // 100, LEAST_CANDIDATES)
    for name, refused in diagnosis.refusals.items():
        if not refused.resolvable or name not in nodes:
            continue
        found = _victims(pod, cycle, nodes[name], budgets)
        if isinstance(found, Refusal):
            outcomes[name] = found
            continue
        candidates.append(found)
        if len(candidates) >= wanted and any(not one.violations for one in candidates):
            break
    if not candidates:
        message = nodes_available(len(nodes), outcomes.values())
        return NoPlan(f"{NO_CLAIMS}, preemption: {message}")
    return min(candidates, key=_cost)


def _not_eligible(pod: PodInfo, cycle: Cycle, diagnosis: Diagnosis) -> str:
    if pod.obj["spec"].get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    nominated = cycle.snapshot.nodes.get(pod.nominated_node)
    if nominated is None:
        return ""
    refused = diagnosis.refusals.get(nominated.name)
    if refused is not None and not refused.resolvable:
        return ""
    if any(other.priority < pod.priority and _leaves_for_another(other) for other in nominated.pods.values()):
        return "not eligible due to a terminating pod on the nominated node."
    return ""


def _leaves_for_another(pod: PodInfo) -> bool:
    if not pod.terminating:
        return False
    condition = get_condition(pod.obj.get("status"), "DisruptionTarget")
    return bool(condition and condition.get("status") == "True" and condition.get("reason") == BY_SCHEDULER)


def _victims(pod: PodInfo, cycle: Cycle, info: NodeInfo, budgets: Sequence[Object]) -> Plan | Refusal:
    """The fewest pods, and the least important ones, whose going makes room on this node."""
    lower = [other for other in info.pods.values() if other.priority < pod.priority]
    if not lower:
        return refusal("DefaultPreemption", NO_VICTIMS, resolvable=False)
    snapshot, name = cycle.snapshot, info.name
    with snapshot.supposing(name, without=lower):
        refused = cycle.refusal_of(pod, info)
    if refused is not None:
        return refused
    lower.sort(key=_importance)
    protected, free = _by_budget(lower, budgets)
    gone = set(range(len(lower)))
    position = {other.key: index for index, other in enumerate(lower)}
    violations = 0
    for other in [*protected, *free]:
        gone.discard(position[other.key])
        with snapshot.supposing(name, without=[lower[index] for index in gone]):
            still_fits = cycle.refusal_of(pod, info) is None
        if not still_fits:
            gone.add(position[other.key])
            violations += other in protected
    return Plan(name, [lower[index] for index in sorted(gone)], violations)


def _importance(pod: PodInfo) -> tuple[int, str]:
    """The most important first: higher priority, then started earlier."""
    return -pod.priority, _started(pod)


def _started(pod: PodInfo) -> str:
    """When the pod started; one that has not is the latest of all."""
    return (pod.obj.get("status") or {}).get("startTime") or "~"


def _by_budget(pods: Sequence[PodInfo], budgets: Sequence[Object]) -> tuple[list[PodInfo], list[PodInfo]]:
    """(pods whose going would break a disruption budget, the others)."""
    left: list[tuple[str, LabelSelector, Object, list[int]]] = []
    for budget in budgets:
        try:
            selector = LabelSelector.from_object((budget.get("spec") or {}).get("selector"))
        except SelectorError:
            continue
        if not selector.empty:
            status = budget.get("status") or {}
            allowed = int(status.get("disruptionsAllowed") or 0)
            disrupted = status.get("disruptedPods") or {}
            left.append((budget["metadata"].get("namespace", ""), selector, disrupted, [allowed]))
    protected: list[PodInfo] = []
    free: list[PodInfo] = []
    for pod in pods:
        broken = False
        for namespace, selector, disrupted, remaining in left:
            if namespace != pod.namespace or not pod.labels or not selector.matches(pod.labels):
                continue
            if pod.name in disrupted:
                continue
            remaining[0] -= 1
            broken = broken or remaining[0] < 0
        (protected if broken else free).append(pod)
    return protected, free


def _cost(found: Plan) -> tuple[int, float, int, int, tuple[int, ...]]:
    """The cheapest plan: fewest broken budgets, lowest highest priority, lowest sum, fewest pods, latest start."""
    highest = max((one.priority for one in found.victims), default=-math.inf)
    total = sum(one.priority + 2**31 for one in found.victims)
    earliest = min((_started(one) for one in found.victims if one.priority == highest), default="")
    return found.violations, highest, total, len(found.victims), _reversed(earliest)


def _reversed(text: str) -> tuple[int, ...]:
    """Sorts later texts first."""
    return tuple(-ord(letter) for letter in text)
