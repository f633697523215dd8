"""RuntimeClass: a pod that names a class gets the class's overhead and placement; the class must exist.

https://kubernetes.io/docs/concepts/containers/runtime-class/
"""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.errors import forbidden
from pybernetes.api.kinds import PODS, RUNTIME_CLASSES
from pybernetes.apiserver.admission.lookups import creates
from pybernetes.apiserver.writes import Write
from pybernetes.semantics.tolerations import merged

Object = dict[str, Any]


async def mutate(write: Write) -> None:
    """Raises Forbidden when there is no such class, or the pod contradicts it."""
    if not creates(write, PODS):
        return
    spec = write.object.get("spec")
    if not isinstance(spec, dict):
        return
    found = await _class_of(write)
    if found is None:
        return
    overhead = _overhead(found)
    if overhead is not None:
        if spec.get("overhead") and not _same_amounts(spec["overhead"], overhead):
            raise _differs(write)
        spec["overhead"] = overhead
    scheduling = found.get("scheduling")
    if scheduling:
        _place(write, spec, scheduling)


async def validate(write: Write) -> None:
    """Nothing else may set an overhead."""
    if not creates(write, PODS):
        return
    found = await _class_of(write)
    overhead = _overhead(found) if found is not None else None
    given = write.object["spec"].get("overhead")
    if overhead is None:
        if given is not None:
            words = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            raise forbidden(PODS, write.name, words)
    elif not _same_amounts(given or {}, overhead):
        raise _differs(write)


async def _class_of(write: Write) -> Object | None:
    name = write.object["spec"].get("runtimeClassName")
    if name is None:
        return None
    found = await write.server.lookup(RUNTIME_CLASSES, None, name)
    if found is None:
        raise forbidden(PODS, write.name, f'pod rejected: RuntimeClass "{name}" not found')
    return found


def _overhead(found: Object) -> Object | None:
    overhead = found.get("overhead")
    return None if overhead is None else dict(overhead.get("podFixed") or {})


def _same_amounts(first: Object, second: Object) -> bool:
    return first.keys() == second.keys() and all(
        quantity.compare(first[key], second[key]) == 0 for key in first
    )


def _differs(write: Write) -> Exception:
    words = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
    return forbidden(PODS, write.name, words)


def _place(write: Write, spec: Object, scheduling: Object) -> None:
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in sorted((scheduling.get("nodeSelector") or {}).items()):
        if selector.get(key, value) != value:
            raise forbidden(
                PODS,
                write.name,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}",
            )
        selector[key] = value
    if selector:
        spec["nodeSelector"] = selector
    tolerations = merged([*(spec.get("tolerations") or ()), *(scheduling.get("tolerations") or ())])
    if tolerations:
        spec["tolerations"] = tolerations
