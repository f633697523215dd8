"""Short stable hashes for names and labels: ReplicaSets of a Deployment, revisions of a DaemonSet or StatefulSet. Pure.

Upstream's hash depends on how Go prints a structure; any stable hash in an alphabet that is safe in names and
cannot spell words serves the same purpose.
"""

from __future__ import annotations

from typing import Any

import msgspec

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def fnv32a(data: bytes) -> int:
    """The 32-bit FNV-1a hash (http://www.isthe.com/chongo/tech/comp/fnv/)."""
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def safe_encode(number: int) -> str:
    """The decimal digits of a number, each as a letter that forms no words."""
    return "".join(ALPHABET[ord(char) % len(ALPHABET)] for char in str(number))


def template_hash(template: Any, collisions: int = 0) -> str:
    """Of any JSON value, the same for the same content whatever the order of its keys."""
    data = msgspec.json.encode(template, order="sorted")
    if collisions:
        data += collisions.to_bytes(8, "little")
    return safe_encode(fnv32a(data))
