"""Addresses and ranges of addresses in objects: strict forms, and the one form that newer kinds insist on.

`check_ip` and `check_cidr` are for fields of older kinds: what was stored before (`known`) may stay. `canonical_ip`
and `canonical_cidr` are for newer ones, where an address is written in one way only.
"""

from __future__ import annotations

from collections.abc import Container
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pybernetes.api.fields import FieldError, FieldPath, go_quote, invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def read_ip(text: str) -> Address | None:
    """An address, also with leading zeros in its numbers, which count as decimal; an IPv4 address inside of an IPv6
    one is that IPv4 address."""
    if "%" in text:
        return None
    head, colon, tail = text.rpartition(":")
    if "." in tail:
        parts = tail.split(".")
        if all(part.isascii() and part.isdigit() for part in parts):
            tail = ".".join(str(int(part)) for part in parts)
    try:
        found = ip_address(head + colon + tail)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def read_cidr(text: str) -> tuple[Address, Network] | None:
    """The address that is written and the range that it stands for."""
    start, slash, length = text.partition("/")
    address = read_ip(start)
    if not slash or address is None or not (length.isascii() and length.isdigit()):
        return None
    bits = int(length)
    if ":" in start and isinstance(address, IPv4Address):
        bits -= 96
    if not 0 <= bits <= address.max_prefixlen:
        return None
    return address, ip_network(f"{address}/{bits}", strict=False)


def _is_mapped(text: str) -> bool:
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return isinstance(found, IPv6Address) and found.ipv4_mapped is not None


def _is_standard(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def check_ip(text: str, path: FieldPath, known: Container[str] = ()) -> list[FieldError]:
    if text in known:
        return []
    if read_ip(text) is None:
        return [invalid(path, text, _NO_IP)]
    if not _is_standard(text):
        return [invalid(path, text, "must not have leading 0s")]
    if _is_mapped(text):
        return [invalid(path, text, "must not be an IPv4-mapped IPv6 address")]
    return []


def canonical_ip(text: str, path: FieldPath) -> list[FieldError]:
    errors = check_ip(text, path)
    shown = str(read_ip(text))
    if not errors and shown != text:
        errors.append(invalid(path, text, f"must be in canonical form ({go_quote(shown)})"))
    return errors


def check_cidr(text: str, path: FieldPath, known: Container[str] = ()) -> list[FieldError]:
    if text in known:
        return []
    found = read_cidr(text)
    if found is None:
        return [invalid(path, text, _NO_CIDR)]
    start, _, length = text.partition("/")
    if not _is_standard(start) or (length[0] == "0" and length != "0"):
        return [invalid(path, text, "must not have leading 0s in IP or prefix length")]
    if _is_mapped(start):
        return [invalid(path, text, "must not have an IPv4-mapped IPv6 address")]
    address, network = found
    if address != network.network_address:
        return [invalid(path, text, "must not have bits set beyond the prefix length")]
    return []


def canonical_cidr(text: str, path: FieldPath) -> list[FieldError]:
    errors = check_cidr(text, path)
    found = read_cidr(text)
    if not errors and found is not None and str(found[1]) != text:
        errors.append(invalid(path, text, f"must be in canonical form ({go_quote(str(found[1]))})"))
    return errors
