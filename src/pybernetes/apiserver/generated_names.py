"""Names that the server makes up: generateName's five characters."""

from __future__ import annotations

import random

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_LENGTH = 5
_LONGEST_PREFIX = 63 - _LENGTH


def random_suffix() -> str:
    """`x7k2p`: no vowels and no look-alikes."""
    return "".join(random.choices(_ALPHABET, k=_LENGTH))


def generate_name(prefix: str) -> str:
    """`web-` -> `web-x7k2p`."""
    return prefix[:_LONGEST_PREFIX] + random_suffix()
