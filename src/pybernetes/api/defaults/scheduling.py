"""Defaults of PriorityClass."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _priority_class(priority_class: Object) -> None:
    priority_class.setdefault("preemptionPolicy", "PreemptLowerPriority")
    priority_class.setdefault("value", 0)


DEFAULTS = {"PriorityClass": _priority_class}
