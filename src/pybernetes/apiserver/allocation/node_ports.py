"""Node ports: each one in use is a key of its own in the store, so creating the key is taking the port."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pybernetes.store.interface import Mismatch

if TYPE_CHECKING:
    from pybernetes.store.interface import Store

PREFIX = "/registry/nodeports/"
_RANDOM_TRIES = 32


class PortError(ValueError):
    """The port cannot be had; the text says why in upstream's words."""


class NodePorts:
    """The ports of one range. Values of the keys name the service that has the port."""

    def __init__(self, store: Store, ports: tuple[int, int]) -> None:
        self._store = store
        self.first, self.last = ports

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    async def take(self, owner: str) -> int:
        """Any free port. Raises PortError when there is none."""
        for port in self._candidates():
            if await self._create(port, owner):
                return port
        raise PortError("range is full")

    def _candidates(self) -> Iterator[int]:
        for _ in range(_RANDOM_TRIES):
            yield random.randint(self.first, self.last)
        yield from range(self.first, self.last + 1)

    async def take_this(self, port: int, owner: str) -> None:
        """This very port. Raises PortError."""
        if port not in self:
            raise PortError(
                f"provided port is not in the valid range. The range of valid ports is {self.first}-{self.last}"
            )
        if not await self._create(port, owner):
            raise PortError("provided port is already allocated")

    async def _create(self, port: int, owner: str) -> bool:
        try:
            await self._store.put(f"{PREFIX}{port}", owner.encode(), 0)
        except Mismatch:
            return False
        return True

    async def give_back(self, port: int) -> None:
        """Free a port; nothing happens when it is free."""
        try:
            await self._store.delete(f"{PREFIX}{port}", None)
        except Mismatch:
            return

    async def repair(self, in_use: Iterable[tuple[int, str]]) -> None:
        """Make the keys those of the services that there are: what a crash between two writes left over goes."""
        wanted = dict(in_use)
        entries, _ = await self._store.list(PREFIX)
        present = {int(entry.key.removeprefix(PREFIX)): entry.value.decode() for entry in entries}
        for port in present.keys() - wanted.keys():
            await self.give_back(port)
        for port in wanted.keys() - present.keys():
            await self._create(port, wanted[port])
