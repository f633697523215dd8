"""Makes the kernel forget connections: doors and targets in, deleted conntrack entries out.

UDP has no connections, but conntrack remembers where a client's packets went and keeps sending them there, even
if the endpoint is gone, or if there was none when the first was sent.
Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pybernetes.network import netlink
from pybernetes.network.netlink import attribute
from pybernetes.network.services.endpoints import Target
from pybernetes.network.services.model import Door

_GET, _DELETE = 0x101, 0x102
_ORIGINAL, _REPLY, _ID, _FILTER = 1, 2, 12, 25
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_ADDRESSES = {4: (1, 2), 6: (3, 4)}
"""The attributes of source and destination."""
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_FILTER_PROTOCOL = 1 << 3
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "sctp": socket.IPPROTO_SCTP}


class Connection(NamedTuple):
    """Where a client knocked, who answers, and the entry's own bytes."""

    door: tuple[str, int]
    target: tuple[str, int]
    name: bytes


def forget(stale: Mapping[Door, set[Target] | None], family: int) -> int:
    """Delete the entries of those doors that lead to those targets (None: to any); how many it were. Blocks."""
    if not stale:
        return 0
    wanted: dict[str, dict[tuple[str, int], set[Target] | None]] = {}
    for door, targets in stale.items():
        wanted.setdefault(door.protocol, {})[door.address, door.port] = targets
    count = 0
    with netlink.open_socket() as connection:
        for protocol, doors in wanted.items():
            # The dump is read to its end before anything else is asked on the same socket.
            for found in list(_dump(connection, family, PROTOCOLS[protocol])):
                targets = doors.get(found.door, set())
                if targets is None or found.target in targets:
                    count += _delete(connection, family, found.name)
    return count


def _dump(connection: socket.socket, family: int, protocol: int) -> Iterator[Connection]:
    by_protocol = attribute(_TUPLE_PROTOCOL, attribute(_NUMBER, bytes([protocol])), nested=True)
    asked = attribute(_ORIGINAL, by_protocol, nested=True)
    asked += attribute(_FILTER, attribute(1, struct.pack("=I", _FILTER_PROTOCOL)), nested=True)
    flags = netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP
    connection.send(netlink.message(_GET, flags, _FAMILY[family], asked))
    for kind, attributes in _answers(connection):
        if kind == netlink.NLMSG_DONE:
            return
        if kind == netlink.NLMSG_ERROR:
            number = netlink.error_of(attributes)
            raise OSError(number, "cannot list the kernel's connections")
        found = _connection(attributes, family, protocol)
        if found is not None:
            yield found


def _answers(connection: socket.socket) -> Iterator[tuple[int, memoryview]]:
    while True:
        for kind, _, attributes in netlink.messages(connection.recv(1 << 16)):
            yield kind, attributes


def _connection(data: memoryview, family: int, protocol: int) -> Connection | None:
    parts = netlink.attributes(data)
    original, reply = parts.get(_ORIGINAL), parts.get(_REPLY)
    if original is None or reply is None:
        return None
    door = _end(original, family, protocol, _ADDRESSES[family][1], _DESTINATION_PORT)
    target = _end(reply, family, protocol, _ADDRESSES[family][0], _SOURCE_PORT)
    if door is None or target is None:
        return None
    name = attribute(_ORIGINAL, bytes(original), nested=True)
    if _ID in parts:
        name += attribute(_ID, bytes(parts[_ID]))
    return Connection(door, target, name)


def _end(data: memoryview, family: int, protocol: int, address: int, port: int) -> tuple[str, int] | None:
    parts = netlink.attributes(data)
    if _TUPLE_IP not in parts or _TUPLE_PROTOCOL not in parts:
        return None
    addresses, ports = netlink.attributes(parts[_TUPLE_IP]), netlink.attributes(parts[_TUPLE_PROTOCOL])
    if address not in addresses or port not in ports or ports[_NUMBER][0] != protocol:
        return None
    return socket.inet_ntop(_FAMILY[family], addresses[address]), int.from_bytes(ports[port][:2], "big")


def _delete(connection: socket.socket, family: int, name: bytes) -> int:
    """1, or 0 when the entry went by itself meanwhile."""
    connection.send(
        netlink.message(_DELETE, netlink.NLM_F_REQUEST | netlink.NLM_F_ACK, _FAMILY[family], name)
    )
    for kind, attributes in _answers(connection):
        if kind == netlink.NLMSG_ERROR:
            return 0 if netlink.error_of(attributes) else 1
    return 0
