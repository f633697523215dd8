"""Indexes of one cache, made when a selector first needs one: label key or field -> value -> keys.

Controllers and kubelets ask the same few questions over and over, so each is indexed from its first time on.
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.apiserver.cache.entry import CacheEntry
from pybernetes.apiserver.cache.selection import Selection

LIMIT = 24
"""Indexes of each sort in one cache; selectors beyond that are answered by looking at everything."""

_NONE: frozenset[str] = frozenset()


class Indexes:
    """Kept up to date by `replace` for every change."""

    def __init__(self) -> None:
        self._labels: dict[str, dict[str, set[str]]] = {}
        self._fields: dict[str, dict[str, set[str]]] = {}

    def replace(self, key: str, before: CacheEntry | None, after: CacheEntry | None) -> None:
        """An entry was created (`before` None), changed or deleted (`after` None)."""
        for label, index in self._labels.items():
            old = before.labels.get(label) if before is not None else None
            new = after.labels.get(label) if after is not None else None
            _move(index, key, old, new)
        for field, index in self._fields.items():
            old = before.field(field) if before is not None else None
            new = after.field(field) if after is not None else None
            _move(index, key, old, new)

    def candidates(
        self, selection: Selection, entries: Iterable[CacheEntry]
    ) -> set[str] | frozenset[str] | None:
        """Keys of at least all entries that match, or None when no index can tell. Not to be changed."""
        best: set[str] | frozenset[str] | None = None
        for field, value in selection.exact_fields().items():
            index = self._fields.get(field)
            if index is None and field != "metadata.namespace" and len(self._fields) < LIMIT:
                index = self._fields[field] = _build((entry.key, entry.field(field)) for entry in entries)
            if index is not None:
                found = index.get(value, _NONE)
                if best is None or len(found) < len(best):
                    best = found
        for label, values in selection.label_choices().items():
            index = self._labels.get(label)
            if index is None and len(self._labels) < LIMIT:
                index = self._labels[label] = _build(
                    (entry.key, entry.labels.get(label)) for entry in entries
                )
            if index is not None:
                found = _NONE.union(*(index.get(value, _NONE) for value in values))
                if len(values) == 1:
                    found = index.get(next(iter(values)), _NONE)
                if best is None or len(found) < len(best):
                    best = found
        return best


def _build(pairs: Iterable[tuple[str, str | None]]) -> dict[str, set[str]]:
    index: dict[str, set[str]] = {}
    for key, value in pairs:
        if value is not None:
            index.setdefault(value, set()).add(key)
    return index


def _move(index: dict[str, set[str]], key: str, old: str | None, new: str | None) -> None:
    if old == new:
        return
    if old is not None:
        keys = index.get(old)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del index[old]
    if new is not None:
        index.setdefault(new, set()).add(key)
