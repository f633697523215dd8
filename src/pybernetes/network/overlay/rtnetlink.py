"""The kernel's routing messages: bytes in, links, addresses, routes and neighbours as values out, and back.

Source: include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h and neighbour.h
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from pybernetes.network.netlink import attribute, attributes

NEW_LINK, DELETE_LINK, GET_LINK = 16, 17, 18
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_NEIGHBOUR, DELETE_NEIGHBOUR, GET_NEIGHBOUR = 28, 29, 30
REQUEST, ACKNOWLEDGE, DUMP, REPLACE, EXCLUSIVE, CREATE = 0x1, 0x4, 0x300, 0x100, 0x200, 0x400

GROUPS = sum(1 << (number - 1) for number in (1, 5, 7, 9, 11))
"""To be told of links, and of addresses and routes of both families."""

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BBHiII")
_ADDRESS = struct.Struct("=BBBBi")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NEIGHBOUR = struct.Struct("=BBHiHBB")

_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_VERSION = {socket.AF_INET: 4, socket.AF_INET6: 6}
_BRIDGE = 7
_UP = 1
_MAIN_TABLE, _UNICAST, _ONLINK = 254, 1, 4
_NO_DETECTION = 2
_PERMANENT, _NO_ARP, _SELF = 0x80, 0x40, 2


class Link(NamedTuple):
    """An interface (by the kernel's number); the last three are a VXLAN's, 0 and "" for others."""

    interface: int
    name: str
    mtu: int
    up: bool
    mac: str
    vni: int = 0
    port: int = 0
    local: str = ""


class Address(NamedTuple):
    """`text` is of the form 192.0.2.1/24."""

    interface: int
    text: str


class Route(NamedTuple):
    """By way of `gateway`, on that interface even if the gateway seems not to be there (`onlink`)."""

    destination: str
    gateway: str
    interface: int
    protocol: int
    onlink: bool = False


class Neighbour(NamedTuple):
    """Who has the address; in a VXLAN's forwarding table, where the one with that MAC is."""

    interface: int
    address: str
    mac: str
    forwarding: bool = False


def header(kind: int, flags: int, body: bytes, sequence: int) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, int, memoryview]]:
    """(type, sequence number, body) of each."""
    view = memoryview(data)
    at = 0
    while at + _HEADER.size <= len(view):
        length, kind, _, sequence, _ = _HEADER.unpack_from(view, at)
        if length < _HEADER.size:
            return
        yield kind, sequence, view[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


# Requests


def ask_link(name: str) -> bytes:
    return _LINK.pack(0, 0, 0, 0, 0, 0) + _text(3, name)


def ask_links() -> bytes:
    return _LINK.pack(0, 0, 0, 0, 0, 0)


def ask_addresses() -> bytes:
    return _ADDRESS.pack(0, 0, 0, 0, 0)


def ask_routes(family: int, protocol: int) -> bytes:
    return _ROUTE.pack(_FAMILY[family], 0, 0, 0, 0, protocol, 0, 0, 0)


def ask_neighbours(family: int, index: int) -> bytes:
    return _NEIGHBOUR.pack(_FAMILY[family], 0, 0, 0, 0, 0, 0) + attribute(8, struct.pack("=i", index))


def ask_forwarding(index: int) -> bytes:
    return _NEIGHBOUR.pack(_BRIDGE, 0, 0, index, 0, 0, 0)


def vxlan(link: Link) -> bytes:
    """A new VXLAN interface that is up and learns nothing by itself."""
    data = attribute(1, struct.pack("=I", link.vni)) + attribute(7, b"\0")
    data += attribute(15, struct.pack(">H", link.port))
    if link.local:
        data += attribute(17 if ":" in link.local else 4, _packed(link.local))
    information = _text(1, "vxlan") + attribute(2, data, nested=True)
    body = _LINK.pack(0, 0, 0, 0, _UP, _UP) + _text(3, link.name)
    body += attribute(1, bytes.fromhex(link.mac.replace(":", ""))) + attribute(4, struct.pack("=I", link.mtu))
    return body + attribute(18, information, nested=True)


def link_settings(link: Link) -> bytes:
    """The interface of that index is to be up and have that MTU."""
    return _LINK.pack(0, 0, 0, link.interface, _UP, _UP) + attribute(4, struct.pack("=I", link.mtu))


def link_gone(index: int) -> bytes:
    return _LINK.pack(0, 0, 0, index, 0, 0)


def address(one: Address) -> bytes:
    parsed = ipaddress.ip_interface(one.text)
    packed = parsed.ip.packed
    flags = _NO_DETECTION if parsed.version == 6 else 0
    body = _ADDRESS.pack(_FAMILY[parsed.version], parsed.network.prefixlen, flags, 0, one.interface)
    return body + attribute(2, packed) + attribute(1, packed)


def route(one: Route) -> bytes:
    parsed = ipaddress.ip_network(one.destination)
    flags = _ONLINK if one.onlink else 0
    family = _FAMILY[parsed.version]
    body = _ROUTE.pack(family, parsed.prefixlen, 0, 0, _MAIN_TABLE, one.protocol, 0, _UNICAST, flags)
    body += attribute(1, parsed.network_address.packed)
    if one.gateway:
        body += attribute(5, _packed(one.gateway))
    if one.interface:
        body += attribute(4, struct.pack("=i", one.interface))
    return body


def neighbour(one: Neighbour) -> bytes:
    family = _BRIDGE if one.forwarding else _FAMILY[6 if ":" in one.address else 4]
    state, flags = (_PERMANENT | _NO_ARP, _SELF) if one.forwarding else (_PERMANENT, 0)
    body = _NEIGHBOUR.pack(family, 0, 0, one.interface, state, flags, 0)
    return body + attribute(1, _packed(one.address)) + attribute(2, bytes.fromhex(one.mac.replace(":", "")))


def _packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def _text(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode() + b"\0")


# Answers


def link_of(body: memoryview) -> Link:
    _, _, _, index, flags, _ = _LINK.unpack_from(body)
    found = attributes(body[_LINK.size :])
    vni, port, local = 0, 0, ""
    information = attributes(found[18]) if 18 in found else {}
    if bytes(information.get(1, b"")).rstrip(b"\0") == b"vxlan" and 2 in information:
        data = attributes(information[2])
        vni = _number(data.get(1))
        port = int.from_bytes(data.get(15, b""), "big")
        local = _shown(data.get(4) or data.get(17))
    mac = bytes(found.get(1, b"")).hex(":")
    name = bytes(found.get(3, b"")).rstrip(b"\0").decode(errors="replace")
    return Link(index, name, _number(found.get(4)), bool(flags & _UP), mac, vni, port, local)


def address_of(body: memoryview) -> Address:
    _, length, _, _, index = _ADDRESS.unpack_from(body)
    found = attributes(body[_ADDRESS.size :])
    # Of a link between two, the second is the other end's.
    return Address(index, f"{_shown(found.get(2) or found.get(1))}/{length}")


def route_of(body: memoryview) -> Route | None:
    """None for what is in another table, and for what is not of IPv4 or IPv6."""
    family, length, _, _, table, protocol, _, _, flags = _ROUTE.unpack_from(body)
    version = _VERSION.get(family)
    if table != _MAIN_TABLE or version is None:
        return None
    found = attributes(body[_ROUTE.size :])
    destination = _shown(found.get(1)) or ("0.0.0.0" if version == 4 else "::")
    gateway = _shown(found.get(5))
    return Route(f"{destination}/{length}", gateway, _number(found.get(4)), protocol, bool(flags & _ONLINK))


def neighbour_of(body: memoryview) -> Neighbour:
    """One that is not permanent has no MAC here: it is none of ours."""
    family, _, _, index, state, _, _ = _NEIGHBOUR.unpack_from(body)
    found = attributes(body[_NEIGHBOUR.size :])
    mac = bytes(found.get(2, b"")).hex(":") if state & _PERMANENT else ""
    return Neighbour(index, _shown(found.get(1)), mac, family == _BRIDGE)


def _number(data: memoryview | None) -> int:
    return int(struct.unpack_from("=I", data)[0]) if data is not None and len(data) >= 4 else 0


def _shown(data: memoryview | None) -> str:
    return str(ipaddress.ip_address(bytes(data))) if data is not None and len(data) in (4, 16) else ""
