"""The HTTP/1.1 server: listeners (TLS, plain TCP) whose connections call one handler.

`Server(handler, clock, error_body=...)`, then `start` as often as there are addresses, then `close`. What one
connection does is in `connection.py`. Any asyncio loop works, uvloop is the fast one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from pybernetes.lib.clock import Clock
from pybernetes.lib.http.connection import Connection
from pybernetes.lib.http.messages import Handler, Headers, Response
from pybernetes.lib.http.site import ErrorBody, Limits, Site


def plain_error(status: int, text: str) -> Response:
    """The answer to what no handler answered, as a line of text."""
    return Response(status, Headers({"content-type": "text/plain; charset=utf-8"}), f"{text}\n".encode())


class Server:
    """Listeners and their connections."""

    def __init__(
        self,
        handler: Handler,
        clock: Clock,
        *,
        error_body: ErrorBody = plain_error,
        limits: Limits | None = None,
        backlog: int = 1024,
    ) -> None:
        self._site = Site(handler, clock, error_body, limits or Limits())
        self._backlog = backlog
        self._listeners: list[asyncio.Server] = []

    @property
    def connections(self) -> int:
        return len(self._site.connections)

    @property
    def accepted(self) -> int:
        """How many connections there have been."""
        return self._site.accepted

    async def start(self, host: str, port: int, ssl_context: ssl.SSLContext | None = None) -> int:
        """Listen on an address (port 0: any free one); the port that is bound. OSError when it is taken."""
        listener = await asyncio.get_running_loop().create_server(
            self._connection,
            host or None,
            port,
            ssl=ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=10 if ssl_context is not None else None,
            ssl_shutdown_timeout=2 if ssl_context is not None else None,
        )
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    def _connection(self) -> Connection:
        return Connection(self._site)

    async def close(self, grace: float = 5, *, stream_grace: float = 0) -> None:
        """Stop listening, let requests in flight end for up to `grace` seconds, then end the rest.

        Streams and upgrades may never end by themselves: they are ended after `stream_grace` seconds,
        but not before the ordinary requests are done.
        """
        site = self._site
        site.closing = True
        for listener in self._listeners:
            listener.close()
        for connection in list(site.connections):
            connection.close_if_idle()
        await self._until_quiet(grace, streams=False)
        await self._until_quiet(min(stream_grace, grace), streams=True)
        tasks = [connection.task for connection in site.connections if connection.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(site.connections):
            connection.abort()

    async def _until_quiet(self, seconds: float, *, streams: bool) -> None:
        """Wait until no request (or no stream either) is being answered, or the time is over."""
        site = self._site
        with contextlib.suppress(TimeoutError):
            async with site.clock.timeout(seconds):
                while any(c.task is not None and (streams or not c.streaming) for c in site.connections):
                    site.changed.clear()
                    await site.changed.wait()
