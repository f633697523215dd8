"""Addresses and networks that are right, but not in the spelling in which everybody would compare them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from pybernetes.api.fields import FieldPath, go_quote


def address(path: FieldPath, text: str) -> list[str]:
    """Of one that has been found valid; anything else is not spoken of."""
    if ":" not in text:
        return []
    try:
        canonical = str(ip_address(text))
    except ValueError:
        return []
    if canonical == text:
        return []
    return [
        f"{path}: IPv6 address {go_quote(text)} should be in RFC 5952 canonical format ({go_quote(canonical)})"
    ]


def network(path: FieldPath, text: str) -> list[str]:
    host, _, length = text.partition("/")
    try:
        first, block = ip_address(host), ip_network(text, strict=False)
    except ValueError:
        return []
    if block.network_address != first:
        alone = go_quote(f"{first}/{block.max_prefixlen}")
        why = f"is ambiguous in this context (should be {go_quote(str(block))} or {alone}?)"
        return [f"{path}: CIDR value {go_quote(text)} {why}"]
    if first.version == 6 and str(block) != f"{host}/{length}":
        why = f"should be in RFC 5952 canonical format ({go_quote(str(block))})"
        return [f"{path}: IPv6 CIDR value {go_quote(text)} {why}"]
    return []
