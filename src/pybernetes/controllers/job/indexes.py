"""Completion indexes as the status writes them: `0,2-4`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.controllers.objects import Object, annotations_of

INDEX = "batch.kubernetes.io/job-completion-index"


def parse(text: str | None, limit: int | None = None) -> set[int]:
    """The numbers in the text that are below the limit; anything unreadable in it is left out."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            continue
        found.update(range(int(first), int(last or first) + 1))
    return found if limit is None else {one for one in found if one < limit}


def render(indexes: Iterable[int]) -> str:
    """Ascending, runs of three and more joined by a dash."""
    ordered = sorted(indexes)
    parts: list[str] = []
    at = 0
    while at < len(ordered):
        end = at
        while end + 1 < len(ordered) and ordered[end + 1] == ordered[end] + 1:
            end += 1
        if end == at:
            parts.append(str(ordered[at]))
        elif end == at + 1:
            parts.extend((str(ordered[at]), str(ordered[end])))
        else:
            parts.append(f"{ordered[at]}-{ordered[end]}")
        at = end + 1
    return ",".join(parts)


def index_of(pod: Object) -> int:
    """The pod's completion index, -1 if it has none."""
    text = annotations_of(pod).get(INDEX, "")
    return int(text) if text.isdigit() else -1
