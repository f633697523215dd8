"""The text of nftables transactions: chains, sets, maps and their elements in, `nft -f` input out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Element = tuple[str, str]
"""A map's (or set's) name and the key."""

COMMENT_LIMIT = 120


@dataclass(slots=True, frozen=True)
class Item:
    """A chain with its rules, or a set or map with its declaration. The comment is for people who list the table."""

    kind: str
    body: tuple[str, ...]
    comment: str = ""


@dataclass(slots=True, frozen=True)
class Words:
    """What differs between the families."""

    family: str
    address: str

    @property
    def door(self) -> str:
        return f"{self.family} daddr . meta l4proto . th dport"

    @property
    def origin(self) -> str:
        return f"ct original {self.family} daddr . meta l4proto . ct original proto-dst"


WORDS = {4: Words("ip", "ipv4_addr"), 6: Words("ip6", "ipv6_addr")}


def ranges_set(name: str, words: Words, ranges: Sequence[str]) -> list[str]:
    """A set of CIDRs and `first-last` ranges, inside a table's braces."""
    listed = f" elements = {{ {', '.join(ranges)} }};" if ranges else ""
    return [f"\tset {name} {{ type {words.address}; flags interval;{listed} }}"]


def chain(name: str, rules: Iterable[str]) -> list[str]:
    """A chain inside a table's braces."""
    return [f"\tchain {name} {{", *(f"\t\t{rule}" for rule in rules), "\t}"]


@dataclass(slots=True, frozen=True)
class Table:
    """One table, and the commands that change it."""

    family: str
    name: str

    def declare(self, items: Mapping[str, Item]) -> list[str]:
        """Commands that add the items: sets, maps and empty chains first, then the rules."""
        place = f"{self.family} {self.name}"
        lines = []
        for name, item in items.items():
            body = [*item.body] if item.kind != "chain" else []
            if item.comment:
                body.append(f'comment "{item.comment[:COMMENT_LIMIT]}";')
            lines.append(f"add {item.kind} {place} {name}" + (f" {{ {' '.join(body)} }}" if body else ""))
        for name, item in items.items():
            if item.kind == "chain":
                lines += self.fill(name, item)
        return lines

    def fill(self, name: str, item: Item) -> list[str]:
        return [f"add rule {self.family} {self.name} {name} {rule}" for rule in item.body]

    def add_elements(self, wanted: Mapping[Element, str]) -> list[str]:
        """One command for each map or set; sets' elements have the value ""."""
        by_map: dict[str, list[str]] = {}
        for (name, key), value in wanted.items():
            by_map.setdefault(name, []).append(f"{key} : {value}" if value else key)
        return [self._elements("add", name, listed) for name, listed in sorted(by_map.items())]

    def delete_elements(self, unwanted: Iterable[Element]) -> list[str]:
        by_map: dict[str, list[str]] = {}
        for name, key in unwanted:
            by_map.setdefault(name, []).append(key)
        return [self._elements("delete", name, listed) for name, listed in sorted(by_map.items())]

    def _elements(self, verb: str, name: str, listed: list[str]) -> str:
        return f"{verb} element {self.family} {self.name} {name} {{ {', '.join(listed)} }}"

    def transaction(
        self,
        before: Mapping[str, Item],
        after: Mapping[str, Item],
        gone: Iterable[Element],
        come: Mapping[Element, str],
    ) -> str:
        """From one state to another: what is new, what has other rules, elements, and what is needed no more."""
        place = f"{self.family} {self.name}"
        lines = self.declare({name: item for name, item in after.items() if name not in before})
        for name, item in after.items():
            if name in before and before[name] != item:
                lines.append(f"flush chain {place} {name}")
                lines += self.fill(name, item)
        removed = {name: item for name, item in before.items() if name not in after}
        # What goes with its set or map need not be deleted one by one.
        lines += self.delete_elements(one for one in gone if one[0] not in removed)
        lines += self.add_elements(come)
        chains = [name for name, item in removed.items() if item.kind == "chain"]
        lines += [f"flush chain {place} {name}" for name in chains]
        lines += [f"delete chain {place} {name}" for name in chains]
        lines += [
            f"delete {item.kind} {place} {name}" for name, item in removed.items() if item.kind != "chain"
        ]
        return "".join(line + "\n" for line in lines)

    def anew(self, skeleton: str, items: Mapping[str, Item], elements: Mapping[Element, str]) -> str:
        """The whole table; whatever there is of its name goes, without an error if there is nothing."""
        lines = [*self.declare(items), *self.add_elements(elements)]
        head = f"table {self.family} {self.name}\ndelete table {self.family} {self.name}\n"
        return head + skeleton + "".join(line + "\n" for line in lines)
