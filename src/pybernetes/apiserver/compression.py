"""gzip for big answers, when the client takes it and is not on this machine.

In: an answer of the chain. Out: the same, or one that is packed while it is written, a slice at a time, so that others
get their turn. Watches, logs and connections are never packed: they are read as they come.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable

from pybernetes.apiserver.context import Context
from pybernetes.lib.http.messages import Answer, Request, Response, Streaming, Writer

THRESHOLD = 128 * 1024
"""Bytes from which packing pays; upstream's figure."""
SLICE = 64 * 1024
_LEVEL = 1
_GZIP_WINDOW = 31
_READING = frozenset(("get", "list"))


def compressed(context: Context, answer: Answer) -> Answer:
    """The answer as it is to be sent."""
    if isinstance(answer, Response):
        if _size(answer.body) < THRESHOLD or not _wanted(context.request):
            return answer
        parts = answer.body if isinstance(answer.body, list) else [answer.body]

        async def write(writer: Writer) -> None:
            for part in parts:
                writer.write(part)
                await writer.drain()

        run: Callable[[Writer], Awaitable[None]] = write
        headers = answer.headers
    elif isinstance(answer, Streaming) and context.info.verb in _READING and not context.info.long_running:
        if not _wanted(context.request):
            return answer
        run, headers = answer.run, answer.headers
    else:
        return answer

    async def packed(writer: Writer) -> None:
        packing = _Packing(writer)
        await run(packing)
        await packing.finish()

    headers.set("content-encoding", "gzip")
    headers.add("vary", "Accept-Encoding")
    return Streaming(packed, answer.status, headers)


def _size(body: bytes | list[bytes]) -> int:
    return len(body) if isinstance(body, bytes) else sum(map(len, body))


def _wanted(request: Request) -> bool:
    address = request.peer.address
    if not address or address.startswith("127.") or address == "::1":
        return False
    for coding in request.headers.get("accept-encoding").split(","):
        name, _, quality = coding.partition(";")
        if name.strip().lower() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


class _Packing:
    """A writer that packs what it is given before it passes it on."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._waiting.append(data)

    async def drain(self) -> None:
        """Pack what was written, with a turn for others after each slice."""
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            for start in range(0, len(data), SLICE):
                packed = self._packer.compress(data[start : start + SLICE])
                if packed:
                    self._writer.write(packed)
                await self._writer.drain()

    async def finish(self) -> None:
        await self.drain()
        self._writer.write(self._packer.flush())
        await self._writer.drain()

    @property
    def buffered(self) -> int:
        return self._writer.buffered

    @property
    def closed(self) -> bool:
        return self._writer.closed

    async def wait_closed(self) -> None:
        await self._writer.wait_closed()
