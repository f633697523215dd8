"""The resource quota controller: what a namespace uses, written into the status of its ResourceQuotas.

In: quotas, pods, services, claims; other kinds are counted by listing them. Out: `status.hard` and
`status.used`. Admission adds to `used` as things are created; this controller takes off what has gone, and
sets right what drifted.
Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.errors import APIError
from pybernetes.api.kinds import (
    BUILTIN_KINDS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    RESOURCE_QUOTAS,
    SERVICES,
    Kind,
)
from pybernetes.client.interface import Object
from pybernetes.controllers.objects import is_deleting, namespace_of, with_kind
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics import resources
from pybernetes.semantics.pods import is_terminal

RESYNC = 300.0
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


class ResourceQuotaController(Reconciler):
    name = "resourcequota-controller"
    source = "resourcequota-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_resource_quota_syncs

    def watch(self) -> None:
        self.quotas = self.informer(RESOURCE_QUOTAS)
        self.quotas.add_handler(added=self.enqueue, updated=self._quota_updated)
        self.pods = self.informer(PODS)
        self.pods.add_handler(updated=self._pod_updated, deleted=self._something_went)
        self.services = self.informer(SERVICES)
        self.services.add_handler(
            updated=lambda old, new: self._something_went(new), deleted=self._something_went
        )
        self.claims = self.informer(PERSISTENT_VOLUME_CLAIMS)
        self.claims.add_handler(
            updated=lambda old, new: self._something_went(new), deleted=self._something_went
        )

    def _quota_updated(self, old: Object, new: Object) -> None:
        status = new.get("status") or {}
        if old["spec"] != new["spec"] or status.get("hard") != new["spec"].get("hard"):
            self.enqueue(new)

    def _pod_updated(self, old: Object, new: Object) -> None:
        if is_terminal(old) != is_terminal(new) or old["spec"].get("containers") != new["spec"].get(
            "containers"
        ):
            self._something_went(new)

    def _something_went(self, obj: Object) -> None:
        for quota in self.quotas.store.list(namespace_of(obj)):
            self.enqueue(quota)

    async def sync(self, key: str) -> None:
        cached = self.quotas.store.get(key)
        if cached is None or is_deleting(cached):
            return
        quota = with_kind(cached, RESOURCE_QUOTAS)
        hard = quota["spec"].get("hard") or {}
        used = await self._used(quota, hard)
        status = {"hard": hard, "used": used}
        old = quota.get("status") or {}
        if old.get("hard") != hard or not _same(old.get("used") or {}, used):
            await self.client.update_status(RESOURCE_QUOTAS, {**quota, "status": status})
        if any(counted_kind(name) is not None for name in hard):
            self.queue.add_after(key, RESYNC)

    async def _used(self, quota: Object, hard: Iterable[str]) -> dict[str, str]:
        namespace = namespace_of(quota)
        pods = [
            pod for pod in self.pods.store.list(namespace) if counts_in_quota(pod) and in_scope(pod, quota)
        ]
        used = pod_usage(pods, [name for name in hard if is_about_pods(name)])
        for name in hard:
            if name in used:
                continue
            plain = name.removeprefix("count/")
            if plain.startswith("services"):
                used[name] = service_usage(self.services.store.list(namespace), name)
            elif "persistentvolumeclaims" in plain or "requests.storage" in plain:
                used[name] = claim_usage(self.claims.store.list(namespace), name)
            else:
                counted = await self._count(name, namespace)
                if counted is not None:
                    used[name] = counted
        return used

    async def _count(self, name: str, namespace: str) -> str | None:
        kind = counted_kind(name)
        if kind is None:
            return None
        try:
            return str(len((await self.client.list(kind, namespace))["items"]))
        except APIError as error:
            self.log.warning("%s cannot be counted: %s", name, error)
            return None


def _same(left: dict[str, str], right: dict[str, str]) -> bool:
    return left.keys() == right.keys() and all(quantity.equal(left[name], right[name]) for name in left)
