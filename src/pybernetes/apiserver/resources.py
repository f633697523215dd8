"""What is served: a table of `Resource`s by group, version and plural name.

A `Resource` joins a kind with its strategy, its place in the store and its cache. Built-in kinds are entered
at start; custom ones come and go. Two versions of one kind share a place in the store (`stored_as`), and
`conversion` turns one into the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pybernetes.api.kinds import BUILTIN_KINDS, GROUP_ORDER, Kind
from pybernetes.api.schema import ObjectType, schema_for
from pybernetes.apiserver.cache.caches import Cache, Caches
from pybernetes.apiserver.cache.entry import Head
from pybernetes.apiserver.selectable import cache_spec
from pybernetes.apiserver.strategies import strategy_for
from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.versions import CONVERSIONS

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conversion:
    """Between the version that is served and the one that is stored; neither changes its argument."""

    stored_as: Kind
    to_stored: Callable[[Object], Object]
    from_stored: Callable[[Object], Object]


class Resource:
    """One resource of one group and version, with all that handlers need to serve it."""

    __slots__ = (
        "_schema",
        "conversion",
        "head",
        "kind",
        "prefix",
        "spec",
        "stored_as",
        "strategy",
        "typed_items",
    )

    def __init__(
        self,
        kind: Kind,
        strategy: Strategy,
        *,
        conversion: Conversion | None = None,
        typed_items: bool = False,
        schema: ObjectType | None = None,
    ) -> None:
        self.kind = kind
        self.strategy = strategy
        self.conversion = conversion
        self.stored_as = conversion.stored_as if conversion else kind
        self.prefix = f"/registry/{self.stored_as.group_resource}/"
        self.head = Head(kind.api_version, kind.kind)
        self.typed_items = typed_items
        self.spec = cache_spec(self.stored_as)
        self._schema = schema

    @property
    def schema(self) -> ObjectType:
        """Compiled when it is first needed."""
        if self._schema is None:
            self._schema = schema_for(self.kind)
        return self._schema

    @property
    def stored(self) -> bool:
        """False for what is asked and answered but never kept (reviews, bindings)."""
        return "get" in self.kind.verbs and self.kind.resource != "componentstatuses"

    def key(self, namespace: str, name: str) -> str:
        return f"{self.prefix}{namespace}/{name}" if self.kind.namespaced else self.prefix + name

    async def cache(self, caches: Caches) -> Cache:
        """The cache that holds it; filled on first use."""
        return await caches.open(self.spec)


class Resources:
    """The table, in discovery's order of groups."""

    def __init__(self) -> None:
        self._table: dict[tuple[str, str, str], Resource] = {}
        self._kinds: dict[tuple[str, str, str], Resource] = {}

    def add(self, resource: Resource) -> None:
        kind = resource.kind
        self._table[kind.group, kind.version, kind.resource] = resource
        self._kinds[kind.group, kind.version, kind.kind] = resource

    def remove(self, kind: Kind) -> None:
        self._table.pop((kind.group, kind.version, kind.resource), None)
        self._kinds.pop((kind.group, kind.version, kind.kind), None)

    def find(self, group: str, version: str, resource: str) -> Resource | None:
        return self._table.get((group, version, resource))

    def of(self, kind: Kind) -> Resource:
        """The resource of a kind that is known to be served."""
        return self._table[kind.group, kind.version, kind.resource]

    def of_kind(self, group: str, version: str, kind: str) -> Resource | None:
        return self._kinds.get((group, version, kind))

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._table.values()))

    def groups(self) -> dict[str, list[str]]:
        """Each group's versions, the preferred one first."""
        found: dict[str, list[str]] = {}
        for group, version, _ in self._table:
            versions = found.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        for versions in found.values():
            versions.sort(key=_version_order)
        order = {group: number for number, group in enumerate(GROUP_ORDER)}
        return dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))

    def in_version(self, group: str, version: str) -> list[Resource]:
        found = [one for key, one in self._table.items() if key[:2] == (group, version)]
        return sorted(found, key=lambda one: one.kind.resource)


def _version_order(version: str) -> tuple[int, int, int]:
    """v2 before v1 before v1beta2 before v1alpha1; anything else last."""
    body = version.removeprefix("v")
    for rank, word in enumerate(("beta", "alpha"), start=1):
        major, found, minor = body.partition(word)
        if found and major.isdigit() and minor.isdigit():
            return rank, -int(major), -int(minor)
    return (0, -int(body), 0) if body.isdigit() else (3, 0, 0)


def builtin_resources(kinds: Iterable[Kind] = BUILTIN_KINDS) -> Resources:
    """A table of the built-in kinds."""
    table = Resources()
    for kind in kinds:
        conversion = CONVERSIONS.get((kind.group, kind.version, kind.resource))
        table.add(
            Resource(kind, strategy_for(kind), conversion=Conversion(*conversion) if conversion else None)
        )
    return table
