"""What takes the place of a connection's parser and transport once it has no use for them.

Both know the connection's methods, and it knows them: as long as they hold each other, only Python's collector of
cycles would find them, which looks rarely.
"""

from __future__ import annotations

import asyncio

import httptools

NO_PARSER = httptools.HttpRequestParser(object())
"""While no request is awaited. Streams are many and open for long, and a parser takes a kilobyte."""


class _Gone(asyncio.Transport):
    """After the connection is lost: nobody is there."""

    def is_closing(self) -> bool:
        return True

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Goes nowhere."""

    def close(self) -> None:
        """Has happened."""

    def abort(self) -> None:
        """Has happened."""


GONE = _Gone()
