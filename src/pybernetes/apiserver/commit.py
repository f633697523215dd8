"""From a decoded, defaulted object to a stored one: system metadata, admission, strategy, validation, store.

`create` and `update` are the two ways in; handlers bring a `Write` and take the `Stored` outcome away. The order
of steps is upstream's, since plugins and clients can see it: mutating admission, the strategy's preparation,
validation, validating admission, allocation, compare-and-swap.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec

from pybernetes.api.apply.managers import UPDATE as BY_UPDATE
from pybernetes.api.apply.managers import Manager, after_create, after_update, with_ledger
from pybernetes.api.errors import (
    MODIFIED,
    AlreadyExists,
    BadRequest,
    Conflict,
    Forbidden,
    already_exists,
    conflict,
    invalid,
    not_found,
    not_unique,
)
from pybernetes.api.fields import invalid as invalid_field
from pybernetes.api.kinds import API_SERVICES, BUILTIN_KINDS, CUSTOM_RESOURCE_DEFINITIONS, Kind
from pybernetes.api.times import now
from pybernetes.api.warnings import warnings_for
from pybernetes.api.written import written
from pybernetes.apiserver.admission import admit
from pybernetes.apiserver.generated_names import generate_name
from pybernetes.apiserver.registry import Stored
from pybernetes.apiserver.writes import CREATE, UNKNOWN_MANAGER, UPDATE, Object, Write, refuse
from pybernetes.store.interface import Mismatch

_NAME_TRIES = 8
_CAS_TRIES = 16

SCALE = "scale"
"""The subresource whose entries in managedFields have no time: it is written through an object of another kind."""

_JUDGED = frozenset(("deletionTimestamp", "deletionGracePeriodSeconds"))
"""What a writer may leave out, but not change."""
_KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")

Produce = Callable[[Object], Awaitable[Object]]
"""From the object as it is (not to be changed) to the object as it should be (new, or sharing parts)."""


@dataclass(slots=True)
class Outcome:
    """What became of a write: the object, and how it went."""

    stored: Stored
    created: bool = False
    deleted: bool = False


async def create(write: Write) -> Outcome:
    """Store a new object. Raises AlreadyExists, Invalid, Forbidden..."""
    metadata = write.object["metadata"]
    prefix = metadata.get("generateName")
    if write.name or not prefix:
        try:
            return Outcome(await _create_once(write), created=True)
        except AlreadyExists as error:
            raise (not_unique(error) if prefix else error) from None
    for _ in range(_NAME_TRIES):
        write.name = metadata["name"] = generate_name(prefix)
        if await write.server.registry.find(write.resource, write.namespace, write.name) is None:
            return Outcome(await _create_once(write, prefix), created=True)
    raise not_unique(already_exists(write.resource.kind, write.name))


async def _create_once(write: Write, prefix: str = "") -> Stored:
    """`prefix`: what the name was made from."""
    server, resource, obj = write.server, write.resource, write.object
    strategy = resource.strategy
    metadata = obj["metadata"]
    if metadata.pop("resourceVersion", "") and not write.dry_run:
        raise BadRequest("resourceVersion should not be set on objects to be created")
    for field in ("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata.pop(field, None)
    if not metadata.get("ownerReferences", True):
        del metadata["ownerReferences"]
    metadata["uid"] = str(uuid4())
    metadata["creationTimestamp"] = now(server.clock)
    if not resource.kind.namespaced:
        metadata.pop("namespace", None)
    ledger = _first_ledger(write)
    try:
        await admit.mutate(write)
    except Forbidden as error:
        raise _unnamed(write, error, prefix) from None
    strategy.prepare_create(write)
    if ledger:
        obj["metadata"]["managedFields"] = ledger
    if strategy.starts_generation():
        metadata["generation"] = 1
    refuse(write, strategy.validate_create(write))
    for text in warnings_for(resource.kind, write.object, None, ""):
        write.warn(text)
    try:
        await admit.validate(write)
        server.deadlines.lift()
        await strategy.allocate(write)
        value = server.registry.at_rest(resource, obj)
        if write.dry_run:
            if await server.registry.find(resource, write.namespace, write.name) is not None:
                raise await server.registry.occupied(resource, write.namespace, write.name)
            await write.take_back()
            return Stored(value, 0)
        stored = await server.registry.create(
            resource, write.namespace, write.name, value, server.ttl(resource)
        )
    except BaseException:
        await write.take_back()
        raise
    await strategy.after_commit(write)
    return stored


def _unnamed(write: Write, error: Forbidden, prefix: str) -> Forbidden:
    """As it is told before an object has its name: of the prefix, or of nobody known."""
    own = prefix or ("" if write.name else "Unknown")
    if not own or error.details.get("name", "") != write.name:
        return error
    message = error.message.replace(f'"{write.name}"', f'"{own}"', 1)
    return Forbidden(message, details={**error.details, "name": own})


async def update(write: Write, produce: Produce, *, tries: int = _CAS_TRIES) -> Outcome:
    """Replace an object by what `produce` makes of it; a `tries`-th collision with another writer is a Conflict.

    `produce` is called again after a collision, so it must not change what it is given. Raises NotFound unless the
    strategy creates on update, Conflict for a resourceVersion or uid that is not the current one.
    """
    resource, registry = write.resource, write.server.registry
    entry = await registry.find(resource, write.namespace, write.name)
    if entry is None:
        return await _create_by_update(write, produce)
    current = Stored(entry.value, entry.revision)
    for _ in range(tries):
        write.old = registry.decode(resource, current)
        new = written(await produce(write.old), resource.schema, write.old)
        write.object = _own(new, write.old, resource.strategy.edits_deep)
        try:
            return await _replace(write, current)
        except Mismatch as mismatch:
            await write.take_back()
            if mismatch.current is None:
                raise not_found(resource.kind, write.name) from None
            current = Stored(mismatch.current.value, mismatch.current.revision)
        except BaseException:
            await write.take_back()
            raise
    raise conflict(resource.kind, write.name, MODIFIED)


def _own(new: Object, old: Object, deep: bool) -> Object:
    """The new object with no part of the old one that preparing it may change."""
    if deep:
        copy: Object = msgspec.json.decode(msgspec.json.encode(new))
        return copy
    own = dict(new)
    for name, part in new.items():
        shared = old.get(name) is part
        if shared and isinstance(part, dict):
            own[name] = dict(part)
    return own


async def _create_by_update(write: Write, produce: Produce) -> Outcome:
    resource = write.resource
    if write.subresource or not (resource.strategy.create_on_update or write.creates_missing):
        raise not_found(resource.kind, write.name)
    write.operation = CREATE
    write.object = await produce({})
    metadata = write.object["metadata"]
    if metadata.get("uid"):
        raise _another(write, metadata["uid"], "")
    if metadata.get("resourceVersion"):
        del metadata["resourceVersion"]
    return await create(write)


async def _replace(write: Write, current: Stored) -> Outcome:
    server, resource = write.server, write.resource
    strategy = resource.strategy
    new, old = write.object, write.previous
    if new["metadata"] is old["metadata"]:
        new["metadata"] = dict(old["metadata"])
    _check_preconditions(write, current.revision)
    _keep_system_metadata(new["metadata"], old["metadata"])
    new["metadata"]["resourceVersion"] = str(current.revision)
    await admit.mutate(write)
    strategy.prepare_update(write)
    new = write.object
    if strategy.counts_generation:
        before = old["metadata"].get("generation", 0)
        after = before + 1 if strategy.spec_changed(write) else before
        if after:
            new["metadata"]["generation"] = after
    new = write.object = _booked(write)
    refuse(write, strategy.validate_update(write))
    for text in warnings_for(resource.kind, new, old, write.subresource):
        write.warn(text)
    await admit.validate(write)
    if new == old:
        return Outcome(current)
    server.deadlines.lift()
    if _ends_deletion(write):
        if not write.dry_run:
            await server.registry.delete(resource, write.namespace, write.name, current.revision)
            await strategy.after_delete(write)
        return Outcome(Stored(server.registry.at_rest(resource, new, old), current.revision), deleted=True)
    await strategy.allocate(write)
    value = server.registry.at_rest(resource, new, old)
    if write.dry_run:
        await write.take_back()
        return Outcome(Stored(value, current.revision))
    stored = await server.registry.replace(
        resource, write.namespace, write.name, value, current.revision, server.ttl(resource)
    )
    await strategy.after_commit(write)
    return Outcome(stored)


def _first_ledger(write: Write) -> list[Object]:
    """managedFields of a new object: what its creator said, not what the server adds."""
    if write.ledger is not None:
        return write.ledger
    resource, obj = write.resource, write.object
    unmanaged = resource.strategy.unmanaged
    if any(field in obj for field in unmanaged):
        obj = {field: value for field, value in obj.items() if field not in unmanaged}
    manager = Manager(write.field_manager or UNKNOWN_MANAGER, BY_UPDATE, resource.kind.api_version)
    booked = after_create(obj, resource.schema, manager, now(write.server.clock))
    ledger: list[Object] = booked["metadata"].get("managedFields") or []
    return ledger


def _booked(write: Write) -> Object:
    """The object with its managedFields brought forward."""
    if write.ledger is not None:
        return with_ledger(write.object, write.ledger)
    resource = write.resource
    manager = Manager(
        write.field_manager or UNKNOWN_MANAGER, BY_UPDATE, resource.kind.api_version, write.subresource
    )
    moment = "" if write.subresource == SCALE else now(write.server.clock)
    return after_update(write.previous, write.object, resource.schema, manager, moment)


_KEYS = {
    "endpoints": "services/endpoints",
    "ingresses": "ingress",
    "nodes": "minions",
    "replicationcontrollers": "controllers",
    "services": "services/specs",
}
"""Where upstream keeps the kinds that have another place than one named after them."""


def _another(write: Write, asked: str, found: str) -> Conflict:
    """For a writer who means another object of the same name; it is told the key that upstream would have."""
    kind = write.resource.kind
    place = _KEYS.get(kind.resource, kind.resource)
    if kind not in BUILTIN_KINDS or kind in (API_SERVICES, CUSTOM_RESOURCE_DEFINITIONS):
        place = f"{kind.group}/{kind.resource}"
    namespace = (write.namespace,) if kind.namespaced else ()
    key = "/".join(("", place, *namespace, write.name))
    return conflict(
        kind,
        write.name,
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {asked}, UID in object meta: {found}",
    )


def _check_preconditions(write: Write, revision: int) -> None:
    kind, metadata = write.resource.kind, write.object["metadata"]
    uid, current_uid = metadata.get("uid"), write.previous["metadata"].get("uid")
    if uid and uid != current_uid:
        raise _another(write, uid, current_uid)
    version = metadata.get("resourceVersion")
    if not version or version == "0":
        if not write.resource.strategy.unconditional_update and write.operation == UPDATE:
            wrong = invalid_field("metadata.resourceVersion", 0, "must be specified for an update")
            # Here the resource's name stands for that of the kind.
            raise invalid(
                Kind(kind.group, kind.version, kind.resource, kind.resource), write.name, [wrong.cause()]
            )
    elif version != str(revision):
        if not version.isdigit():
            refuse(write, [invalid_field("metadata.resourceVersion", version, "must be a number")])
        raise conflict(kind, write.name, MODIFIED)


def _keep_system_metadata(new: dict[str, Any], old: dict[str, Any]) -> None:
    new.pop("selfLink", None)
    for field in (*_KEPT, "generation", "namespace"):
        if new.get(field) is not None and field in _JUDGED:
            continue
        if field in old:
            new[field] = old[field]
        else:
            new.pop(field, None)
    for field in ("ownerReferences", "finalizers", "labels", "annotations"):
        if field in new and not new[field]:
            del new[field]


def _ends_deletion(write: Write) -> bool:
    """Whether this update removes the last thing that kept a deleted object."""
    old = write.previous["metadata"]
    return (
        "deletionTimestamp" in old
        and not old.get("deletionGracePeriodSeconds")
        and not write.object["metadata"].get("finalizers")
        and not write.resource.strategy.still_needed(write.object)
    )
