"""What a plan asks for, as values; the shells carry them out. Pure.

Every write names the version it was decided on (`resourceVersion` in an object, `uid` of a deletion), so
that a decision made on an old view fails with a Conflict and is made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pybernetes.api.kinds import Kind

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Create:
    kind: Kind
    obj: Object


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the object, or one of its subresources, if it still has its resourceVersion."""

    kind: Kind
    obj: Object
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """A merge patch; `metadata.uid` and `metadata.resourceVersion` in it are preconditions."""

    kind: Kind
    namespace: str | None
    name: str
    patch: dict[str, Any]
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    kind: Kind
    namespace: str | None
    name: str
    uid: str = ""
    resource_version: str = ""
    grace_period_seconds: int | None = None
    propagation_policy: str = ""


@dataclass(frozen=True, slots=True)
class Emit:
    """An Event about an object: `type` is Normal or Warning."""

    about: Object
    type: str
    reason: str
    message: str


Action = Create | Update | Patch | Delete | Emit


def delete_of(
    kind: Kind, obj: Object, *, grace_period_seconds: int | None = None, propagation_policy: str = ""
) -> Delete:
    """The deletion of exactly this object, not of a later one with the same name."""
    meta = obj["metadata"]
    return Delete(
        kind,
        meta.get("namespace"),
        meta["name"],
        uid=meta.get("uid", ""),
        grace_period_seconds=grace_period_seconds,
        propagation_policy=propagation_policy,
    )


def patch_of(
    kind: Kind, obj: Object, patch: dict[str, Any], *, subresource: str = "", exact: bool = True
) -> Patch:
    """A merge patch of exactly this object; with `exact` also only of this version of it."""
    meta = obj["metadata"]
    conditions: dict[str, Any] = {"uid": meta["uid"]} if meta.get("uid") else {}
    if exact and meta.get("resourceVersion"):
        conditions["resourceVersion"] = meta["resourceVersion"]
    merged = {**patch, "metadata": {**(patch.get("metadata") or {}), **conditions}}
    return Patch(kind, meta.get("namespace"), meta["name"], merged, subresource)


def status_of(kind: Kind, obj: Object, status: dict[str, Any]) -> Update:
    """The object's status replaced."""
    return Update(kind, {**obj, "status": status}, "status")
