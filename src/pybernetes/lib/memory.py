"""Giving freed memory back to the system: the C library keeps it, in pieces, unless it is told not to.

uvloop takes 256 KiB for every TLS connection and touches a page of it. Cut out of memory that was freed before, all of
it would stay resident, and a server whose connections come and go would grow without end. So big blocks are mapped
one by one, and what lies free in between is returned when much has come and gone. (Protocols that are given bytes
instead of a buffer of theirs would map such a block for every read.) Does nothing where the C library is not glibc.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from pybernetes.lib.clock import Clock

_MMAP_THRESHOLD = -3
_BIG = 256 * 1024
PERIOD = 30.0
"""Seconds between two looks at how much has been done."""


def _library() -> Any:
    """glibc, or None."""
    import ctypes

    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def map_big_blocks() -> None:
    """Let every block of 256 KiB and more be a mapping of its own, whatever has been freed before."""
    library = _library()
    if library is not None:
        library.mallopt(_MMAP_THRESHOLD, _BIG)


def give_back() -> None:
    """Return what is free; some milliseconds, during which other threads cannot allocate."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


async def recycle(clock: Clock, work: Callable[[], int], enough: int) -> None:
    """For ever: give memory back whenever `work`, a number that only grows, has grown by `enough`."""
    done = work()
    while True:
        await clock.sleep(PERIOD)
        if work() - done >= enough:
            done = work()
            Thread(target=give_back, name="give memory back", daemon=True).start()
