"""What a store is: bytes under keys, one revision order, compare-and-swap, and a watch from any revision.

Every write gets one number from one sequence; that number is an object's resourceVersion.
Backends: `memory.py` (tests), `sqlite.py` (the default). `tests/contract/` holds them to this page.
Keys are text such as `/registry/pods/default/web`; values are opaque.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(slots=True, frozen=True)
class Entry:
    """A key's value and the revision of its last write."""

    key: str
    value: bytes
    revision: int


@dataclass(slots=True, frozen=True)
class Event:
    """One write. `value` is None for a deletion; `previous` is the value before, None for a creation.

    `previous_revision` is that of the write before, 0 for a creation.
    """

    revision: int
    key: str
    value: bytes | None
    previous: bytes | None
    previous_revision: int = field(default=0, compare=False)


Entries = list[Entry]
Events = list[Event]


class StoreError(Exception):
    """Base of what a store raises:

    StoreError
      Mismatch    the expected revision is not the current one
      Compacted   the revision asked for is no longer kept
      Unavailable the store cannot answer now; the write may or may not have happened
      Unusable    the file is of another format or is damaged; the message says what to do
    """


class Mismatch(StoreError):
    """Compare-and-swap failed; `current` is the entry as it is now, None if there is none."""

    def __init__(self, key: str, current: Entry | None) -> None:
        super().__init__(
            f"{key}: expected another revision, found {current.revision if current else 'nothing'}"
        )
        self.key = key
        self.current = current


class Compacted(StoreError):
    """Revisions before `oldest` are gone; list again."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"revisions before {oldest} have been compacted")
        self.oldest = oldest


class Unavailable(StoreError):
    pass


class Unusable(StoreError):
    pass


class Watch(Protocol):
    """Batches of events in revision order, one batch a commit; ends with `Compacted` or when closed."""

    def __aiter__(self) -> AsyncIterator[list[Event]]: ...

    def close(self) -> None: ...


class Store(Protocol):
    """Durable once a write has returned. All methods may be called concurrently from one event loop."""

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        """Resolves with the error after which nothing can be promised any more: the process has to stop."""
        ...

    async def revision(self) -> int:
        """The number of the last committed write; at least 1."""
        ...

    async def get(self, key: str) -> Entry | None: ...

    async def list(self, prefix: str) -> tuple[Entries, int]:
        """All entries whose key begins with prefix, in key order, and the revision at which that was so."""
        ...

    async def put(self, key: str, value: bytes, expected: int | None, *, ttl: float | None = None) -> int:
        """Write and answer the new revision. `expected` 0: must not exist; None: whatever is there.

        `ttl` in seconds makes the entry expire by itself (an ordinary deletion event). Raises Mismatch.
        """
        ...

    async def delete(self, key: str, expected: int | None) -> int:
        """Delete and answer the deletion's revision. Raises Mismatch, also when there is nothing."""
        ...

    def watch(self, prefix: str, after: int) -> Watch:
        """Every event with a revision greater than `after`; iteration raises Compacted when some are gone."""
        ...

    async def history(self, prefix: str, after: int, limit: int) -> tuple[Events, int]:
        """At most `limit` events with a revision greater than `after`, and up to which revision these are all.

        Raises Compacted.
        """
        ...

    async def compact(self, revision: int) -> None:
        """Events up to and including `revision` need not be kept."""
        ...

    async def close(self) -> None: ...
