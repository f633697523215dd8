"""Which writes a plugin is about."""

from __future__ import annotations

from pybernetes.api.kinds import Kind
from pybernetes.apiserver.writes import CREATE, UPDATE, Write


def creates(write: Write, kind: Kind) -> bool:
    """A new object of a kind."""
    return write.operation == CREATE and write.resource.kind is kind and not write.subresource


def changes(write: Write, kind: Kind) -> bool:
    """A new or changed object of a kind, not through a subresource."""
    return write.operation in (CREATE, UPDATE) and write.resource.kind is kind and not write.subresource
