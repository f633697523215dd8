"""What a ResourceQuota counts: pods, services, claims and objects of any kind, against the names in `spec.hard`.

In: objects and the names that a quota limits. Out: amounts as quantities. The controller adds up what there is,
admission what is about to come.
Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.kinds import BUILTIN_KINDS, Kind
from pybernetes.semantics import resources
from pybernetes.semantics.pods import is_terminal

Object = Mapping[str, Any]

_COUNTED_BY_NAME = frozenset(("configmaps", "secrets", "replicationcontrollers", "resourcequotas"))
_COMPUTE = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    "ephemeral-storage": ("requests", "ephemeral-storage"),
}
_STORAGE_CLASS = ".storageclass.storage.k8s.io/"


def counts_in_quota(pod: Object) -> bool:
    """A pod that has ended uses nothing; one being deleted does until it has ended."""
    return not is_terminal(pod)


def in_scope(pod: Object, quota: Object) -> bool:
    """Whether a quota with scopes is about this pod."""
    spec = quota["spec"]
    if not all(_has_scope(pod, scope, "Exists", ()) for scope in spec.get("scopes") or ()):
        return False
    return all(
        _has_scope(pod, one["scopeName"], one.get("operator", "Exists"), one.get("values") or ())
        for one in (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    )


def _has_scope(pod: Object, scope: str, operator: str, values: Sequence[str]) -> bool:
    spec = pod["spec"]
    match scope:
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return resources.pod_qos(pod) == "BestEffort"
        case "NotBestEffort":
            return resources.pod_qos(pod) != "BestEffort"
        case "CrossNamespacePodAffinity":
            return _reaches_other_namespaces(spec.get("affinity") or {})
        case "PriorityClass":
            name = spec.get("priorityClassName") or ""
            if operator == "In":
                return name in values
            if operator == "NotIn":
                return name not in values
            return bool(name) == (operator == "Exists")
    return False


def _reaches_other_namespaces(affinity: dict[str, Any]) -> bool:
    for field in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(field) or {}
        for term in (
            *(terms.get("requiredDuringSchedulingIgnoredDuringExecution") or ()),
            *(
                one.get("podAffinityTerm") or {}
                for one in terms.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
            ),
        ):
            if term.get("namespaces") or term.get("namespaceSelector") is not None:
                return True
    return False


def pod_usage(pods: Iterable[Object], names: Iterable[str]) -> dict[str, str]:
    """The named resources that these pods use together."""
    wanted = list(names)
    totals = dict.fromkeys(wanted, "0")
    for pod in pods:
        requests = resources.to_list(resources.pod_requests(pod))
        limits = resources.to_list(resources.pod_limits(pod))
        for name in wanted:
            amount = _amount(name, requests, limits)
            if amount:
                totals[name] = quantity.add(totals[name], amount)
    return totals


def _amount(name: str, requests: dict[str, str], limits: dict[str, str]) -> str:
    if name in ("pods", "count/pods"):
        return "1"
    if name in _COMPUTE:
        return requests.get(_COMPUTE[name][1], "")
    head, _, tail = name.partition(".")
    if head == "requests":
        return requests.get(tail, "")
    if head == "limits":
        return limits.get(tail, "")
    return requests.get(name, "") if name.startswith("hugepages-") else ""


def is_about_pods(name: str) -> bool:
    if name in ("requests.storage",) or _STORAGE_CLASS in name:
        return False
    return name in ("pods", "count/pods", *_COMPUTE) or name.startswith(
        ("requests.", "limits.", "hugepages-")
    )


def service_usage(services: Sequence[Object], name: str) -> str:
    if name in ("services", "count/services"):
        return str(len(services))
    balancers = [one for one in services if one["spec"].get("type") == "LoadBalancer"]
    if name == "services.loadbalancers":
        return str(len(balancers))
    ports = 0
    for one in services:
        spec = one["spec"]
        if spec.get("type") == "NodePort" or (
            spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
        ):
            ports += len(spec.get("ports") or ())
    return str(ports)


def claim_usage(claims: Sequence[Object], name: str) -> str:
    """`requests.storage`, `persistentvolumeclaims`, and both of one storage class."""
    if _STORAGE_CLASS in name:
        storage_class, _, name = name.partition(_STORAGE_CLASS)
        claims = [one for one in claims if one["spec"].get("storageClassName") == storage_class]
    if name in ("persistentvolumeclaims", "count/persistentvolumeclaims"):
        return str(len(claims))
    total = "0"
    for one in claims:
        asked = ((one["spec"].get("resources") or {}).get("requests") or {}).get("storage")
        if asked:
            total = quantity.add(total, asked)
    return total


def counted_kind(name: str) -> Kind | None:
    """The kind that `count/deployments.apps` or `configmaps` is about."""
    resource = name.removeprefix("count/")
    if resource == name and name not in _COUNTED_BY_NAME:
        return None
    return next((kind for kind in BUILTIN_KINDS if kind.group_resource == resource and kind.namespaced), None)
