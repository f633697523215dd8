"""Which way a node's pods reach those of every other node: Node objects and the kernel's state in, changes out. Pure.

A peer whose address is in a subnet of this node's own interfaces is reached by a plain route through it; any other
by a VXLAN, because routers between know nothing of pods. Everything about a peer is derived from its Node: the MAC of
its end of the VXLAN comes from its address, and the first address of its pods' subnet is that end's own.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pybernetes.network.overlay.rtnetlink import Address, Link
from pybernetes.network.routes import node_addresses, pod_cidrs
from pybernetes.semantics.nodes import internal_addresses

Object = Mapping[str, Any]

DEVICE = "pyb-overlay"
OVERHEAD = {4: 50, 6: 70}
"""What a VXLAN adds to a packet, by the family of the machines' own network: Ethernet 14, IP, UDP 8, VXLAN 8."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The VXLAN's number and UDP port have to be the same on all nodes; `mtu` is that of the machine's network."""

    vni: int
    port: int
    mtu: int


class Way(NamedTuple):
    """By which gateway, and whether that is the other end of our VXLAN."""

    gateway: str
    overlay: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """The kernel's state: links by number, all addresses, and what is ours."""

    links: Mapping[int, Link] = field(default_factory=dict)
    addresses: Iterable[Address] = ()
    device: Link | None = None
    routes: Mapping[str, Way] = field(default_factory=dict)
    neighbours: Mapping[str, str] = field(default_factory=dict)
    forwarding: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The state that is wanted. `unreachable` are the names of peers for which there is no way."""

    pod_mtu: int
    device: Link | None = None
    addresses: tuple[str, ...] = ()
    routes: Mapping[str, Way] = field(default_factory=dict)
    neighbours: Mapping[str, str] = field(default_factory=dict)
    forwarding: Mapping[str, str] = field(default_factory=dict)
    unreachable: tuple[str, ...] = ()


def plan(nodes: Iterable[Object], own: Object, now: Present, settings: Settings) -> Plan:
    """The ways from the node `own` to all others."""
    name = own["metadata"]["name"]
    underlay = _underlay(own)
    subnets = list(_subnets(now, own))
    mtu = _mtu(own, now, settings.mtu)
    routes: dict[str, Way] = {}
    neighbours: dict[str, str] = {}
    forwarding: dict[str, str] = {}
    unreachable = []
    for node in nodes:
        cidrs = pod_cidrs(node)
        if node["metadata"]["name"] == name or not cidrs:
            continue
        end = node_addresses(node, underlay[0]) if underlay is not None else ()
        for cidr in cidrs:
            network = ipaddress.ip_network(cidr)
            near = [one for one in node_addresses(node, network.version) if _within(one, subnets)]
            if near:
                routes[str(network)] = Way(near[0])
            elif end:
                gateway = str(network.network_address)
                routes[str(network)] = Way(gateway, overlay=True)
                neighbours[gateway] = mac_of(end[0])
                forwarding[mac_of(end[0])] = end[0]
            else:
                unreachable.append(node["metadata"]["name"])
    device = None
    if forwarding and underlay is not None:
        mtu -= OVERHEAD[underlay[0]]
        local = underlay[1] if any(one.text.partition("/")[0] == underlay[1] for one in now.addresses) else ""
        device = Link(0, DEVICE, mtu, True, mac_of(underlay[1]), settings.vni, settings.port, local)
    return Plan(
        pod_mtu=mtu,
        device=device,
        addresses=tuple(_first_address(cidr) for cidr in pod_cidrs(own)) if device is not None else (),
        routes=routes,
        neighbours=neighbours,
        forwarding=forwarding,
        unreachable=tuple(dict.fromkeys(unreachable)),
    )


def to_node(node: Object) -> dict[str, Way]:
    """The routes by which somebody beside the node reaches its pods."""
    found = {}
    for cidr in pod_cidrs(node):
        network = ipaddress.ip_network(cidr)
        for address in node_addresses(node, network.version)[:1]:
            found[str(network)] = Way(address)
    return found


def mac_of(address: str) -> str:
    """Of the VXLAN's end at the node with this address: locally administered, the same wherever it is computed."""
    taken = bytearray(hashlib.sha256(f"pybernetes {address}".encode()).digest()[:6])
    taken[0] = taken[0] & 0xFC | 0x02
    return taken.hex(":")


def _underlay(own: Object) -> tuple[int, str] | None:
    """The family and the address of this end: those of the node's first InternalIP."""
    first = next(iter(internal_addresses(own)), None)
    return (ipaddress.ip_address(first).version, first) if first is not None else None


def _subnets(now: Present, own: Object) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Where neighbours are, that need no router: not the pods' links, the loopback interface or the VXLAN."""
    pods = [ipaddress.ip_network(cidr) for cidr in pod_cidrs(own)]
    for one in now.addresses:
        interface = ipaddress.ip_interface(one.text)
        link = now.links.get(one.interface)
        if link is None or link.name in (DEVICE, "lo") or not link.up or interface.ip.is_link_local:
            continue
        if interface.network.num_addresses > 1 and interface.network not in pods:
            yield interface.network


def _within(address: str, subnets: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in subnet for subnet in subnets)


def _mtu(own: Object, now: Present, otherwise: int) -> int:
    """That of the interface with the node's address."""
    mine = {entry["address"] for entry in own.get("status", {}).get("addresses") or ()}
    for one in now.addresses:
        if one.text.partition("/")[0] in mine and one.interface in now.links:
            return min(now.links[one.interface].mtu, otherwise) or otherwise
    return otherwise


def _first_address(cidr: str) -> str:
    """The address of our own end, by which programs of this node reach pods through the VXLAN."""
    network = ipaddress.ip_network(cidr)
    return f"{network.network_address}/{network.max_prefixlen}"


# Changes


class AddDevice(NamedTuple):
    link: Link


class SetDevice(NamedTuple):
    link: Link


class DeleteDevice(NamedTuple):
    pass


class SetAddress(NamedTuple):
    text: str


class DeleteAddress(NamedTuple):
    text: str


class SetRoute(NamedTuple):
    destination: str
    way: Way


class DeleteRoute(NamedTuple):
    destination: str


class SetNeighbour(NamedTuple):
    address: str
    mac: str


class DeleteNeighbour(NamedTuple):
    address: str
    mac: str


class SetForwarding(NamedTuple):
    mac: str
    address: str


class DeleteForwarding(NamedTuple):
    mac: str
    address: str


Operation = (
    AddDevice
    | SetDevice
    | DeleteDevice
    | SetAddress
    | DeleteAddress
    | SetRoute
    | DeleteRoute
    | SetNeighbour
    | DeleteNeighbour
    | SetForwarding
    | DeleteForwarding
)


def changes(wanted: Plan, now: Present) -> list[Operation]:
    """What leads from the kernel's state to the plan; nothing when it is there."""
    found: list[Operation] = []
    device, routes = now.device, dict(now.routes)
    neighbours, forwarding = dict(now.neighbours), dict(now.forwarding)
    addresses = [
        one.text for one in now.addresses if device is not None and one.interface == device.interface
    ]
    if device is not None and not _fits(device, wanted.device):
        found.append(DeleteDevice())
        device, addresses, neighbours, forwarding = None, [], {}, {}
        routes = {destination: way for destination, way in routes.items() if not way.overlay}
    if wanted.device is not None:
        if device is None:
            found.append(AddDevice(wanted.device))
        elif device.mtu != wanted.device.mtu or not device.up:
            found.append(SetDevice(wanted.device))
    found += [DeleteRoute(one) for one in routes if one not in wanted.routes]
    found += [DeleteNeighbour(one, mac) for one, mac in neighbours.items() if one not in wanted.neighbours]
    found += [
        DeleteForwarding(mac, one) for mac, one in forwarding.items() if wanted.forwarding.get(mac) != one
    ]
    if wanted.device is not None:
        # The kernel gives interfaces link-local addresses by itself.
        ours = [one for one in addresses if not ipaddress.ip_interface(one).ip.is_link_local]
        found += [DeleteAddress(one) for one in ours if one not in wanted.addresses]
        found += [SetAddress(one) for one in wanted.addresses if one not in addresses]
    found += [
        SetForwarding(mac, one)
        for mac, one in sorted(wanted.forwarding.items())
        if forwarding.get(mac) != one
    ]
    found += [
        SetNeighbour(one, mac) for one, mac in sorted(wanted.neighbours.items()) if neighbours.get(one) != mac
    ]
    found += [SetRoute(one, way) for one, way in sorted(wanted.routes.items()) if routes.get(one) != way]
    return found


def _fits(device: Link, wanted: Link | None) -> bool:
    """Whether the VXLAN need not be made anew."""
    if wanted is None:
        return False
    return (device.vni, device.port, device.local, device.mac) == (
        wanted.vni,
        wanted.port,
        wanted.local,
        wanted.mac,
    )
