"""LimitRanger: defaults for what containers ask for, and bounds for containers, pods and claims.

https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.errors import forbidden
from pybernetes.api.kinds import LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS, PODS
from pybernetes.apiserver.admission.lookups import creates, every
from pybernetes.apiserver.writes import Write
from pybernetes.semantics import resources
from pybernetes.semantics.pods import containers_of

Object = dict[str, Any]

ANNOTATION = "kubernetes.io/limit-ranger"


async def mutate(write: Write) -> None:
    """Requests and limits that containers leave open."""
    if not creates(write, PODS):
        return
    said: list[str] = []
    for limit in await _limits(write):
        if limit.get("type") != "Container":
            continue
        for word, field in (("container", "containers"), ("init container", "initContainers")):
            for container in write.object["spec"].get(field) or ():
                said.extend(_default(container, limit, word))
    if said:
        annotations = write.object["metadata"].setdefault("annotations", {})
        annotations[ANNOTATION] = f"LimitRanger plugin set: {'; '.join(said)}"


async def validate(write: Write) -> None:
    """Raises Forbidden with everything that is out of bounds."""
    if creates(write, PODS):
        wrong = [one for limit in await _limits(write) for one in _pod_faults(write.object, limit)]
    elif creates(write, PERSISTENT_VOLUME_CLAIMS):
        requests = ((write.object.get("spec") or {}).get("resources") or {}).get("requests") or {}
        wrong = [
            one
            for limit in await _limits(write)
            if limit.get("type") == "PersistentVolumeClaim"
            for one in _bounds(limit, requests, requests)
        ]
    else:
        return
    if wrong:
        raise forbidden(
            write.resource.kind, write.name, wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]"
        )


async def _limits(write: Write) -> list[Object]:
    ranges = await every(write, LIMIT_RANGES, write.namespace)
    return [limit for one in ranges for limit in (one.get("spec") or {}).get("limits") or ()]


def _default(container: Object, limit: Object, word: str) -> Iterable[str]:
    asked = container.get("resources") or {}
    for field, defaults, name in (("requests", "defaultRequest", "request"), ("limits", "default", "limit")):
        missing = {
            key: amount
            for key, amount in (limit.get(defaults) or {}).items()
            if key not in (asked.get(field) or {})
        }
        if missing:
            asked = {**asked, field: {**(asked.get(field) or {}), **missing}}
            keys = ", ".join(sorted(missing))
            yield f"{keys} {name} for {word} {container.get('name', '')}"
    if asked:
        container["resources"] = asked


def _pod_faults(pod: Object, limit: Object) -> Iterable[str]:
    spec = pod["spec"]
    if limit.get("type") == "Container":
        for container in containers_of(spec):
            asked = container.get("resources") or {}
            yield from _bounds(limit, asked.get("requests") or {}, asked.get("limits") or {})
    elif limit.get("type") == "Pod":
        requests = resources.to_list(resources.pod_requests(pod))
        limits = resources.to_list(resources.pod_limits(pod))
        yield from _bounds(limit, requests, limits)


def _bounds(limit: Object, requests: Object, limits: Object) -> Iterable[str]:
    kind = limit["type"]
    for key, least in (limit.get("min") or {}).items():
        words = f"minimum {key} usage per {kind} is {least}"
        if key not in requests:
            yield f"{words}.  No request is specified"
        elif quantity.compare(requests[key], least) < 0:
            yield f"{words}, but request is {requests[key]}"
        elif key in limits and quantity.compare(limits[key], least) < 0:
            yield f"{words}, but limit is {limits[key]}"
    for key, most in (limit.get("max") or {}).items():
        words = f"maximum {key} usage per {kind} is {most}"
        if key not in limits:
            yield f"{words}.  No limit is specified"
        elif quantity.compare(limits[key], most) > 0:
            yield f"{words}, but {'request' if limits is requests else 'limit'} is {limits[key]}"
        elif key in requests and quantity.compare(requests[key], most) > 0:
            yield f"{words}, but request is {requests[key]}"
    for key, ratio in (limit.get("maxLimitRequestRatio") or {}).items():
        yield from _ratio(kind, key, ratio, requests.get(key), limits.get(key))


def _ratio(kind: str, key: str, most: Any, request: Any, limit: Any) -> Iterable[str]:
    words = f"{key} max limit to request ratio per {kind} is {most}"
    if request is None or quantity.nano_value(request) == 0:
        yield f"{words}, but no request is specified or request is 0"
    elif limit is None or quantity.nano_value(limit) == 0:
        yield f"{words}, but no limit is specified or limit is 0"
    else:
        found = quantity.nano_value(limit) / quantity.nano_value(request)
        if found > quantity.nano_value(most) / quantity.NANO:
            yield f"{words}, but provided ratio is {found:f}"
