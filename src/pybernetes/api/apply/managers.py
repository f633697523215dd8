"""The ledger of metadata.managedFields: who manages what, kept right through every kind of write.

`after_update` books an ordinary write: what it changed now belongs to its manager, and to nobody else.
`apply` merges a configuration, refuses what others manage (unless forced), and removes what the manager
applied before and has left out now. Both give whole objects; an entry's time is that of the last write by which its
manager changed the object, and one who has only ever applied what was so already has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pybernetes.api.apply import fieldset
from pybernetes.api.apply.fields import changed, fields_of, fields_of_new
from pybernetes.api.apply.fieldset import FieldSet
from pybernetes.api.apply.merging import merged, without
from pybernetes.api.errors import Conflict
from pybernetes.api.schema import ObjectType

Object = dict[str, Any]

APPLY, UPDATE = "Apply", "Update"
MAX_UPDATERS = 10
FORMER = "before-first-apply"
"""Who gets the fields of an object without a ledger."""
ANCIENT = "ancient-changes"
"""Who gets the fields of the oldest updaters when there are too many."""

_META: FieldSet = {
    "f:managedFields": {},
    "f:name": {},
    "f:namespace": {},
    "f:selfLink": {},
    "f:uid": {},
    "f:resourceVersion": {},
    "f:generation": {},
    "f:creationTimestamp": {},
    "f:deletionTimestamp": {},
    "f:deletionGracePeriodSeconds": {},
    "f:clusterName": {},
}
"""Fields of the metadata that nobody manages."""


_IDENTITY = frozenset(("apiVersion", "kind", "metadata"))


class Manager(NamedTuple):
    """Who writes: operation is Apply or Update; a subresource has an entry of its own."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


@dataclass(slots=True)
class _Entry:
    fields: FieldSet = field(default_factory=dict)
    time: str = ""


_Ledger = dict[Manager, _Entry]


def _read(items: list[Object]) -> _Ledger:
    ledger: _Ledger = {}
    for item in items:
        manager = Manager(
            item.get("manager", ""),
            item.get("operation", UPDATE),
            item.get("apiVersion", ""),
            item.get("subresource", ""),
        )
        ledger[manager] = _Entry(item.get("fieldsV1") or {}, item.get("time", ""))
    return ledger


def _sound(items: list[Object]) -> bool:
    """Whether a writer may have put these into managedFields; others are left out of account."""
    return all(
        item.get("operation") in (APPLY, UPDATE)
        and item.get("fieldsType") == "FieldsV1"
        and _sound_fields(item.get("fieldsV1") or {})
        for item in items
    )


def _sound_fields(fields: FieldSet) -> bool:
    return all(
        (key == fieldset.SELF or key[:2] in _ELEMENTS) and isinstance(node, dict) and _sound_fields(node)
        for key, node in fields.items()
    )


_ELEMENTS = frozenset(("f:", "k:", "v:", "i:"))


def _written(ledger: _Ledger) -> list[Object]:
    items = []
    for manager, entry in ledger.items():
        if not entry.fields:
            continue
        item: Object = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": manager.api_version,
        }
        if entry.time:
            item["time"] = entry.time
        item["fieldsType"] = "FieldsV1"
        item["fieldsV1"] = entry.fields
        if manager.subresource:
            item["subresource"] = manager.subresource
        items.append(item)
    items.sort(
        key=lambda item: (
            item["operation"],
            item.get("time", ""),
            item["manager"],
            item["apiVersion"],
            item.get("subresource", ""),
        )
    )
    return items


def with_ledger(obj: Object, items: list[Object]) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    if items:
        metadata["managedFields"] = items
    return {**obj, "metadata": metadata}


def managed(fields: FieldSet) -> FieldSet:
    """Only what can be managed: no identity, nothing that the server fills in."""
    metadata = fields.get("f:metadata")
    result = {
        key: node for key, node in fields.items() if key not in ("f:apiVersion", "f:kind", "f:metadata")
    }
    if metadata:
        kept = {key: node for key, node in metadata.items() if key not in _META}
        if kept:
            result["f:metadata"] = kept
    return result


def after_create(obj: Object, type_: ObjectType | None, manager: Manager, now: str) -> Object:
    """Everything that a new object sets is its creator's."""
    own = {name: value for name, value in obj.items() if name not in _IDENTITY}
    metadata = {name: value for name, value in obj["metadata"].items() if "f:" + name not in _META}
    if metadata:
        own["metadata"] = metadata
    found = fields_of_new(own, type_)
    fields = {key: found[key] for key in sorted(found)}
    return with_ledger(obj, _written({manager: _Entry(fields, now)}))


def after_update(old: Object, new: Object, type_: ObjectType | None, manager: Manager, now: str) -> Object:
    """`new` with the ledger brought forward from `old`. A client that clears managedFields resets it:
    it sends a list with one empty entry, or an empty list."""
    sent = new["metadata"].get("managedFields")
    if sent is not None and (not sent or sent == [{}]):
        return with_ledger(new, [])
    before = old["metadata"].get("managedFields")
    if sent != before and (manager.subresource or not sent or not _sound(sent)):
        sent = before
    if not sent:
        return with_ledger(new, [])  # what has no ledger gets one when something is applied
    ledger = _read(sent)
    written, removed = changed(old, new, type_)
    written, removed = fieldset.ordered(managed(written)), managed(removed)
    if not written and not removed:
        return with_ledger(new, _written(ledger))
    gone = fieldset.union(written, removed)
    moved = False
    for other, entry in ledger.items():
        if other == manager:
            continue
        left = fieldset.difference(entry.fields, gone)
        if left != entry.fields:
            ledger[other] = _Entry(left, entry.time)
            moved = True
    own = ledger.get(manager, _Entry())
    fields = fieldset.union(fieldset.difference(own.fields, removed), written)
    if written:
        ledger[manager] = _Entry(fields, now)
    elif fields != own.fields:
        ledger[manager] = _Entry(fields, own.time)
    elif not moved:
        return with_ledger(new, sent)
    _merge_ancient(ledger)
    return with_ledger(new, _written(ledger))


def _merge_ancient(ledger: _Ledger) -> None:
    """Fold the oldest updaters into one entry, so that the ledger does not grow without end."""
    if len(ledger) <= MAX_UPDATERS:
        return
    updaters = [m for m in ledger if m.operation == UPDATE and not m.subresource and ledger[m].fields]
    updaters.sort(key=lambda m: (m.name != ANCIENT, ledger[m].time))
    while len(updaters) > MAX_UPDATERS:
        first, second, *rest = updaters
        bucket = second._replace(name=ANCIENT)
        merged_entry = _Entry(
            fieldset.union(ledger.pop(first).fields, ledger[second].fields), ledger[second].time
        )
        del ledger[second]
        ledger[bucket] = merged_entry
        updaters = [bucket, *rest]


@dataclass(slots=True)
class Applied:
    """What an apply makes of the live object, before defaulting and validation."""

    obj: Object
    ledger: list[Object]


def apply(
    live: Object, config: Object, type_: ObjectType | None, manager: Manager, now: str, *, force: bool = False
) -> Applied:
    """Raises Conflict, with one cause a field, when others manage what the configuration changes."""
    ledger = _read(live["metadata"].get("managedFields") or [])
    if not ledger:
        found = managed(fields_of_new(live, type_))
        if found:
            ledger[Manager(FORMER, UPDATE, manager.api_version)] = _Entry(found, now)
    wanted = managed(fields_of(config, type_))
    result = merged(live, _without_identity(config), type_)
    previous = ledger.get(manager, _Entry())
    dropped = _not_owned(previous.fields, wanted)
    for other, entry in ledger.items():
        if other != manager and dropped:
            dropped = _not_owned(dropped, entry.fields)
    if dropped:
        result = without(result, dropped, type_)
    written, removed = changed(live, result, type_)
    contested = fieldset.intersection(managed(written), wanted)
    conflicts = []
    for other, entry in ledger.items():
        if other == manager:
            continue
        overlap = fieldset.intersection(contested, entry.fields)
        if overlap:
            conflicts.append((other, overlap))
    if conflicts and not force:
        raise _conflict(conflicts)
    for other, overlap in conflicts:
        ledger[other] = _Entry(fieldset.difference(ledger[other].fields, overlap), ledger[other].time)
    for other, entry in ledger.items():
        if other != manager and removed:
            ledger[other] = _Entry(fieldset.difference(entry.fields, managed(removed)), entry.time)
    ledger[manager] = _Entry(fieldset.ordered(wanted), now if written or removed else previous.time)
    return Applied(with_ledger(result, []), _written(ledger))


def _not_owned(dropped: FieldSet, owned: FieldSet) -> FieldSet:
    """Less what is owned otherwise, and what holds something that is."""
    result: FieldSet = {}
    for key, node in dropped.items():
        other = owned.get(key)
        if other is None:
            result[key] = node
        elif key != fieldset.SELF:
            inner = _not_owned({name: child for name, child in node.items() if name != fieldset.SELF}, other)
            if inner:
                result[key] = inner
    return result


def _without_identity(config: Object) -> Object:
    metadata = {name: value for name, value in config.get("metadata", {}).items() if "f:" + name not in _META}
    rest = {name: value for name, value in config.items() if name not in ("apiVersion", "kind", "metadata")}
    return {**rest, "metadata": metadata}


def _conflict(conflicts: list[tuple[Manager, FieldSet]]) -> Conflict:
    causes = []
    texts = []
    for manager, fields in conflicts:
        who = f'conflict with "{manager.name}"'
        if manager.subresource:
            who += f' with subresource "{manager.subresource}"'
        if manager.operation == UPDATE:
            who += f" using {manager.api_version}"
        names = [fieldset.path_text(path) for path in fieldset.paths(fields)]
        if len(names) == 1 and len(conflicts) == 1:
            texts.append(f"{who}: {names[0]}")
        else:
            listed = "\n".join(f"- {name}" for name in names)
            texts.append(f"{who.replace('conflict', 'conflicts', 1)}:\n{listed}")
        causes += [{"reason": "FieldManagerConflict", "message": who, "field": name} for name in names]
    count = len(causes)
    plural = "s" if count != 1 else ""
    joined = "\n".join(texts)
    return Conflict(f"Apply failed with {count} conflict{plural}: {joined}", details={"causes": causes})
