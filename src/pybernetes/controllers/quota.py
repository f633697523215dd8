"""The resource quota controller: what a namespace uses, written into the status of its ResourceQuotas.

In: quotas, pods, services, claims; other kinds are counted by listing them when one has gone. Out: `status.hard`
and `status.used`. Admission adds to `used` as things are created; this controller takes off what has gone, and
sets right what drifted.
Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.api import quantity
from pybernetes.api.errors import APIError
from pybernetes.api.kinds import PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS, SERVICES, Kind
from pybernetes.client.interface import Object
from pybernetes.controllers.objects import is_deleting, namespace_of, with_kind
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.pods import is_terminal
from pybernetes.semantics.quota import (
    claim_usage,
    counted_kind,
    counts_in_quota,
    in_scope,
    is_about_pods,
    pod_usage,
    service_usage,
)

RESYNC = 300.0
_FOLLOWED = (PODS, SERVICES, PERSISTENT_VOLUME_CLAIMS)


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

        self.context.departures.append(self._one_gone)

    def _one_gone(self, kind: Kind, obj: Object) -> None:
        """What is counted only by its number frees its place at once."""
        if kind in _FOLLOWED:
            return
        for quota in self.quotas.store.list(namespace_of(obj)):
            hard = quota["spec"].get("hard") or ()
            if any(_counts(name, kind) for name in hard):
                self.enqueue(quota)

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


def _counts(name: str, kind: Kind) -> bool:
    counted = counted_kind(name)
    return counted is not None and counted.group_resource == kind.group_resource


def _same(left: dict[str, str], right: dict[str, str]) -> bool:
    return left.keys() == right.keys() and all(quantity.equal(left[name], right[name]) for name in left)
