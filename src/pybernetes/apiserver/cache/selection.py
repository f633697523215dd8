"""Which objects a list or watch is about: a label selector and a field selector together.

Equal selections are equal values, so that watches with the same one are served as a group.
"""

from __future__ import annotations

from pybernetes.api.selectors import DOUBLE_EQUALS, EQUALS, EVERY_FIELD, IN, FieldSelector, LabelSelector
from pybernetes.api.selectors import EVERYTHING as EVERY_LABEL
from pybernetes.apiserver.cache.entry import CacheEntry

_POSITIVE = frozenset((IN, EQUALS, DOUBLE_EQUALS))


class Selection:
    """Both selectors must match. Without any, everything does (`EVERYTHING`)."""

    __slots__ = ("empty", "fields", "labels")

    def __init__(self, labels: LabelSelector | None = None, fields: FieldSelector | None = None) -> None:
        self.labels = EVERY_LABEL if labels is None else labels
        self.fields = EVERY_FIELD if fields is None else fields
        self.empty = self.labels.empty and self.fields.empty

    def matches(self, entry: CacheEntry) -> bool:
        for one in self.fields.requirements:
            if (entry.field(one.field) == one.value) is not (one.operator == "="):
                return False
        return self.labels.empty or self.labels.matches(entry.labels)

    def exact_fields(self) -> dict[str, str]:
        """Fields that must have one certain value."""
        return {one.field: one.value for one in self.fields.requirements if one.operator == "="}

    def label_choices(self) -> dict[str, frozenset[str]]:
        """Labels that must have one of some values."""
        return {one.key: one.values for one in self.labels.requirements if one.operator in _POSITIVE}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and self.labels == other.labels and self.fields == other.fields

    def __hash__(self) -> int:
        return hash((self.labels, self.fields))

    def __repr__(self) -> str:
        return f"Selection({str(self.labels)!r}, {str(self.fields)!r})"


EVERYTHING = Selection()
