"""Which endpoints of a service get its traffic on this node: EndpointSlices in, targets out. Pure.

Sources: https://kubernetes.io/docs/reference/networking/virtual-ips/ (traffic policies, topology) and
KEP-1669 (terminating endpoints): ready ones first; where none is ready, those that terminate but still serve.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Object = Mapping[str, Any]

FAMILY_OF = {"IPv4": 4, "IPv6": 6}


class Target(NamedTuple):
    """Where a connection ends."""

    address: str
    port: int


@dataclass(slots=True, frozen=True)
class Endpoint:
    """One endpoint of one service port, as its slice says."""

    target: Target
    local: bool
    ready: bool
    serving: bool
    terminating: bool
    zones: frozenset[str]
    nodes: frozenset[str]

    @property
    def last_resort(self) -> bool:
        return self.serving and self.terminating


class Choice(NamedTuple):
    """`everywhere` serves the policy Cluster, `here` the policy Local; `exists` if there is one on any node."""

    everywhere: tuple[Target, ...]
    here: tuple[Target, ...]
    exists: bool


def of_port(
    slices: Iterable[Object], name: str, protocol: str, family: int, node: str
) -> dict[Target, Endpoint]:
    """The endpoints of the service port `name`; one that is in several slices counts once, ready if one says so."""
    found: dict[Target, Endpoint] = {}
    for piece in slices:
        if FAMILY_OF.get(piece.get("addressType", "")) != family:
            continue
        numbers = [
            port["port"]
            for port in piece.get("ports") or ()
            if (port.get("name") or "") == name
            and port.get("protocol", "TCP") == protocol
            and port.get("port")
        ]
        for number in numbers:
            for entry in piece.get("endpoints") or ():
                endpoint = _endpoint(entry, number, node)
                if endpoint is None:
                    continue
                known = found.get(endpoint.target)
                if known is None or (endpoint.ready and not known.ready):
                    found[endpoint.target] = endpoint
    return found


_NOWHERE: frozenset[str] = frozenset()
_NO_CONDITIONS: Mapping[str, Any] = {}


def _endpoint(entry: Object, port: int, node: str) -> Endpoint | None:
    addresses = entry.get("addresses") or ()
    if not addresses or addresses[0].startswith("127.") or addresses[0] == "::1":
        return None
    conditions = entry.get("conditions") or _NO_CONDITIONS
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    hints = entry.get("hints")
    return Endpoint(
        Target(addresses[0], port),
        local=entry.get("nodeName") == node,
        ready=ready,
        serving=ready if serving is None else serving,
        terminating=bool(conditions.get("terminating")),
        zones=frozenset(zone["name"] for zone in hints.get("forZones") or ()) if hints else _NOWHERE,
        nodes=frozenset(item["name"] for item in hints.get("forNodes") or ()) if hints else _NOWHERE,
    )


def choose(endpoints: Iterable[Endpoint], node: str, zone: str) -> Choice:
    """The targets for either policy, in a stable order."""
    every = list(endpoints)
    ready = [one for one in every if one.ready]
    everywhere = _near(ready, node, zone) or [one for one in every if one.last_resort]
    here = [one for one in ready if one.local] or [one for one in every if one.local and one.last_resort]
    return Choice(_targets(everywhere), _targets(here), bool(everywhere))


def _near(ready: list[Endpoint], node: str, zone: str) -> list[Endpoint]:
    """Those that are hinted to this node or zone, if every endpoint has such a hint and one is for us."""
    if ready and all(one.nodes for one in ready):
        mine = [one for one in ready if node in one.nodes]
        if mine:
            return mine
    if zone and ready and all(one.zones for one in ready):
        mine = [one for one in ready if zone in one.zones]
        if mine:
            return mine
    return ready


def _targets(endpoints: Iterable[Endpoint]) -> tuple[Target, ...]:
    return tuple(sorted(one.target for one in endpoints))


def family_of(address: str) -> int:
    """4 or 6; 0 for what is no address."""
    if ":" not in address:
        return 4 if address.count(".") == 3 else 0
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return 0
