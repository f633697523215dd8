"""Priority: a pod's priority is what its PriorityClass says, never what the pod says.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.errors import forbidden
from pybernetes.api.kinds import PODS, PRIORITY_CLASSES
from pybernetes.apiserver.admission.lookups import changes, creates, every
from pybernetes.apiserver.writes import Write

Object = dict[str, Any]

SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
PREEMPT = "PreemptLowerPriority"


async def mutate(write: Write) -> None:
    if not changes(write, PODS):
        return
    spec = write.object.get("spec")
    if not isinstance(spec, dict):
        return
    if write.old is not None:
        old = write.old["spec"]
        if spec.get("priority") is None and old.get("priority") is not None:
            spec["priority"] = old["priority"]
        if spec.get("preemptionPolicy") is None and old.get("preemptionPolicy"):
            spec["preemptionPolicy"] = old["preemptionPolicy"]
        return
    name = spec.get("priorityClassName")
    found = await _named(write, name) if name else await _default(write)
    priority, policy = found.get("value", 0), found.get("preemptionPolicy") or PREEMPT
    if found.get("metadata"):
        spec["priorityClassName"] = found["metadata"]["name"]
    given = spec.get("priority")
    if given is not None and given != priority:
        raise forbidden(
            PODS,
            write.name,
            f"the integer value of priority ({given}) must not be provided in pod spec; priority admission "
            f"controller computed {priority} from the given PriorityClass name",
        )
    if spec.get("preemptionPolicy") is not None and spec["preemptionPolicy"] != policy:
        raise forbidden(
            PODS,
            write.name,
            f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod "
            f"spec; priority admission controller computed {policy} from the given PriorityClass name",
        )
    spec["priority"], spec["preemptionPolicy"] = priority, policy


async def _named(write: Write, name: str) -> Object:
    found = await write.server.lookup(PRIORITY_CLASSES, None, name)
    if found is not None:
        return found
    if name in SYSTEM_CLASSES:
        return {"value": SYSTEM_CLASSES[name]}
    raise forbidden(PODS, write.name, f"no PriorityClass with name {name} was found")


async def _default(write: Write) -> Object:
    """The class that is everybody's default (the lowest, should there be several), or none."""
    best: Object = {}
    for one in await every(write, PRIORITY_CLASSES):
        if one.get("globalDefault") and (not best or one.get("value", 0) < best.get("value", 0)):
            best = one
    return best


async def validate(write: Write) -> None:
    """Only one class can be the default."""
    if not changes(write, PRIORITY_CLASSES) or not write.object.get("globalDefault"):
        return
    if not creates(write, PRIORITY_CLASSES) and write.previous.get("globalDefault"):
        return
    for one in await every(write, PRIORITY_CLASSES):
        if one.get("globalDefault") and one["metadata"]["name"] != write.name:
            raise forbidden(
                PRIORITY_CLASSES,
                write.name,
                f"PriorityClass {one['metadata']['name']} is already marked as default. Only one default can exist",
            )
