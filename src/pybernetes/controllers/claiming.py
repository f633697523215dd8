"""Carrying out claims: adopting and releasing what a selector says, for every controller that owns things.

In: an owner and candidates out of an informer. Out: what the owner controls afterwards.
"""

from __future__ import annotations

from collections.abc import Callable

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import Kind
from pybernetes.api.selectors import LabelSelector
from pybernetes.client.interface import Client, Lister, Object
from pybernetes.controllers.actions import Patch
from pybernetes.controllers.claims import OWNER_INDEX, adoption, claim, release
from pybernetes.controllers.objects import is_deleting, name_of, namespace_of, uid_of


def candidates(store: Lister, owner: Object) -> list[Object]:
    """What the owner controls, and what nobody controls in its namespace; needs the index `OWNER_INDEX`."""
    return [
        *store.by_index(OWNER_INDEX, uid_of(owner)),
        *store.by_index(OWNER_INDEX, f"orphans/{namespace_of(owner)}"),
    ]


async def claimed(
    client: Client,
    owner: Object,
    owner_kind: Kind,
    selector: LabelSelector,
    store: Lister,
    kind: Kind,
    *,
    also: Callable[[Object], bool] = lambda obj: True,
    adoptable: Callable[[Object], bool] = lambda obj: True,
) -> list[Object]:
    """The owner's objects, after releasing what no longer matches and adopting orphans that do.

    Before it adopts, the server is asked whether the owner is still there: one that was deleted or replaced
    meanwhile adopts nothing. A patch that comes too late raises Conflict, and the key is tried again.
    """
    found = claim(owner, selector, candidates(store, owner), also)
    owned = list(found.owned)
    for obj in found.release:
        await _patch(client, release(owner, obj, kind))
    to_adopt = [obj for obj in found.adopt if adoptable(obj)]
    if to_adopt and await _may_adopt(client, owner, owner_kind):
        for obj in to_adopt:
            adopted = await _patch(client, adoption(owner, owner_kind, obj, kind))
            if adopted is not None:
                owned.append(adopted)
    return owned


async def _may_adopt(client: Client, owner: Object, kind: Kind) -> bool:
    live = await client.get(kind, namespace_of(owner), name_of(owner))
    return uid_of(live) == uid_of(owner) and not is_deleting(live)


async def _patch(client: Client, patch: Patch) -> Object | None:
    try:
        return await client.patch(patch.kind, patch.namespace, patch.name, patch.patch)
    except NotFound:
        return None
