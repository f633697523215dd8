"""What is to be done next for a Deployment: the one decision that its whole behaviour comes from. Pure.

In: a Deployment, the ReplicaSets that it owns, whether old pods still run, the time. Out: a `Plan`: a ReplicaSet to
create, or sizes and annotations to change with their events, old ReplicaSets to delete, and the new status. A pass
does one step; what it changes comes back through the informers and leads to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pybernetes.api.kinds import DEPLOYMENTS, REPLICA_SETS
from pybernetes.api.selectors import LabelSelector
from pybernetes.controllers.actions import Action, Emit, Update, delete_of, patch_of
from pybernetes.controllers.deployment import scaling, status
from pybernetes.controllers.deployment.revisions import (
    REVISION,
    by_age,
    find_new,
    new_set,
    new_set_annotations,
    next_revision,
    replica_annotations,
    replicas_of,
    revision_of,
    status_count,
)
from pybernetes.controllers.objects import (
    Object,
    annotations_of,
    compact,
    is_deleting,
    name_of,
    with_metadata,
)

_UNLIMITED = 2**31 - 1


@dataclass(slots=True)
class Plan:
    """`create` comes first, if any; then `actions` in order; then the status, if it is not None.
    `annotate` are annotations for the Deployment itself. `after` are seconds until another look."""

    create: Object | None = None
    actions: list[Action] = field(default_factory=list)
    status: dict[str, Any] | None = None
    annotate: dict[str, str] = field(default_factory=dict)
    after: float | None = None


class _Sets:
    """The ReplicaSets while a plan is being made: changes pile up until `actions` makes one write of each."""

    def __init__(self, deployment: Object, sets: Sequence[Object]) -> None:
        self.deployment = deployment
        self.all = by_age(sets)
        self.new = find_new(deployment, self.all)
        self.old = [one for one in self.all if one is not self.new]
        self._changed: dict[str, Object] = {}
        self._events: list[Emit] = []

    @property
    def active_old(self) -> list[Object]:
        return [one for one in self.old if replicas_of(one) > 0]

    def change(self, replica_set: Object, changed: Object) -> None:
        self._changed[name_of(replica_set)] = changed

    def resize(self, replica_set: Object, size: int) -> bool:
        """A new size, with the annotations that go with it; True if the size differs."""
        name = name_of(replica_set)
        current = self._changed.get(name, replica_set)
        goal, limit = scaling.wanted(self.deployment), scaling.upper_limit(self.deployment)
        annotations = {**annotations_of(current), **replica_annotations(goal, limit)}
        before = replicas_of(replica_set)
        if before == size and annotations == annotations_of(current):
            return False
        changed = with_metadata(current, annotations=annotations)
        self._changed[name] = {**changed, "spec": {**changed["spec"], "replicas": size}}
        if before != size:
            direction = "up" if size > before else "down"
            message = f"Scaled {direction} replica set {name} from {before} to {size}"
            self._events.append(Emit(self.deployment, "Normal", "ScalingReplicaSet", message))
        return before != size

    def actions(self) -> list[Action]:
        """Updates, each followed by its event."""
        actions: list[Action] = []
        for name, changed in self._changed.items():
            actions.append(Update(REPLICA_SETS, changed))
            actions.extend(event for event in self._events if f" replica set {name} " in event.message)
        return actions


def plan(deployment: Object, sets: Sequence[Object], old_pods_run: bool, now: datetime) -> Plan:
    """`old_pods_run` says whether any unfinished pod of an old ReplicaSet exists; only Recreate asks."""
    selector = deployment["spec"].get("selector")
    if selector is not None and LabelSelector.from_object(selector).empty:
        return _selects_everything(deployment)
    view = _Sets(deployment, sets)
    if is_deleting(deployment):
        conditions = list((deployment.get("status") or {}).get("conditions") or ())
        return Plan(status=status.counted(deployment, view.all, view.new, conditions, now))
    conditions = status.pause_conditions(deployment, now)
    result = Plan()
    if view.new is not None:
        conditions = _sync_new_set(view, result, conditions, now)
    if deployment["spec"].get("paused") or scaling.needs_scaling(deployment, view.all):
        _scale(view)
        if deployment["spec"].get("paused"):
            _clean_up(view, result)
        result.actions = [*view.actions(), *result.actions]
        result.status = status.counted(deployment, view.all, view.new, conditions, now)
        return result
    if scaling.is_rolling(deployment):
        _roll(view, result)
    else:
        _recreate(view, result, old_pods_run)
    if status.is_complete(deployment, deployment.get("status") or {}):
        _clean_up(view, result)
    result.actions = [*view.actions(), *result.actions]
    result.status = status.during_rollout(deployment, view.all, view.new, conditions, now)
    if result.create is not None:
        result.annotate = _annotations_after(deployment, result.create)
        result.status = _after_creation(deployment, result.create, result.status, now)
    result.after = status.check_progress_in(deployment, result.status, now)
    return result


def _selects_everything(deployment: Object) -> Plan:
    message = "This deployment is selecting all pods. A non-empty selector is required."
    result = Plan(actions=[Emit(deployment, "Warning", "SelectingAll", message)])
    old = deployment.get("status") or {}
    generation = deployment["metadata"].get("generation", 0)
    if old.get("observedGeneration", 0) < generation:
        result.status = {**old, "observedGeneration": generation}
    return result


def _sync_new_set(
    view: _Sets, result: Plan, conditions: status.Conditions, now: datetime
) -> status.Conditions:
    """Bring annotations, revision and minReadySeconds of the new ReplicaSet up to date."""
    new = view.new
    assert new is not None
    deployment = view.deployment
    annotations = new_set_annotations(deployment, new, next_revision(view.old), 0, 0)
    min_ready = deployment["spec"].get("minReadySeconds") or 0
    if annotations != annotations_of(new) or min_ready != (new["spec"].get("minReadySeconds") or 0):
        changed = with_metadata(new, annotations=annotations)
        spec = {key: value for key, value in changed["spec"].items() if key != "minReadySeconds"}
        if min_ready:
            spec["minReadySeconds"] = min_ready
        changed["spec"] = spec
        view.change(new, changed)
        new = changed
    result.annotate = _annotations_after(deployment, new)
    if status.has_deadline(deployment) and not any(one["type"] == status.PROGRESSING for one in conditions):
        found = status.condition(
            status.PROGRESSING, "True", status.FOUND_NEW_SET, f'Found new replica set "{name_of(new)}"', now
        )
        conditions = status.with_condition(conditions, found)
    return conditions


def _annotations_after(deployment: Object, new: Object) -> dict[str, str]:
    """The Deployment carries the revision of its new ReplicaSet."""
    revision = revision_of(new)
    return {REVISION: str(revision)} if revision and revision_of(deployment) != revision else {}


def _scale(view: _Sets) -> None:
    """The Deployment's size changed (or it is paused): resize what there is, without rolling on."""
    deployment = view.deployment
    goal = scaling.wanted(deployment)
    active = [one for one in view.all if replicas_of(one) > 0]
    if len(active) <= 1:
        only = active[0] if active else view.new or (view.old[-1] if view.old else None)
        if only is not None:
            view.resize(only, goal)
        return
    if scaling.is_saturated(deployment, view.new):
        for one in view.active_old:
            view.resize(one, 0)
        return
    if scaling.is_rolling(deployment):
        sizes = scaling.proportional(deployment, view.all)
        for one in active:
            view.resize(one, sizes[name_of(one)])
    else:
        for one in active:
            view.resize(one, goal if one is view.new else 0)


def _create(view: _Sets, result: Plan) -> None:
    deployment = view.deployment
    result.create = new_set(
        deployment,
        scaling.new_set_replicas(deployment, view.all, None),
        next_revision(view.old),
        scaling.wanted(deployment),
        scaling.upper_limit(deployment),
    )


def _roll(view: _Sets, result: Plan) -> None:
    """Grow the new ReplicaSet as far as surge allows; when it cannot grow now, shrink old ones."""
    deployment, new = view.deployment, view.new
    if new is None:
        _create(view, result)
        return
    size = scaling.new_set_replicas(deployment, view.all, new)
    if size != replicas_of(new):
        view.resize(new, size)
        return
    sizes = scaling.scale_down_old(deployment, view.all, new, view.active_old)
    for one in view.active_old:
        if name_of(one) in sizes:
            view.resize(one, sizes[name_of(one)])


def _recreate(view: _Sets, result: Plan, old_pods_run: bool) -> None:
    """Everything old goes, and only when its last pod has ended does the new version start."""
    if view.active_old:
        for one in view.active_old:
            view.resize(one, 0)
        return
    if old_pods_run or any(status_count(one, "replicas") > 0 for one in view.old):
        return
    if view.new is None:
        _create(view, result)
    elif replicas_of(view.new) != scaling.wanted(view.deployment):
        view.resize(view.new, scaling.wanted(view.deployment))


def _clean_up(view: _Sets, result: Plan) -> None:
    """Delete old, empty ReplicaSets beyond `revisionHistoryLimit`, the lowest revisions first."""
    limit = view.deployment["spec"].get("revisionHistoryLimit")
    if limit is None or limit == _UNLIMITED:
        return
    candidates = [one for one in view.old if not is_deleting(one)]
    surplus = len(candidates) - int(limit)
    if surplus <= 0:
        return
    for one in sorted(candidates, key=revision_of)[:surplus]:
        observed = status_count(one, "observedGeneration") >= one["metadata"].get("generation", 0)
        if replicas_of(one) == 0 and status_count(one, "replicas") == 0 and observed:
            result.actions.append(delete_of(REPLICA_SETS, one))


def _after_creation(
    deployment: Object, created: Object, new_status: dict[str, Any], now: datetime
) -> dict[str, Any]:
    if not status.has_deadline(deployment):
        return new_status
    message = f'Created new replica set "{name_of(created)}"'
    made = status.condition(status.PROGRESSING, "True", status.NEW_SET_CREATED, message, now)
    return {**new_status, "conditions": status.with_condition(new_status["conditions"], made)}


def created_event(deployment: Object, created: Object) -> Emit | None:
    """What is said of a new ReplicaSet, if it has pods at all."""
    size = replicas_of(created)
    if size == 0:
        return None
    message = f"Scaled up replica set {name_of(created)} from 0 to {size}"
    return Emit(deployment, "Normal", "ScalingReplicaSet", message)


def after_failed_creation(
    deployment: Object, created: Object, error: str, now: datetime
) -> tuple[dict[str, Any], Emit]:
    """Status and event when the new ReplicaSet was refused."""
    message = f'Failed to create new replica set "{name_of(created)}": {error}'
    old = deployment.get("status") or {}
    new = {**old, "observedGeneration": deployment["metadata"].get("generation", 0)}
    if status.has_deadline(deployment):
        failed = status.condition(status.PROGRESSING, "False", status.SET_CREATE_ERROR, message, now)
        new["conditions"] = status.with_condition(list(old.get("conditions") or ()), failed)
    return new, Emit(deployment, "Warning", status.SET_CREATE_ERROR, message)


def after_collision(deployment: Object) -> dict[str, Any]:
    """The status that makes the next try use another name: somebody else's ReplicaSet has this one."""
    old = deployment.get("status") or {}
    return {**old, "collisionCount": int(old.get("collisionCount") or 0) + 1}


def same_status(old: dict[str, Any] | None, new: dict[str, Any]) -> bool:
    return compact(old or {}) == compact(new)


def annotation_patch(deployment: Object, annotations: dict[str, str]) -> Action:
    """Only the uid is checked: the status has just been written, which changed the version."""
    return patch_of(DEPLOYMENTS, deployment, {"metadata": {"annotations": annotations}}, exact=False)
