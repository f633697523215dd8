"""How upstream shows what has changed in something that may not change."""

from __future__ import annotations

from typing import Any

import msgspec

Object = dict[str, Any]


def difference(type_name: str, before: Object, after: Object) -> str:
    """The fields that differ, old with `-`, new with `+`."""
    lines: list[str] = []
    for key in sorted({*before, *after}):
        if before.get(key) == after.get(key):
            continue
        for sign, holder in (("-", before), ("+", after)):
            if key in holder:
                lines.append(f"{sign} {key}: {msgspec.json.encode(holder[key]).decode()}")
    return "\n".join(lines) + "\n"
