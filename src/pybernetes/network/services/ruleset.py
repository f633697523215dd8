"""The nftables table of a node's services, as text: doors and where they lead in, `nft -f` input out. Pure.

A packet's cost does not depend on the number of services: one lookup of (address, protocol, port) in `doors` leads
to `pick-N`, which draws one of N numbers; number k leads to `to-k`, which finds in the map `endpoint-k`
what the door's k-th endpoint is. So an endpoint is one map element, and only doors with session affinity
have chains of their own (`sticky-...`). Nothing is marked: what needs the node's source address is told from
the connection's original destination. Nothing is ever led to 127.0.0.0/8, and route_localnet stays off.
"""

from __future__ import annotations

import hashlib

from pybernetes.network.services.endpoints import Target
from pybernetes.network.services.model import ALWAYS, OWN, REJECT, Door, Entry, Place
from pybernetes.network.tables import WORDS, Element, Item, Table, Words, chain, ranges_set

TABLE = "pybernetes-services"

OUTSIDE, INSIDE = "", "inside-"
"""The prefixes of the chains and maps for targets, and for targets that only pods and the node itself get."""


def table(family: int) -> Table:
    return Table(WORDS[family].family, TABLE)


def skeleton(place: Place) -> str:
    """The table without a single service."""
    words = WORDS[place.family]
    ip, door = words.family, words.door
    key = f"{words.address} . inet_proto . inet_service"
    lines = [
        f"table {ip} {TABLE} {{",
        *ranges_set("pods", words, place.pods),
        *ranges_set("service-ranges", words, place.services),
        *ranges_set("balancer-ranges", words, place.balancers),
        f"\tset hairpins {{ type {words.address} . {words.address}; }}",
        *(
            f"\tmap {name} {{ type {key} : verdict; }}"
            for name in ("doors", "inside-doors", "closed", "masquerades", "firewalls")
        ),
        # The kernel limits the rate of its ICMP answers, but not of resets.
        *chain("refuse", ["meta l4proto tcp reject with tcp reset", "reject"]),
        *chain("discard", ["drop"]),
        *chain("masquerade-all", ["masquerade fully-random"]),
        *chain("masquerade-own", ["fib saddr type local masquerade fully-random"]),
        *chain("services", [f"{door} vmap @doors"]),
        *chain("inside-services", [f"{door} vmap @inside-doors", f"{door} vmap @doors"]),
        *chain(
            "masquerade-inside",
            [
                f"{ip} saddr . {ip} daddr @hairpins masquerade fully-random",
                f"{ip} saddr != @pods masquerade fully-random",
            ],
        ),
        *chain(
            "masquerade-services",
            [
                f"ct original {ip} daddr @service-ranges goto masquerade-inside",
                f"{ip} saddr . {ip} daddr @hairpins masquerade fully-random",
                *(f"meta l4proto {one} {words.origin} vmap @masquerades" for one in ("tcp", "udp", "sctp")),
            ],
        ),
        *chain(
            "prerouting",
            [
                "type nat hook prerouting priority dstnat; policy accept;",
                f"{ip} saddr @pods goto inside-services",
                "goto services",
            ],
        ),
        *chain("local", ["type nat hook output priority -100; policy accept;", "goto inside-services"]),
        *chain(
            "postrouting",
            [
                "type nat hook postrouting priority srcnat; policy accept;",
                "ct status dnat goto masquerade-services",
            ],
        ),
        *chain(
            "firewall",
            [
                "type filter hook prerouting priority dstnat - 10; policy accept;",
                f"ct state new {door} vmap @firewalls",
            ],
        ),
        *chain(
            "input",
            [
                "type filter hook input priority filter; policy accept;",
                f"ct state new {door} vmap @closed",
                # The only service address that is the node's own is that of DNS; nothing else listens there.
                f"ct state new {ip} daddr @service-ranges meta l4proto {{ tcp, udp }} th dport != 53 goto refuse",
                f"ct state new {ip} daddr @balancer-ranges goto refuse",
            ],
        ),
        *chain(
            "forward",
            [
                "type filter hook forward priority filter; policy accept;",
                "ct state established,related accept",
                f"ct state invalid {ip} saddr @pods drop",
                f"{door} vmap @closed",
                f"{ip} daddr @service-ranges goto refuse",
            ],
        ),
        *chain(
            "output",
            [
                "type filter hook output priority filter; policy accept;",
                f"ct state new {door} vmap @closed",
                f'ct state new {ip} daddr @service-ranges oifname != "lo" goto refuse',
            ],
        ),
        "}",
    ]
    return "\n".join(lines) + "\n"


# What doors need


def elements(door: Door, entry: Entry) -> dict[Element, str]:
    """The map elements of one door: (map, key) -> value."""
    address, protocol, port = door
    key = f"{address} . {protocol} . {port}"
    found: dict[Element, str] = {}
    _lead(found, OUTSIDE, key, entry, entry.targets)
    if entry.inside is not None:
        _lead(found, INSIDE, key, entry, entry.inside)
    if not entry.targets:
        found["closed", key] = "goto refuse" if entry.closed == REJECT else "goto discard"
    if entry.masquerade == ALWAYS:
        found["masquerades", key] = "goto masquerade-all"
    elif entry.masquerade == OWN:
        found["masquerades", key] = "goto masquerade-own"
    if entry.allowed:
        found["firewalls", key] = f"goto {firewall_name(entry.allowed)}"
    return found


def _lead(
    found: dict[Element, str], prefix: str, key: str, entry: Entry, targets: tuple[Target, ...]
) -> None:
    if not targets:
        return
    if entry.affinity:
        found[f"{prefix}doors", key] = f"goto {sticky_name(prefix, entry)}"
        return
    count = len(targets)
    found[f"{prefix}doors", key] = f"goto {prefix}to-0" if count == 1 else f"goto {prefix}pick-{count}"
    for number, (address, port) in enumerate(targets):
        found[f"{prefix}endpoint-{number}", key] = f"{address} . {port}"


def shapes(entry: Entry) -> list[tuple[str, int]]:
    """From how many endpoints the door's chains draw: (prefix, number); none for doors with affinity."""
    if entry.affinity:
        return []
    found = [(OUTSIDE, len(entry.targets))] if entry.targets else []
    if entry.inside:
        found.append((INSIDE, len(entry.inside)))
    return found


def slot_items(prefix: str, number: int, family: int) -> dict[str, Item]:
    """The chain and the map of the `number`-th endpoint."""
    words = WORDS[family]
    key = f"{words.address} . inet_proto . inet_service"
    mapping = f"{prefix}endpoint-{number}"
    return {
        mapping: Item("map", (f"type {key} : {words.address} . inet_service;",)),
        f"{prefix}to-{number}": Item("chain", (f"dnat {words.family} to {words.door} map @{mapping}",)),
    }


def pick_items(prefix: str, count: int) -> dict[str, Item]:
    """The chain that draws one of `count` endpoints; a single one is not drawn."""
    if count < 2:
        return {}
    ways = ", ".join(f"{number} : goto {prefix}to-{number}" for number in range(count))
    return {f"{prefix}pick-{count}": Item("chain", (f"numgen random mod {count} vmap {{ {ways} }}",))}


def own_items(entry: Entry, family: int) -> dict[str, Item]:
    """What only this entry's doors need: the chains of session affinity and of allowed sources."""
    found: dict[str, Item] = {}
    words = WORDS[family]
    if entry.affinity:
        for prefix, targets in ((OUTSIDE, entry.targets), (INSIDE, entry.inside or ())):
            if targets:
                found.update(_sticky_items(sticky_name(prefix, entry), targets, entry.affinity, words))
    if entry.allowed:
        listed = ", ".join(entry.allowed)
        rules = (f"{words.family} saddr {{ {listed} }} return", "drop")
        found[firewall_name(entry.allowed)] = Item("chain", rules)
    return found


def _sticky_items(name: str, targets: tuple[Target, ...], timeout: int, words: Words) -> dict[str, Item]:
    """A set of clients for each endpoint: who is in one goes there, who is in none is drawn one."""
    found: dict[str, Item] = {}
    saddr = f"{words.family} saddr"
    ends = []
    for address, port in targets:
        shown = f"[{address}]" if ":" in address else address
        end = f"{name}-{_digest(f'{address} {port}')}"
        ends.append(end)
        found[f"{end}-clients"] = Item(
            "set", (f"type {words.address};", "size 65535;", "flags dynamic,timeout;", f"timeout {timeout}s;")
        )
        found[end] = Item(
            "chain",
            (
                f"update @{end}-clients {{ {saddr} }}",
                f"meta l4proto {{ tcp, udp, sctp }} dnat to {shown}:{port}",
            ),
        )
    known = [f"{saddr} @{end}-clients goto {end}" for end in ends]
    ways = ", ".join(f"{number} : goto {end}" for number, end in enumerate(ends))
    drawn = f"numgen random mod {len(ends)} vmap {{ {ways} }}" if len(ends) > 1 else f"goto {ends[0]}"
    found[name] = Item("chain", (*known, drawn))
    return found


def sticky_name(prefix: str, entry: Entry) -> str:
    return f"{prefix}sticky-{_digest(f'{entry.pool} {entry.affinity}')}"


def firewall_name(allowed: tuple[str, ...]) -> str:
    return f"firewall-{_digest(' '.join(allowed))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def hairpin(address: str) -> Element:
    return "hairpins", f"{address} . {address}"
