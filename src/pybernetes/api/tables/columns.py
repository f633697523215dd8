"""Columns, printers and the ways in which tables write labels, selectors, containers and times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pybernetes.api import facts
from pybernetes.api.times import age

Object = dict[str, Any]
Cells = list[Any]

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Priority 1 shows only with `-o wide`.

    A description that starts with `@` names a field whose own description it is: `@core.v1.PodStatus.podIP`.
    """

    name: str
    type: str = "string"
    description: str = ""
    priority: int = 0
    format: str = ""

    def definition(self) -> Object:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": _describe(self.description),
            "priority": self.priority,
        }


def _describe(description: str) -> str:
    if not description.startswith("@"):
        return description
    name, _, field = description[1:].rpartition(".")
    full = f"io.k8s.apimachinery.pkg.apis.{name}" if name.startswith("meta.") else f"io.k8s.api.{name}"
    return facts.descriptions(full).get(field, "") if facts.has(full) else ""


@dataclass(frozen=True, slots=True)
class Printer:
    """A kind's columns and the function that makes an object's cells."""

    columns: tuple[Column, ...]
    cells: Callable[[Object, datetime], Cells]


NAME = Column("Name", format="name", description="@meta.v1.ObjectMeta.name")
AGE = Column("Age", description="@meta.v1.ObjectMeta.creationTimestamp")
CREATED_AT = Column("Created At", "date", "@meta.v1.ObjectMeta.creationTimestamp")


def wide(name: str, description: str = "", type: str = "string") -> Column:
    return Column(name, type, description, 1)


CONTAINERS = wide("Containers", "Names of each container in the template.")
IMAGES = wide("Images", "Images referenced by each container in the template.")


def name_of(obj: Object) -> str:
    name: str = obj["metadata"].get("name", "")
    return name


def age_of(obj: Object, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def created_at(obj: Object) -> str:
    created: str = obj["metadata"].get("creationTimestamp") or UNKNOWN
    return created


def labels_text(labels: Mapping[str, str] | None) -> str:
    """`a=b,c=d` in order of keys, or `<none>`."""
    if not labels:
        return NONE
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels))


def selector_text(selector: Object | None) -> str:
    """A label selector as one would type it."""
    if not selector:
        return NONE
    parts: list[tuple[str, str]] = [
        (key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()
    ]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression.get("key", ""), expression.get("operator")
        if operator == "Exists":
            parts.append((key, key))
        elif operator == "DoesNotExist":
            parts.append((key, f"!{key}"))
        else:
            values = ",".join(sorted(expression.get("values") or ()))
            parts.append((key, f"{key} {str(operator).lower()} ({values})"))
    return ",".join(text for _, text in sorted(parts)) or NONE


def container_texts(template: Object | None) -> tuple[str, str]:
    """(names, images) of a pod template's containers."""
    containers = ((template or {}).get("spec") or {}).get("containers") or []
    names = ",".join(one.get("name", "") for one in containers)
    return names, ",".join(one.get("image", "") for one in containers)


def bool_text(value: bool | None) -> str:
    """As Go prints optional booleans here."""
    return "<unset>" if value is None else ("true" if value else "false")


def condition_status(obj: Object, kind: str) -> str | None:
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            status: str = condition.get("status", "")
            return status
    return None


def shorten(items: Iterable[str], most: int) -> str:
    """The first few items, and how many more there are."""
    texts = list(items)
    if len(texts) > most:
        return f"{','.join(texts[:most])} + {len(texts) - most} more..."
    return ",".join(texts)
