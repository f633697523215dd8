"""Which pods a DaemonSet lacks, has too many of or has to replace, and its status. Pure.

In: a DaemonSet, nodes, its pods, the hash of its template. Out: a `Plan`, and a status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pybernetes.controllers.daemonset.placement import fits, target_node
from pybernetes.controllers.deployment.scaling import int_or_percent
from pybernetes.controllers.history import HASH_LABEL
from pybernetes.controllers.objects import Object, compact, is_deleting, labels_of, name_of
from pybernetes.semantics.pods import is_available, is_ready, node_name, phase


@dataclass(slots=True)
class Plan:
    """`create`: names of nodes; `delete`: pods; `failed` and `succeeded` are those of them that have ended."""

    create: list[str] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)
    failed: list[Object] = field(default_factory=list)
    succeeded: list[Object] = field(default_factory=list)


def by_node(pods: Sequence[Object]) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for pod in pods:
        target = target_node(pod)
        if target:
            found.setdefault(target, []).append(pod)
    return found


def is_current(pod: Object, digest: str) -> bool:
    return labels_of(pod).get(HASH_LABEL) == digest


def min_ready(daemon_set: Object) -> int:
    return int(daemon_set["spec"].get("minReadySeconds") or 0)


def limits(daemon_set: Object, nodes: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; never both 0."""
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    surge = int_or_percent(rolling.get("maxSurge", 0), nodes, round_up=True)
    unavailable = int_or_percent(rolling.get("maxUnavailable", 1), nodes, round_up=True)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, unavailable


def _oldest_first(pods: Sequence[Object]) -> list[Object]:
    return sorted(
        pods,
        key=lambda pod: (
            not node_name(pod),
            pod["metadata"].get("creationTimestamp") or "",
            name_of(pod),
        ),
    )


def plan(
    daemon_set: Object, nodes: Sequence[Object], pods: Sequence[Object], digest: str, now: datetime
) -> Plan:
    """What presence asks for: a pod on every node that should have one, and only one."""
    result = Plan()
    placed = by_node(pods)
    surge, _ = limits(daemon_set, len(nodes))
    for node in nodes:
        should_run, may_stay = fits(daemon_set, node)
        here = placed.get(name_of(node), [])
        if should_run and not here:
            result.create.append(name_of(node))
        elif may_stay:
            _keep_one(daemon_set, result, here, digest, surge, should_run, name_of(node), now)
        else:
            result.delete.extend(pod for pod in here if not is_deleting(pod))
    known = {name_of(node) for node in nodes}
    for target, stranded in placed.items():
        if target not in known:
            # Pods bound to a node that is gone are the pod garbage collector's.
            result.delete.extend(pod for pod in stranded if not node_name(pod) and not is_deleting(pod))
    return result


def _keep_one(
    daemon_set: Object,
    result: Plan,
    here: list[Object],
    digest: str,
    surge: int,
    should_run: bool,
    node: str,
    now: datetime,
) -> None:
    running = []
    for pod in here:
        if is_deleting(pod):
            continue
        if phase(pod) == "Failed":
            result.failed.append(pod)
            result.delete.append(pod)
        elif phase(pod) == "Succeeded":
            result.succeeded.append(pod)
            result.delete.append(pod)
        else:
            running.append(pod)
    if not running:
        return
    if not surge:
        result.delete.extend(_oldest_first(running)[1:])
        return
    old = _oldest_first([pod for pod in running if not is_current(pod, digest)])
    new = _oldest_first([pod for pod in running if is_current(pod, digest)])
    result.delete.extend([*old[1:], *new[1:]])
    if old and new and is_available(new[0], min_ready(daemon_set), now):
        result.delete.append(old[0])


def roll(
    daemon_set: Object, nodes: Sequence[Object], pods: Sequence[Object], digest: str, now: datetime
) -> Plan:
    """What RollingUpdate asks for beyond that: old pods to delete, or new ones to start beside them."""
    result = Plan()
    if (daemon_set["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        return result
    placed = by_node(pods)
    wanting = [node for node in nodes if fits(daemon_set, node)[0]]
    surge, unavailable = limits(daemon_set, len(wanting))
    waiting = min_ready(daemon_set)
    broken: list[Object] = []
    good: list[Object] = []
    down = 0
    surging = 0
    starts: list[str] = []
    for node in wanting:
        running = [pod for pod in placed.get(name_of(node), []) if not is_deleting(pod)]
        new = [pod for pod in running if is_current(pod, digest)]
        old = [pod for pod in running if not is_current(pod, digest)]
        new_available = any(is_available(pod, waiting, now) for pod in new)
        if surge:
            if old and new and not new_available:
                surging += 1
            elif old and not new:
                starts.append(name_of(node))
            continue
        if not new_available and not any(is_available(pod, waiting, now) for pod in old):
            down += 1
            broken.extend(old)
        elif old and not new:
            good.append(old[0])
    if surge:
        result.create = starts[: max(0, surge - surging)]
        return result
    room = max(0, unavailable - down)
    result.delete = [*broken, *good[:room]]
    return result


def status(
    daemon_set: Object, nodes: Sequence[Object], pods: Sequence[Object], digest: str, now: datetime
) -> dict[str, Any]:
    """Counts by node, as https://kubernetes.io/docs/reference/kubernetes-api/apps/daemon-set-v1/ names them."""
    counts = dict.fromkeys(("desired", "current", "misscheduled", "ready", "updated", "available"), 0)
    placed = by_node(pods)
    for node in nodes:
        should_run, _ = fits(daemon_set, node)
        here = [pod for pod in placed.get(name_of(node), []) if phase(pod) not in ("Failed", "Succeeded")]
        if not should_run:
            counts["misscheduled"] += bool(here)
            continue
        counts["desired"] += 1
        if not here:
            continue
        counts["current"] += 1
        pod = sorted(here, key=lambda one: one["metadata"].get("creationTimestamp") or "")[-1]
        if len(here) > 1:
            pod = next((one for one in here if is_ready(one)), pod)
        counts["ready"] += is_ready(pod)
        counts["available"] += is_available(pod, min_ready(daemon_set), now)
        counts["updated"] += is_current(pod, digest)
    old = daemon_set.get("status") or {}
    optional = {
        "updatedNumberScheduled": counts["updated"],
        "numberAvailable": counts["available"],
        "numberUnavailable": counts["desired"] - counts["available"],
        "observedGeneration": daemon_set["metadata"].get("generation", 0),
        "conditions": old.get("conditions"),
    }
    new: dict[str, Any] = {
        "currentNumberScheduled": counts["current"],
        "numberMisscheduled": counts["misscheduled"],
        "desiredNumberScheduled": counts["desired"],
        "numberReady": counts["ready"],
        **compact(optional),
    }
    if "collisionCount" in old:
        new["collisionCount"] = old["collisionCount"]
    return new


def uses(pods: Sequence[Object], digest: str) -> Mapping[str, None]:
    """The hashes of templates that some pod is of."""
    return dict.fromkeys([digest, *(labels_of(pod).get(HASH_LABEL, "") for pod in pods)])
