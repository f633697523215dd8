"""One object in the cache: its bytes, its revision, and the facts that selection needs. Immutable."""

from __future__ import annotations

from typing import Any

import msgspec

from pybernetes.apiserver.cache import splice
from pybernetes.apiserver.cache.facts import CacheSpec
from pybernetes.apiserver.cache.splice import Head

__all__ = ["CacheEntry", "Head", "read_entry"]


class CacheEntry(msgspec.Struct, eq=False, gc=False):
    """`key` is `namespace/name`, or the name alone when cluster-scoped; `values` are the spec's fields in order.

    A Struct without a header for the collector of garbage: there may be hundreds of thousands, none in a cycle.
    """

    spec: CacheSpec
    key: str
    revision: int
    item: bytes
    labels: dict[str, str]
    values: tuple[str, ...]

    @property
    def namespace(self) -> str:
        return self.key.partition("/")[0] if self.spec.namespaced else ""

    @property
    def name(self) -> str:
        return self.key.partition("/")[2] if self.spec.namespaced else self.key

    @property
    def fields(self) -> dict[str, str]:
        """Every selectable field by name."""
        fields = {"metadata.name": self.name, "metadata.namespace": self.namespace}
        for field, value in zip(self.spec.fields, self.values, strict=True):
            fields[field.name] = value
        return fields

    def field(self, name: str) -> str:
        """One selectable field, "" when there is no such field."""
        position = self.spec.positions.get(name)
        if position is not None:
            return self.values[position]
        if name == "metadata.name":
            return self.name
        return self.namespace if name == "metadata.namespace" else ""

    @property
    def value(self) -> bytes:
        """The bytes at rest."""
        return splice.value(self.item)

    def served(self, head: Head) -> bytes:
        return head.served(self.item)

    def object(self, head: Head | None = None) -> dict[str, Any]:
        """Decoded on each call; with a head it has apiVersion and kind."""
        return splice.decoded_item(self.item, head)

    def at_revision(self, revision: int) -> CacheEntry:
        """The same object with another resourceVersion: a deleted one carries its deletion's."""
        item = splice.restamp(self.item, revision)
        return CacheEntry(self.spec, self.key, revision, item, self.labels, self.values)

    def __repr__(self) -> str:
        return f"CacheEntry({self.spec.name} {self.key} at {self.revision})"


def read_entry(spec: CacheSpec, key: str, revision: int, value: bytes) -> CacheEntry:
    """From a store's key (below the spec's prefix) and value."""
    labels, values = spec.reader.read(value)
    return CacheEntry(spec, key, revision, splice.item(value, revision), labels, values)
