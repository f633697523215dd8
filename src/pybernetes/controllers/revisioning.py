"""Keeping ControllerRevisions at the server, for DaemonSets and StatefulSets."""

from __future__ import annotations

from collections.abc import Sequence

from pybernetes.api.errors import AlreadyExists
from pybernetes.api.kinds import CONTROLLER_REVISIONS, Kind
from pybernetes.client.interface import Client, Object
from pybernetes.controllers.history import bare, choose, template_of
from pybernetes.controllers.objects import name_of, namespace_of
from pybernetes.semantics.owners import is_controlled_by


class Collision(Exception):
    """Another object has the name of the new revision: the owner's collision count has to go up."""


async def sync_revision(client: Client, owner: Object, kind: Kind, revisions: Sequence[Object]) -> Object:
    """The revision of the owner's template, created or renumbered if need be. Raises Collision."""
    choice = choose(owner, kind, revisions)
    if choice.renumber:
        return await client.update(CONTROLLER_REVISIONS, choice.current)
    if not choice.create:
        return choice.current
    try:
        return await client.create(CONTROLLER_REVISIONS, choice.current)
    except AlreadyExists:
        live = await client.get(CONTROLLER_REVISIONS, namespace_of(owner), name_of(choice.current))
        if is_controlled_by(live, owner) and bare(template_of(live)) == bare(owner["spec"]["template"]):
            return live
        raise Collision(name_of(choice.current)) from None


async def count_collision(client: Client, owner: Object, kind: Kind) -> None:
    """The next revision's name is made with another number."""
    old = owner.get("status") or {}
    status = {**old, "collisionCount": int(old.get("collisionCount") or 0) + 1}
    await client.update_status(kind, {**owner, "status": status})
