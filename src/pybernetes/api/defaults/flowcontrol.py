"""Defaults of FlowSchema and PriorityLevelConfiguration."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _flow_schema(schema: Object) -> None:
    spec = schema.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000
    schema.setdefault("status", {})


def _priority_level(level: Object) -> None:
    spec = level.setdefault("spec", {})
    exempt = spec.get("exempt")
    if exempt is not None:
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    limited = spec.get("limited")
    if limited is not None:
        limited.setdefault("nominalConcurrencyShares", 30)
        limited.setdefault("lendablePercent", 0)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            for field, value in (("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)):
                if not queuing.get(field):
                    queuing[field] = value
    level.setdefault("status", {})


DEFAULTS = {"FlowSchema": _flow_schema, "PriorityLevelConfiguration": _priority_level}
