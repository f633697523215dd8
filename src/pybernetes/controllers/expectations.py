"""What a controller has asked for and not yet seen come back through its informer. Pure state, no waiting.

A controller that acts on a cache must not act again before the cache shows what it did: it expects N
creations or the deletion of certain objects, its informer's handlers observe them, and until all are seen (or
five minutes have passed, in case a watch lost one) it only updates status.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

LIFETIME = 300.0


@dataclass(slots=True)
class _Expected:
    adds: int = 0
    deletions: set[str] = field(default_factory=set)
    since: float = 0.0


class Expectations:
    """By the key of the owner; `now` is a monotonic reading."""

    def __init__(self) -> None:
        self._expected: dict[Hashable, _Expected] = {}

    def expect_creations(self, key: Hashable, count: int, now: float) -> None:
        expected = self._of(key, now)
        expected.adds += count

    def expect_deletions(self, key: Hashable, identities: Iterable[str], now: float) -> None:
        expected = self._of(key, now)
        expected.deletions.update(identities)

    def observe_creation(self, key: Hashable, count: int = 1) -> None:
        """Also for a creation that failed or was never tried: nothing will be seen of it."""
        expected = self._expected.get(key)
        if expected is not None:
            expected.adds = max(0, expected.adds - count)

    def observe_deletion(self, key: Hashable, identity: str) -> None:
        expected = self._expected.get(key)
        if expected is not None:
            expected.deletions.discard(identity)

    def satisfied(self, key: Hashable, now: float) -> bool:
        expected = self._expected.get(key)
        if expected is None:
            return True
        if not expected.adds and not expected.deletions:
            del self._expected[key]
            return True
        return now - expected.since > LIFETIME

    def forget(self, key: Hashable) -> None:
        self._expected.pop(key, None)

    def _of(self, key: Hashable, now: float) -> _Expected:
        expected = self._expected.get(key)
        if (
            expected is None
            or (not expected.adds and not expected.deletions)
            or now - expected.since > LIFETIME
        ):
            expected = self._expected[key] = _Expected(since=now)
        return expected
