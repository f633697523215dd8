"""The services of a node as the kernel has them, and the smallest transaction that leads to the next state. Pure.

`Services.update` takes what has changed and answers the text of one atomic `nft -f` transaction; `full` the whole
table. After any sequence of updates the kernel holds exactly what `full` says. Two services that claim the
same door: the one whose key sorts first has it, the other gets it when it is free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pybernetes.network.services import ruleset
from pybernetes.network.services.endpoints import Target
from pybernetes.network.services.model import NOTHING, Door, Entry, Place, Wanted
from pybernetes.network.tables import Element, Item

Change = tuple[Door, Entry | None, Entry | None]
"""A door, what was there, and what is there now."""


class Services:
    """Of one family. Keys are services' `namespace/name`, or what else the caller gives doors to."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.doors: dict[Door, Entry] = {}
        self.wanted: dict[str, Wanted] = {}
        self._claims: dict[Door, list[str]] = {}
        self._local: Counter[str] = Counter()
        self._shapes: Counter[tuple[str, int]] = Counter()
        self._own: dict[str, Item] = {}
        self._uses: Counter[str] = Counter()

    def update(self, wanted: Mapping[str, Wanted]) -> tuple[str, list[Change]]:
        """The transaction ("" when nothing changes) and the doors that changed."""
        local_before: dict[str, bool] = {}
        doors: dict[Door, Entry | None] = {}
        for key, new in wanted.items():
            for address in self._claim(key, new, doors):
                local_before.setdefault(address, address in self._local)
            self._count_local(key, new)
            if new.entries:
                self.wanted[key] = new
            else:
                self.wanted.pop(key, None)
        changes = self._settle(doors)
        local = {address: self._local[address] > 0 for address in local_before}
        for address in local:
            if not local[address]:
                del self._local[address]
        gone: list[Element] = []
        come: dict[Element, str] = {}
        for address, before in local_before.items():
            if local[address] and not before:
                come[ruleset.hairpin(address)] = ""
            elif before and not local[address]:
                gone.append(ruleset.hairpin(address))
        shared_before = self._slots_and_picks()
        own_before = dict(self._own)
        for door, old, new_entry in changes:
            self._compare(door, old, new_entry, gone, come)
        shared, own = self._slots_and_picks(), self._own
        table = ruleset.table(self.place.family)
        text = table.transaction({**shared_before, **own_before}, {**shared, **own}, gone, come)
        return text, changes

    def _claim(self, key: str, new: Wanted, doors: dict[Door, Entry | None]) -> Iterable[str]:
        """Note which doors `key` wants from now on; answers the local addresses that it touches."""
        old = self.wanted.get(key, NOTHING)
        for door in old.entries.keys() - new.entries.keys():
            claims = self._claims[door]
            claims.remove(key)
            if not claims:
                del self._claims[door]
            doors.setdefault(door, self.doors.get(door))
        for door, entry in new.entries.items():
            if door not in old.entries:
                claims = self._claims.setdefault(door, [])
                claims.append(key)
                claims.sort()
            elif old.entries[door] == entry:
                continue
            doors.setdefault(door, self.doors.get(door))
        return old.local ^ new.local

    def _count_local(self, key: str, new: Wanted) -> None:
        old = self.wanted.get(key, NOTHING)
        self._local.update(new.local)
        self._local.subtract(old.local)

    def _settle(self, doors: Mapping[Door, Entry | None]) -> list[Change]:
        changes: list[Change] = []
        for door, before in doors.items():
            claims = self._claims.get(door)
            now = self.wanted[claims[0]].entries[door] if claims else None
            if now is not None and before is not None:
                now = _in_place(before, now)
            if now == before:
                continue
            changes.append((door, before, now))
            if now is None:
                del self.doors[door]
            else:
                self.doors[door] = now
        return changes

    def _compare(
        self,
        door: Door,
        old: Entry | None,
        new: Entry | None,
        gone: list[Element],
        come: dict[Element, str],
    ) -> None:
        before = ruleset.elements(door, old) if old else {}
        after = ruleset.elements(door, new) if new else {}
        gone += [one for one, value in before.items() if after.get(one) != value]
        come.update({one: value for one, value in after.items() if before.get(one) != value})
        family = self.place.family
        if new is not None:
            self._shapes.update(ruleset.shapes(new))
            items = ruleset.own_items(new, family)
            self._own.update(items)
            self._uses.update(items.keys())
        if old is not None:
            self._shapes.subtract(ruleset.shapes(old))
            self._uses.subtract(ruleset.own_items(old, family).keys())
            for name in ruleset.own_items(old, family):
                if not self._uses[name]:
                    del self._uses[name]
                    del self._own[name]

    def _slots_and_picks(self) -> dict[str, Item]:
        """Everything that doors share: a slot for each number up to the largest, a chain for each number drawn from."""
        items: dict[str, Item] = {}
        for prefix in (ruleset.OUTSIDE, ruleset.INSIDE):
            counts = sorted(count for (one, count), uses in self._shapes.items() if one == prefix and uses)
            for number in range(counts[-1] if counts else 0):
                items.update(ruleset.slot_items(prefix, number, self.place.family))
            for count in counts:
                items.update(ruleset.pick_items(prefix, count))
        return items

    def full(self) -> str:
        """The whole table, replacing whatever table of its name there is."""
        wanted: dict[Element, str] = {
            ruleset.hairpin(address): "" for address, uses in sorted(self._local.items()) if uses
        }
        for door, entry in sorted(self.doors.items()):
            wanted.update(ruleset.elements(door, entry))
        items = {**self._slots_and_picks(), **dict(sorted(self._own.items()))}
        table = ruleset.table(self.place.family)
        return table.anew(ruleset.skeleton(self.place), items, wanted)


def _in_place(old: Entry, new: Entry) -> Entry:
    """The new entry, with targets that stay kept at their numbers, so that few elements change."""
    inside = new.inside if new.inside is None else arrange(old.inside or (), new.inside)
    return replace(new, targets=arrange(old.targets, new.targets), inside=inside)


def arrange(old: tuple[Target, ...], new: tuple[Target, ...]) -> tuple[Target, ...]:
    """`new` in an order in which as many as possible keep their places in `old`."""
    if old == new:
        return old
    wanted = set(new)
    slots = [one if one in wanted else None for one in old[: len(new)]]
    slots += [None] * (len(new) - len(slots))
    placed = set(slots)
    rest = iter([one for one in new if one not in placed])
    return tuple(next(rest) if one is None else one for one in slots)


def stale(changes: Iterable[Change]) -> dict[Door, set[Target] | None]:
    """The UDP doors whose connections the kernel has to forget: those to the targets given, or (None) all.

    All of them where a door had no targets until now: what has been sent meanwhile went elsewhere.
    """
    found: dict[Door, set[Target] | None] = {}
    for door, old, new in changes:
        if door.protocol != "udp":
            continue
        before = set(old.targets) | set(old.inside or ()) if old else set()
        after = set(new.targets) | set(new.inside or ()) if new else set()
        if after and not before:
            found[door] = None
        elif before - after:
            found[door] = before - after
    return found
