"""Create an object unless it is there, and bring what is there to what it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pybernetes.api.errors import AlreadyExists, Conflict, NotFound
from pybernetes.api.kinds import Kind
from pybernetes.client.interface import Client

Object = dict[str, Any]

_TRIES = 5


async def ensure(
    client: Client, kind: Kind, wanted: Object, reconcile: Callable[[Object], Object | None] | None = None
) -> None:
    """`reconcile(found)` answers what should be stored instead, None to leave it as it is."""
    namespace, name = wanted["metadata"].get("namespace"), wanted["metadata"]["name"]
    for _ in range(_TRIES):
        try:
            found = await client.get(kind, namespace, name)
        except NotFound:
            try:
                await client.create(kind, wanted, namespace)
                return
            except AlreadyExists:
                continue
        better = reconcile(found) if reconcile is not None else None
        if better is None:
            return
        try:
            await client.update(kind, better)
            return
        except Conflict:
            continue
