"""Which writes a plugin is about, and the objects of a namespace that it asks."""

from __future__ import annotations

from typing import Any

from pybernetes.api.kinds import Kind
from pybernetes.apiserver.writes import CREATE, UPDATE, Write

Object = dict[str, Any]

_MOST_GATHERED = 256


def creates(write: Write, kind: Kind) -> bool:
    """A new object of a kind."""
    return write.operation == CREATE and write.resource.kind is kind and not write.subresource


def changes(write: Write, kind: Kind) -> bool:
    """A new or changed object of a kind, not through a subresource."""
    return write.operation in (CREATE, UPDATE) and write.resource.kind is kind and not write.subresource


async def every(write: Write, kind: Kind, namespace: str | None = None) -> list[Object]:
    """All objects of a kind, of one namespace or of all, decoded; not to be changed."""
    registry, resource = write.server.registry, write.server.resources.of(kind)
    cache = await registry.cache(resource)
    if not len(cache):
        return []
    state = cache, cache.state
    known = registry.gathered.get((kind.resource, namespace))
    if known is not None and known[0] == state:
        return known[1]
    page = await cache.list(namespace=namespace)
    found = [registry.peek(resource, entry) for entry in page.entries]
    if len(registry.gathered) >= _MOST_GATHERED:
        registry.gathered.clear()
    registry.gathered[kind.resource, namespace] = state, found
    return found
