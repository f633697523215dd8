"""What a pod asks for and may use: requests, limits and the QoS class that follows.

Amounts are whole numbers: cpu in thousandths, everything else in its own unit (bytes, pieces), rounded up.
Sources: the Kubernetes documentation pages "Resource Management for Pods and Containers", "Sidecar
Containers", "Pod Overhead" and "Pod Quality of Service Classes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from pybernetes.api import quantity
from pybernetes.semantics.pods import containers_of, get_condition, is_sidecar

Object = Mapping[str, Any]
Amounts = dict[str, int]

CPU, MEMORY, PODS, EPHEMERAL_STORAGE = "cpu", "memory", "pods", "ephemeral-storage"
GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"

DEFAULT_MILLI_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
"""What a container that asks for nothing counts as when nodes are scored."""


def amounts(resources: Mapping[str, object] | None) -> Amounts:
    """A resource list as whole numbers: `{cpu: "1500m", memory: "1Gi"}` is `{cpu: 1500, memory:
    1073741824}`.
    """
    return {
        name: quantity.milli_value(text) if name == CPU else quantity.value(text)
        for name, text in (resources or {}).items()
    }


def to_list(numbers: Mapping[str, int]) -> dict[str, str]:
    """The reverse of `amounts`."""
    result: dict[str, str] = {}
    for name, number in numbers.items():
        if name == CPU:
            result[name] = quantity.format_milli(number)
        elif name in (MEMORY, EPHEMERAL_STORAGE) or name.startswith("hugepages-"):
            result[name] = quantity.format_value(number)
        else:
            result[name] = quantity.format_value(number, quantity.DECIMAL_SI)
    return result


def _add(total: Amounts, more: Mapping[str, int]) -> None:
    for name, number in more.items():
        total[name] = total.get(name, 0) + number


def _raise_to(total: Amounts, least: Mapping[str, int]) -> None:
    for name, number in least.items():
        if number > total.get(name, 0):
            total[name] = number


def _of(container: Object, which: str) -> Amounts:
    resources = container.get("resources")
    return amounts(resources.get(which)) if resources else {}


def _requests(container: Object, statuses: Mapping[str, Object] | None, infeasible: bool) -> Amounts:
    wanted = _of(container, "requests")
    status = statuses.get(container["name"]) if statuses else None
    if not status:
        return wanted
    reported = (status.get("resources") or {}).get("requests")
    allocated = status.get("allocatedResources")
    if reported is None and allocated is None:
        return wanted
    if infeasible:
        wanted = {}
    _raise_to(wanted, amounts(reported))
    _raise_to(wanted, amounts(allocated))
    return wanted


def _is_infeasible(pod: Object) -> bool:
    condition = get_condition(pod.get("status"), "PodResizePending")
    return condition is not None and condition.get("reason") == "Infeasible"


def _combine(spec: Object, each: list[Amounts], each_init: list[Amounts]) -> Amounts:
    """Containers and sidecars run together; an init container runs with the sidecars before it."""
    total: Amounts = {}
    for one in each:
        _add(total, one)
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container, one in zip(spec.get("initContainers") or (), each_init, strict=True):
        if is_sidecar(container):
            _add(total, one)
            _add(sidecars, one)
            _raise_to(peak, sidecars)
        else:
            together = dict(one)
            _add(together, sidecars)
            _raise_to(peak, together)
    _raise_to(total, peak)
    return total


def _pod_level(spec: Object, which: str) -> Amounts:
    """What `spec.resources` states for the pod as a whole; it overrides the sum of the containers."""
    resources = spec.get("resources")
    if not resources:
        return {}
    stated = amounts(resources.get(which))
    return {
        name: number
        for name, number in stated.items()
        if name in (CPU, MEMORY) or name.startswith("hugepages-")
    }


def pod_requests(pod: Object, *, with_overhead: bool = True, with_status: bool = False) -> Amounts:
    """What the pod reserves on its node.

    `with_status` takes a resize under way into account: the larger of wanted, allocated and in use counts.
    """
    spec = pod["spec"]
    statuses: dict[str, Object] | None = None
    infeasible = False
    if with_status and pod.get("status"):
        status = pod["status"]
        statuses = {one["name"]: one for one in status.get("containerStatuses") or ()}
        statuses.update({one["name"]: one for one in status.get("initContainerStatuses") or ()})
        infeasible = _is_infeasible(pod)
    each = [_requests(one, statuses, infeasible) for one in spec.get("containers") or ()]
    each_init = [
        _requests(one, statuses if is_sidecar(one) else None, infeasible)
        for one in spec.get("initContainers") or ()
    ]
    total = _combine(spec, each, each_init)
    total.update(_pod_level(spec, "requests"))
    if with_overhead and spec.get("overhead"):
        _add(total, amounts(spec["overhead"]))
    return total


def pod_limits(pod: Object, *, with_overhead: bool = True) -> Amounts:
    """What the pod may use at most; a resource that some container does not limit still counts the others."""
    spec = pod["spec"]
    each = [_of(one, "limits") for one in spec.get("containers") or ()]
    each_init = [_of(one, "limits") for one in spec.get("initContainers") or ()]
    total = _combine(spec, each, each_init)
    total.update(_pod_level(spec, "limits"))
    if with_overhead and spec.get("overhead"):
        overhead = amounts(spec["overhead"])
        _add(total, {name: number for name, number in overhead.items() if name in total})
    return total


def nonzero_requests(pod: Object) -> tuple[int, int]:
    """(milli-cpu, bytes) for scoring: containers that ask for nothing count with a small default."""
    spec = pod["spec"]

    def asked(container: Object) -> Amounts:
        found = _of(container, "requests")
        return {CPU: found.get(CPU, DEFAULT_MILLI_CPU), MEMORY: found.get(MEMORY, DEFAULT_MEMORY)}

    each = [asked(one) for one in spec.get("containers") or ()]
    total = _combine(spec, each, [asked(one) for one in spec.get("initContainers") or ()])
    stated = _pod_level(spec, "requests")
    overhead = amounts(spec.get("overhead"))
    cpu = stated.get(CPU, total.get(CPU, 0)) + overhead.get(CPU, 0)
    memory = stated.get(MEMORY, total.get(MEMORY, 0)) + overhead.get(MEMORY, 0)
    return cpu, memory


def qos_class(pod: Object) -> str:
    """Guaranteed, Burstable or BestEffort, from the spec alone."""
    spec = pod["spec"]
    pod_level = spec.get("resources")
    if pod_level is not None:
        considered: Sequence[Object] = [{"resources": pod_level}]
    else:
        considered = containers_of(spec)
    return _class_of(msgspec.json.encode([one.get("resources") or {} for one in considered]))


@lru_cache(maxsize=1024)
def _class_of(encoded: bytes) -> str:
    """Of resources as JSON: pods of one template ask for the same."""
    considered = [{"resources": one} for one in msgspec.json.decode(encoded)]
    requests: Amounts = {}
    limits: Amounts = {}
    guaranteed = True
    for container in considered:
        asked = {name: n for name, n in _of(container, "requests").items() if name in (CPU, MEMORY) and n > 0}
        bound = {name: n for name, n in _of(container, "limits").items() if name in (CPU, MEMORY) and n > 0}
        _add(requests, asked)
        _add(limits, bound)
        if len(bound) != 2:
            guaranteed = False
    if not requests and not limits:
        return BEST_EFFORT
    return GUARANTEED if guaranteed and requests == limits else BURSTABLE


def pod_qos(pod: Object) -> str:
    """The class that the status states, or else what the spec says."""
    stated = (pod.get("status") or {}).get("qosClass")
    return stated or qos_class(pod)


def allocatable(node: Object) -> Amounts:
    """What pods may reserve on the node."""
    status = node.get("status") or {}
    return amounts(status.get("allocatable") or status.get("capacity"))
