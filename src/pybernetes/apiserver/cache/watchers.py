"""All watchers of one cache, in groups that ask for the same: each change is matched and framed once a group.

A group that is about one object, or one value of one field, is only asked about changes that concern it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pybernetes.apiserver.cache.entry import CacheEntry, Head
from pybernetes.apiserver.cache.facts import CacheSpec
from pybernetes.apiserver.cache.gathering import MANY, Events, Gathering, Later
from pybernetes.apiserver.cache.history import ADDED, DELETED, MODIFIED, Change
from pybernetes.apiserver.cache.selection import Selection
from pybernetes.apiserver.cache.subscription import Batch, Subscription, WatchEvent

Anchor = tuple[str, str]
"""("", ""): asked about everything; otherwise a field that has to have one value, before or after."""

_EVERYTHING: Anchor = ("", "")


class Group:
    """Watchers of the same namespace, name, selection and head."""

    __slots__ = (
        "_everything",
        "anchor",
        "gathering",
        "head",
        "identity",
        "members",
        "name",
        "namespace",
        "selection",
    )

    def __init__(
        self, namespace: str | None, name: str | None, selection: Selection, head: Head | None
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.selection = selection
        self.head = head
        self.identity = (namespace, name, selection, head)
        self.members: dict[Subscription, None] = {}
        self.gathering: Gathering | None = None
        self.anchor = _anchor(namespace, name, selection)
        self._everything = namespace is None and name is None and selection.empty

    def includes(self, entry: CacheEntry) -> bool:
        if self.namespace is not None and not entry.key.startswith(self.namespace + "/"):
            return False
        if self.name is not None and entry.name != self.name:
            return False
        return self.selection.empty or self.selection.matches(entry)

    def event(self, change: Change) -> str:
        """ADDED, MODIFIED or DELETED as this group sees it, "" when it is none of its business."""
        before, after = change.before, change.after
        if self._everything:
            return DELETED if after is None else MODIFIED if before is not None else ADDED
        was = before is not None and self.includes(before)
        now = after is not None and self.includes(after)
        if now:
            return MODIFIED if was else ADDED
        return DELETED if was else ""

    def batch(self, changes: Events) -> Batch:
        """Events in the form that members are given."""
        head = self.head
        if head is None:
            return [WatchEvent(event, change.entry(event), change.revision) for event, change in changes]
        if len(changes) == 1:
            event, change = changes[0]
            return change.frame(event, head)
        return b"".join([change.frame(event, head) for event, change in changes])

    def deliver(self, changes: Events) -> None:
        """Events of one commit to every member."""
        batch = self.batch(changes)
        for member in tuple(self.members):
            member.deliver(batch)

    def flush(self) -> None:
        """Nothing is held back any more."""
        if self.gathering is not None:
            self.gathering.flush()


def _anchor(namespace: str | None, name: str | None, selection: Selection) -> Anchor:
    fields = selection.exact_fields()
    name = name if name is not None else fields.pop("metadata.name", None)
    if name is not None:
        return "metadata.name", name
    fields.pop("metadata.namespace", None)
    for field, value in fields.items():
        return field, value
    return _EVERYTHING if namespace is None else ("metadata.namespace", namespace)


class Watchers:
    """The groups by identity, and by what they are asked about."""

    def __init__(self, spec: CacheSpec, now: Callable[[], float], later: Later) -> None:
        self._spec = spec
        self._now = now
        self._later = later
        self._groups: dict[object, Group] = {}
        self._anchored: dict[str, dict[str, list[Group]]] = {}
        self.handed_out = 0
        """Events, once for each watcher that was given them."""
        self.cut_off = 0
        """Watchers that were too slow."""

    def __len__(self) -> int:
        return sum(len(group.members) for group in self._groups.values())

    def join(self, group: Group, revision: Callable[[], int]) -> Subscription:
        """A new member of the group that is like this one."""
        known = self._groups.get(group.identity)
        if known is None:
            known = self._groups[group.identity] = group
            field, value = group.anchor
            self._anchored.setdefault(field, {}).setdefault(value, []).append(group)
        known.flush()
        subscription = Subscription(
            known.head, revision, lambda member: self._leave(known, member), known.flush
        )
        known.members[subscription] = None
        return subscription

    def _leave(self, group: Group, member: Subscription) -> None:
        group.members.pop(member, None)
        self.cut_off += member.cut_off
        if group.members or self._groups.get(group.identity) is not group:
            return
        del self._groups[group.identity]
        if group.gathering is not None:
            group.gathering.cancel()
        field, value = group.anchor
        groups = self._anchored[field][value]
        groups.remove(group)
        if not groups:
            del self._anchored[field][value]
            if not self._anchored[field]:
                del self._anchored[field]

    def publish(self, changes: list[Change]) -> None:
        """The changes of one commit."""
        if not self._groups:
            return
        outgoing: dict[Group, Events] = {}
        for change in changes:
            for group in self._concerned(change):
                event = group.event(change)
                if event:
                    outgoing.setdefault(group, []).append((event, change))
        for group, events in outgoing.items():
            self._hand_out(group, events)
        for change in changes:
            change.forget_frames()

    def _hand_out(self, group: Group, events: Events) -> None:
        self.handed_out += len(events) * len(group.members)
        gathering = group.gathering
        if gathering is None or not gathering.holds:
            if len(group.members) < MANY or group.head is None:
                group.deliver(events)
                return
            if gathering is None:
                gathering = group.gathering = Gathering(group, self._now, self._later)
        gathering.add(events)

    def _concerned(self, change: Change) -> Iterable[Group]:
        for field, by_value in self._anchored.items():
            if not field:
                yield from by_value[""]
                continue
            new = change.after.field(field) if change.after is not None else None
            if new is not None and new in by_value:
                yield from by_value[new]
            old = change.before.field(field) if change.before is not None else None
            if old is not None and old != new and old in by_value:
                yield from by_value[old]

    def close(self) -> None:
        for group in list(self._groups.values()):
            group.flush()
            for member in tuple(group.members):
                member.close()
