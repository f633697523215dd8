"""ResourceQuota: what is about to be created is charged to its namespace's quotas, or refused.

The charge is a compare-and-swap on the quota's status, so that several servers cannot overdraw one; it is taken
back when the write does not happen. https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.errors import forbidden
from pybernetes.api.kinds import PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS, SERVICES
from pybernetes.apiserver.registry import Stored
from pybernetes.apiserver.writes import CREATE, UPDATE, Write
from pybernetes.semantics import quota as counting
from pybernetes.store.interface import Mismatch

Object = dict[str, Any]
Amounts = dict[str, str]

_CHARGED_ON_UPDATE = (SERVICES, PERSISTENT_VOLUME_CLAIMS)
_TRIES = 20


async def validate(write: Write) -> None:
    kind = write.resource.kind
    if not kind.namespaced or write.subresource:
        return
    if write.operation != CREATE and not (write.operation == UPDATE and kind in _CHARGED_ON_UPDATE):
        return
    server = write.server
    resource = server.resources.of(RESOURCE_QUOTAS)
    cache = await server.registry.cache(resource)
    if not len(cache):
        return
    page = await cache.list(namespace=write.namespace)
    for entry in page.entries:
        await _charge(write, entry.name, Stored(entry.value, entry.revision))


async def _charge(write: Write, name: str, current: Stored) -> None:
    server = write.server
    resource = server.resources.of(RESOURCE_QUOTAS)
    for _ in range(_TRIES):
        quota = server.registry.decode(resource, current)
        delta = _delta(write, quota)
        if not delta:
            return
        _check(write, quota, delta)
        if write.dry_run:
            return
        try:
            await server.registry.replace(
                resource, write.namespace, name, _charged(write, quota, delta, quantity.add), current.revision
            )
        except Mismatch as mismatch:
            if mismatch.current is None:
                return
            current = Stored(mismatch.current.value, mismatch.current.revision)
            continue
        write.undo.append(_taking_back(write, name, delta))
        return
    raise forbidden(
        write.resource.kind, write.name, f"quota {name} changes too often to be charged, try again"
    )


def _charged(write: Write, quota: Object, delta: Amounts, change: Callable[[object, object], str]) -> bytes:
    status = quota["status"]
    used = {
        **status["used"],
        **{key: change(status["used"].get(key, "0"), amount) for key, amount in delta.items()},
    }
    resource = write.server.resources.of(RESOURCE_QUOTAS)
    return write.server.registry.at_rest(resource, {**quota, "status": {**status, "used": used}})


def _taking_back(write: Write, name: str, delta: Amounts) -> Callable[[], Awaitable[None]]:
    async def take_back() -> None:
        server = write.server
        resource = server.resources.of(RESOURCE_QUOTAS)
        for _ in range(_TRIES):
            entry = await server.registry.find(resource, write.namespace, name)
            if entry is None:
                return
            quota = server.registry.decode(resource, Stored(entry.value, entry.revision))
            value = _charged(write, quota, delta, quantity.subtract)
            try:
                await server.registry.replace(resource, write.namespace, name, value, entry.revision)
                return
            except Mismatch:
                continue

    return take_back


def _delta(write: Write, quota: Object) -> Amounts:
    """What the write adds to what the quota limits."""
    kind, obj = write.resource.kind, write.object
    hard = (quota.get("spec") or {}).get("hard") or {}
    if kind is PODS:
        if not counting.counts_in_quota(obj) or not counting.in_scope(obj, quota):
            return {}
        names = [name for name in hard if counting.is_about_pods(name)]
        _must_ask(write, quota, names)
        return _positive(counting.pod_usage([obj], names))
    if (quota.get("spec") or {}).get("scopes") or (quota.get("spec") or {}).get("scopeSelector"):
        return {}
    found: Amounts = {}
    for name in hard:
        amount = _amount(write, name)
        if amount is not None:
            found[name] = amount
    return _positive(found)


def _amount(write: Write, name: str) -> str | None:
    kind = write.resource.kind
    plain = name.removeprefix("count/")
    if kind is SERVICES and (plain == "services" or plain.startswith("services.")):
        return _grown(lambda obj: counting.service_usage([obj], name), write)
    if kind is PERSISTENT_VOLUME_CLAIMS and (
        "persistentvolumeclaims" in plain or "requests.storage" in plain
    ):
        return _grown(lambda obj: counting.claim_usage([obj], name), write)
    counted = counting.counted_kind(name)
    if counted is not None and counted.group_resource == kind.group_resource and write.old is None:
        return "1"
    return None


def _grown(usage: Callable[[Object], str], write: Write) -> str:
    before = usage(write.old) if write.old is not None else "0"
    return quantity.subtract(usage(write.object), before)


def _positive(amounts: Amounts) -> Amounts:
    return {name: amount for name, amount in amounts.items() if quantity.compare(amount, "0") > 0}


def _must_ask(write: Write, quota: Object, names: list[str]) -> None:
    """Every container must say what it needs of what is limited."""
    missing: dict[str, list[str]] = {}
    for container in write.object["spec"].get("containers") or ():
        asked = container.get("resources") or {}
        for name in names:
            head, _, tail = name.partition(".")
            field, key = (head, tail) if tail else ("requests", name)
            if key in ("cpu", "memory") and key not in (asked.get(field) or {}):
                missing.setdefault(name, []).append(container.get("name", ""))
    if missing:
        said = "; ".join(
            f"{name} for: {','.join(containers)}" for name, containers in sorted(missing.items())
        )
        raise forbidden(PODS, write.name, f"failed quota: {quota['metadata']['name']}: must specify {said}")


def _check(write: Write, quota: Object, delta: Amounts) -> None:
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    unknown = sorted(name for name in delta if name not in hard or name not in used)
    name = quota["metadata"]["name"]
    kind = write.resource.kind
    if unknown:
        raise forbidden(kind, write.name, f"status unknown for quota: {name}, resources: {','.join(unknown)}")
    over = sorted(
        one
        for one, amount in delta.items()
        if quantity.compare(quantity.add(used[one], amount), hard[one]) > 0
    )
    if over:
        requested, present, limited = (
            ",".join(f"{one}={amounts[one]}" for one in over) for amounts in (delta, used, hard)
        )
        raise forbidden(
            kind,
            write.name,
            f"exceeded quota: {name}, requested: {requested}, used: {present}, limited: {limited}",
        )
