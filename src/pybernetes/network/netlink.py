"""Netfilter's netlink messages: bytes in, types and attributes out, and back. Just what watching nftables and
forgetting connections need; the rules themselves go through `nft`. (The library pyroute2 costs a node 24 MB.)

Source: include/uapi/linux/netlink.h and linux/netfilter/nfnetlink.h
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

NETLINK_NETFILTER = 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NESTED, TYPE_MASK = 0x8000, 0x3FFF
SO_RCVBUFFORCE = 33

_HEADER = struct.Struct("=IHHII")
_GENERIC = struct.Struct("=BBH")
_ATTRIBUTE = struct.Struct("=HH")


def open_socket(groups: int = 0, buffer: int = 4 << 20) -> socket.socket:
    """A socket to netfilter in this network namespace; `groups` is a bit mask of what to be told of."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
    try:
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer)
    except OSError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    opened.bind((0, groups))
    return opened


def attribute(kind: int, payload: bytes, *, nested: bool = False) -> bytes:
    length = _ATTRIBUTE.size + len(payload)
    return _ATTRIBUTE.pack(length, kind | (NESTED if nested else 0)) + payload + b"\0" * (-length % 4)


def message(kind: int, flags: int, family: int, attributes: bytes = b"", sequence: int = 1) -> bytes:
    body = _GENERIC.pack(family, 0, 0) + attributes
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, int, memoryview]]:
    """(type, netfilter family, attributes) of each; NLMSG_ERROR and NLMSG_DONE have family 0 and a raw rest."""
    view = memoryview(data)
    at = 0
    while at + _HEADER.size <= len(view):
        length, kind, _, _, _ = _HEADER.unpack_from(view, at)
        if length < _HEADER.size:
            return
        body = view[at + _HEADER.size : at + length]
        if kind in (NLMSG_ERROR, NLMSG_DONE):
            yield kind, 0, body
        else:
            yield kind, body[0], body[_GENERIC.size :]
        at += (length + 3) & ~3


def attributes(data: memoryview) -> dict[int, memoryview]:
    """Type -> payload."""
    found = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def error_of(data: memoryview) -> int:
    """The errno of an NLMSG_ERROR, 0 for an acknowledgement."""
    return -int.from_bytes(data[:4], "little" if struct.pack("=H", 1) == b"\1\0" else "big", signed=True)
