"""Fields of features that upstream has switched off by default: they are dropped, unless they were stored before."""

from __future__ import annotations

from typing import Any

from pybernetes.api import kinds
from pybernetes.api.kinds import Kind

Object = dict[str, Any]
Path = tuple[str, ...]

SWITCHED_OFF: dict[Kind, tuple[Path, ...]] = {
    kinds.CSI_DRIVERS: (("spec", "preventPodSchedulingIfMissing"),),
    kinds.ENDPOINT_SLICES: (("endpoints", "deprecatedTopology"),),
    kinds.LEASES: (("spec", "strategy"), ("spec", "preferredHolder")),
    kinds.RESOURCE_SLICES: (
        ("spec", "devices", "nodeAllocatableResourceMappings"),
        *(
            ("spec", "devices", "attributes", "*", field)
            for field in ("bools", "ints", "strings", "versions")
        ),
    ),
    kinds.STATEFUL_SETS: (("spec", "updateStrategy", "rollingUpdate", "maxUnavailable"),),
}
"""Paths through objects and, where there are any, all items of lists; `*` stands for every key of a map."""


def drop(new: Object, old: Object, paths: tuple[Path, ...]) -> None:
    """Take the fields out of `new`, whose parts may be shared: what changes is copied."""
    for path in paths:
        if _has(new, path) and not _has(old, path):
            new.update(_without(new, path))


def _has(part: Any, path: Path) -> bool:
    if isinstance(part, list):
        return any(_has(item, path) for item in part)
    if not path:
        return part is not None
    if not isinstance(part, dict):
        return False
    if path[0] == "*":
        return any(_has(value, path[1:]) for value in part.values())
    return path[0] in part and _has(part[path[0]], path[1:])


def _without(part: Any, path: Path) -> Any:
    if isinstance(part, list):
        return [_without(item, path) for item in part]
    if not isinstance(part, dict):
        return part
    if path[0] == "*":
        return {name: _without(value, path[1:]) for name, value in part.items()}
    if path[0] not in part:
        return part
    if len(path) == 1:
        return {name: value for name, value in part.items() if name != path[0]}
    return {**part, path[0]: _without(part[path[0]], path[1:])}
