"""Applies nftables transactions and notices when somebody else touches our tables.

Text goes through `nft -f -` in a process of its own: measured, a small change takes 16 ms either way (the kernel's
own time), and a whole table of 50,000 endpoints through libnftables would leave 120 MB with this process.
The kernel tells of every change; one to our table that we did not make is answered with the table as a whole.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable

from pybernetes.network import netlink
from pybernetes.network.commands import run

log = logging.getLogger(__name__)

NFT = 10 << 8
NEW_GENERATION = NFT | 15
GROUP_NFTABLES = 1 << (7 - 1)
FAMILIES = {socket.AF_INET: "ip", socket.AF_INET6: "ip6", 1: "inet"}
MUCH = 100_000
"""Characters of a transaction whose echo would overrun the socket: nothing is listened to meanwhile."""

Table = tuple[str, str]
"""Family and name."""

Runner = Callable[..., Awaitable[str]]


class Nft:
    """One of a node. `guard` before `start`; `apply` one transaction of one table at a time."""

    def __init__(self, run: Runner = run) -> None:
        self._run = run
        self._guarded: dict[Table, Callable[[], None]] = {}
        self._expected: Counter[Table] = Counter()
        self._touched: set[Table] = set()
        self._socket: socket.socket | None = None
        self._lock = asyncio.Lock()

    def guard(self, table: Table, changed: Callable[[], None]) -> None:
        """`changed()` is called when somebody else has changed the table; it should apply it anew."""
        self._guarded[table] = changed

    def start(self) -> None:
        if self._socket is None:
            self._socket = netlink.open_socket(GROUP_NFTABLES)
            self._socket.setblocking(False)
            asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        self._expected.clear()
        self._touched.clear()

    async def apply(self, table: Table, text: str) -> None:
        """Raises CommandFailed with nft's words; nothing has changed then."""
        async with self._lock:
            listening = self._socket is not None
            deaf = listening and len(text) > MUCH
            if deaf:
                self.close()
            self._expected[table] += 1
            try:
                await self._run(["nft", "-f", "-"], text)
            except BaseException:
                self._expected[table] -= 1
                raise
            finally:
                if deaf:
                    self.close()
                    self.start()

    def _readable(self) -> None:
        if self._socket is None:
            return
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                log.warning("more changes of nftables than could be followed: checking our tables")
                self._expected.clear()
                self._touched.clear()
                for changed in self._guarded.values():
                    changed()
                return
            for kind, family, attributes in netlink.messages(data):
                self._event(kind, family, attributes)

    def _event(self, kind: int, family: int, attributes: memoryview) -> None:
        if kind == NEW_GENERATION:
            for table in self._touched:
                if self._expected[table] > 0:
                    self._expected[table] -= 1
                else:
                    log.warning("somebody else changed the nftables table %s %s: mending it", *table)
                    self._guarded[table]()
            self._touched.clear()
        elif kind & ~0xFF == NFT:
            name = netlink.attributes(attributes).get(1)
            table = (FAMILIES.get(family, ""), bytes(name[:-1]).decode(errors="replace") if name else "")
            if table in self._guarded:
                self._touched.add(table)
