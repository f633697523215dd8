"""How an object goes away: at once, gracefully, or when its finalizers are done.

`delete` takes a `Write` whose options are DeleteOptions. What keeps an object: a grace period (pods), finalizers,
those that propagationPolicy adds for the garbage collector, and what its strategy says (a namespace's content).
https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pybernetes.api.errors import MODIFIED, Conflict, conflict, invalid, not_found
from pybernetes.api.fields import invalid as invalid_field
from pybernetes.api.fields import not_supported, status_causes
from pybernetes.api.kinds import Kind
from pybernetes.api.times import format_time, parse_time
from pybernetes.apiserver.admission import admit
from pybernetes.apiserver.commit import Outcome
from pybernetes.apiserver.registry import Stored
from pybernetes.apiserver.writes import Object, Write
from pybernetes.store.interface import Mismatch

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
_POLICY_FINALIZERS = {"Orphan": ORPHAN, "Foreground": FOREGROUND, "Background": ""}
_OPTIONS = Kind("meta.k8s.io", "v1", "DeleteOptions", "deleteoptions")
_TRIES = 16


def check_options(options: Object) -> None:
    """422 for DeleteOptions that make no sense."""
    policy = options.get("propagationPolicy")
    if policy is not None and options.get("orphanDependents") is not None:
        _refuse("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set")
    if policy is not None and policy not in _POLICY_FINALIZERS:
        known = ("Foreground", "Background", "Orphan", "nil")
        raise invalid(_OPTIONS, "", status_causes([not_supported("propagationPolicy", policy, known)]))


def _refuse(field: str, value: Any, why: str) -> None:
    raise invalid(_OPTIONS, "", status_causes([invalid_field(field, value, why)]))


async def delete(write: Write) -> Outcome:
    """Delete or begin to. `Outcome.deleted` says that it is gone; the stored object is as it was left."""
    resource, registry = write.resource, write.server.registry
    current = await registry.current(resource, write.namespace, write.name)
    for _ in range(_TRIES):
        write.old = registry.decode(resource, current)
        write.object = write.old
        _check_preconditions(write, current)
        await admit.mutate(write)
        await admit.validate(write)
        try:
            return await _delete_once(write, current)
        except Mismatch as mismatch:
            if mismatch.current is None:
                raise not_found(resource.kind, write.name) from None
            current = Stored(mismatch.current.value, mismatch.current.revision)
    raise conflict(resource.kind, write.name, MODIFIED)


def _check_preconditions(write: Write, current: Stored) -> None:
    preconditions = write.options.get("preconditions") or {}
    metadata = write.previous["metadata"]
    uid = preconditions.get("uid")
    if uid is not None and uid != metadata.get("uid"):
        raise _conflict(
            write,
            f"the UID in the precondition ({uid}) does not match the UID in record ({metadata.get('uid')}). "
            "The object might have been deleted and then recreated",
        )
    version = preconditions.get("resourceVersion")
    if version is not None and version != str(current.revision):
        raise _conflict(
            write,
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
            f"({current.revision}). The object might have been modified",
        )


def _conflict(write: Write, why: str) -> Conflict:
    """Of a precondition, which is told of the kind and not of the resource."""
    kind = write.resource.kind
    details = {"name": write.name, "group": kind.group, "kind": kind.kind}
    return Conflict(
        f'Operation cannot be fulfilled on {kind.group_kind} "{write.name}": {why}',
        details={field: value for field, value in details.items() if value},
    )


async def _delete_once(write: Write, current: Stored) -> Outcome:
    server, resource, old = write.server, write.resource, write.previous
    strategy = resource.strategy
    metadata = dict(old["metadata"])
    new = {**old, "metadata": metadata}
    waiting = _grace(write, metadata)
    finalizers = _finalizers(write, metadata.get("finalizers") or [])
    if finalizers != (metadata.get("finalizers") or []):
        metadata["finalizers"] = finalizers
        if not finalizers:
            del metadata["finalizers"]
    write.object = new
    server.deadlines.lift()
    kept = bool(finalizers) or strategy.still_needed(new)
    if not waiting and not kept:
        if not write.dry_run:
            await server.registry.delete(resource, write.namespace, write.name, current.revision)
            await strategy.after_delete(write)
        if strategy.returns_deleted:
            _mark_ended(write, metadata)
        return Outcome(Stored(server.registry.at_rest(resource, new), current.revision), deleted=True)
    if not waiting:
        _mark(write, metadata, 0)
    if "deletionTimestamp" not in old["metadata"]:
        strategy.mark_deleted(write)
        if metadata.get("generation"):
            metadata["generation"] += 1
    if new == old:
        return Outcome(current)
    value = server.registry.at_rest(resource, new)
    if write.dry_run:
        return Outcome(Stored(value, current.revision))
    ttl = server.ttl(resource)
    return Outcome(
        await server.registry.replace(resource, write.namespace, write.name, value, current.revision, ttl)
    )


def _grace(write: Write, metadata: dict[str, Any]) -> bool:
    """Set or shorten the deletion time; False when no grace period is to be waited for."""
    asked = write.options.get("gracePeriodSeconds")
    if "deletionTimestamp" in metadata:
        left = metadata.get("deletionGracePeriodSeconds")
        if not left:
            return False
        if asked is None or asked >= left:
            return True
        asked = max(asked, 0)
        began = parse_time(metadata["deletionTimestamp"]) - timedelta(seconds=left)
        metadata["deletionTimestamp"] = format_time(began + timedelta(seconds=asked))
        metadata["deletionGracePeriodSeconds"] = asked
        return bool(asked)
    seconds = write.resource.strategy.grace_period(write.previous, asked)
    if not seconds:
        return False
    _mark(write, metadata, seconds)
    return True


def _mark_ended(write: Write, metadata: dict[str, Any]) -> None:
    """What ends with grace says so in the answer, also when it had none left."""
    asked = write.options.get("gracePeriodSeconds")
    graceful = write.resource.strategy.grace_period(write.previous, asked) is not None
    if graceful and "deletionTimestamp" not in metadata:
        _mark(write, metadata, 0)
        metadata["generation"] = metadata.get("generation", 0) + 1


def _mark(write: Write, metadata: dict[str, Any], seconds: int) -> None:
    if "deletionTimestamp" not in metadata:
        moment = write.server.clock.now() + timedelta(seconds=seconds)
        metadata["deletionTimestamp"] = format_time(moment)
        metadata["deletionGracePeriodSeconds"] = seconds


def _finalizers(write: Write, present: list[str]) -> list[str]:
    """The finalizers with those of the garbage collector that the options ask for."""
    if not write.resource.strategy.collected:
        return present
    policy = write.options.get("propagationPolicy")
    orphan = write.options.get("orphanDependents")
    if policy is None and orphan is not None:
        policy = "Orphan" if orphan else "Background"
    if policy is None and write.resource.strategy.orphans and not {ORPHAN, FOREGROUND} & {*present}:
        policy = "Orphan"
    if policy is None:
        return present
    wanted = _POLICY_FINALIZERS[policy]
    kept = [one for one in present if one not in (ORPHAN, FOREGROUND) or one == wanted]
    return [*kept, wanted] if wanted and wanted not in kept else kept
