"""The nftables table of a node's network policies, as text: policies and pods in, `nft -f` input out. Pure.

A packet's cost does not depend on policies that its pods have nothing to do with: its source is looked up in the map
`egress` and its destination in `ingress`. Each leads an isolated pod's packets to a chain that all pods with the same
policies share, and that one tries a chain for each policy. Selectors are sets of pods' addresses, shared by all who
name them. The rules see what is forwarded, after a service's address has been replaced; so nothing that the node itself
sends or gets (probes, cluster DNS) is ever held up. Established connections, and what belongs to them, pass first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from pybernetes.network.policy.model import (
    EGRESS,
    INGRESS,
    Block,
    Group,
    NamedPort,
    Pod,
    Policy,
    Port,
    Rule,
    digest,
)
from pybernetes.network.tables import WORDS, Element, Item, Table, chain

TABLE = "pybernetes-policy"
SELF = "self"
"""The set of isolated pods' addresses, each with itself: a pod always reaches itself."""

TABLES = {family: Table(words.family, TABLE) for family, words in WORDS.items()}
BITS = {4: 32, 6: 128}


def skeleton(family: int) -> str:
    """The table without a single policy."""
    words = WORDS[family]
    ip = words.family
    # To accept ends one chain of a hook only, so each direction has a chain of its own.
    passing = ["ct state established,related accept", f"{ip} saddr . {ip} daddr @{SELF} accept"]
    lines = [
        f"table {ip} {TABLE} {{",
        f"\tmap {INGRESS} {{ type {words.address} : verdict; }}",
        f"\tmap {EGRESS} {{ type {words.address} : verdict; }}",
        f"\tset {SELF} {{ type {words.address} . {words.address}; }}",
        *chain(
            "leaving",
            [
                "type filter hook forward priority filter; policy accept;",
                *passing,
                f"{ip} saddr vmap @{EGRESS}",
            ],
        ),
        *chain(
            "arriving",
            [
                "type filter hook forward priority filter + 1; policy accept;",
                *passing,
                f"{ip} daddr vmap @{INGRESS}",
            ],
        ),
        "}",
    ]
    return "\n".join(lines) + "\n"


# What policies need

_PREFIX = {INGRESS: "in", EGRESS: "out"}


def policy_chain(direction: str, key: str) -> str:
    return f"{_PREFIX[direction]}-{digest(key)}"


def pod_chain(direction: str, keys: Sequence[str]) -> str:
    return f"{direction}-{digest(' '.join(keys))}"


def port_set(port: Port | NamedPort) -> str:
    return f"port-{port.name}-{port.protocol}"


def pod_item(direction: str, keys: Sequence[str]) -> Item:
    """The chain of pods that exactly these policies select."""
    return Item("chain", (*(f"jump {policy_chain(direction, key)}" for key in keys), "drop"))


def policy_item(policy: Policy, direction: str, family: int) -> Item:
    """The chain that accepts what the policy allows."""
    rules: list[str] = []
    for rule in policy.rules[direction]:
        for peer in _peers(rule, direction, family):
            for port in _ports(rule, family):
                rules.append(" ".join(part for part in (peer, port, "accept") if part))
    return Item("chain", tuple(dict.fromkeys(rules)), policy.key)


def group_item(group: Group, family: int) -> Item:
    return Item("set", (f"type {WORDS[family].address};",), group.description)


def port_item(family: int) -> Item:
    return Item("set", (f"type {WORDS[family].address} . inet_proto . inet_service;",))


def _peers(rule: Rule, direction: str, family: int) -> Iterable[str]:
    """One condition for each way to be a peer of the rule."""
    if rule.groups is None:
        yield ""
        return
    words = WORDS[family]
    side = f"{words.family} {'saddr' if direction == INGRESS else 'daddr'}"
    blocks = [one for one in rule.blocks if one.family == family]
    if blocks and blocks[0].first == 0 and blocks[0].last == (1 << BITS[family]) - 1:
        yield ""
        return
    if blocks:
        yield f"{side} {{ {', '.join(_shown(one) for one in blocks)} }}"
    for group in rule.groups:
        yield f"{side} @{group.name}"


def _shown(block: Block) -> str:
    address = ipaddress.IPv4Address if block.family == 4 else ipaddress.IPv6Address
    size = block.last - block.first + 1
    if size & (size - 1) == 0 and block.first % size == 0:
        return f"{address(block.first)}/{BITS[block.family] - size.bit_length() + 1}"
    return f"{address(block.first)}-{address(block.last)}"


def _ports(rule: Rule, family: int) -> Iterable[str]:
    """One condition for each protocol, and for each port by name."""
    if rule.ports is None:
        yield ""
        return
    numbers: dict[str, list[str]] = {}
    for port in rule.ports:
        if port.name:
            yield f"{WORDS[family].family} daddr . meta l4proto . th dport @{port_set(port)}"
        else:
            shown = str(port.first) if port.first == port.last else f"{port.first}-{port.last}"
            numbers.setdefault(port.protocol, []).append(shown)
    for protocol, listed in numbers.items():
        every = listed == ["0-65535"]
        yield f"meta l4proto {protocol}" if every else f"{protocol} dport {{ {', '.join(listed)} }}"


def elements(
    pod: Pod,
    address: str,
    groups: Iterable[Group],
    ports: Iterable[str],
    selected: Mapping[str, tuple[str, ...]],
) -> dict[Element, str]:
    """What an address of a pod is in: the sets of those groups that it belongs to, of those named ports, and
    by `selected` (direction -> policies) the maps of isolated pods."""
    found = {(group.name, address): "" for group in groups if group.pods.matches(pod.labels)}
    for port in pod.ports:
        name = port_set(port)
        if name in ports:
            found[name, f"{address} . {port.protocol} . {port.number}"] = ""
    for direction, keys in selected.items():
        found[direction, address] = f"goto {pod_chain(direction, keys)}"
        found[SELF, f"{address} . {address}"] = ""
    return found


def absent(family: int) -> str:
    """A transaction after which there is no table, whether there was one or not."""
    ip = WORDS[family].family
    return f"table {ip} {TABLE}\ndelete table {ip} {TABLE}\n"
