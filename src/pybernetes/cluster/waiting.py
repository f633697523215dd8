"""How a command waits: the commands are not asynchronous, so they cannot use `lib.clock`.

`pause` and `monotonic` are for `up`, `down` and the supervisor only, which must start in
milliseconds and stay small; importing asyncio would cost each of them 10 MB and 40 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic as monotonic
from time import sleep as pause

__all__ = ["monotonic", "pause", "until"]


def until(condition: Callable[[], bool], seconds: float, interval: float = 0.02) -> bool:
    """Wait for the condition, looking every `interval` seconds; False if it never held."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() >= deadline:
            return False
        pause(interval)
    return True
