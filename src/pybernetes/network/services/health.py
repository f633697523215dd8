"""The node's answers to load balancers: how many endpoints of a service are here, and whether the proxy works.

One small HTTP server for each health check node port, and one for the proxy itself (10256). Answers are of one line
of JSON, as upstream's: 200 when the node is to get traffic, 503 when not.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping

from pybernetes.lib.clock import Clock
from pybernetes.network.services.model import HealthCheck

log = logging.getLogger(__name__)

PROXY_PORT = 10256
PATIENCE = 5.0
"""Seconds within which a request has to be there and its answer taken."""
Answer = tuple[int, dict[str, object]]


class HealthServers:
    """`update` opens and closes ports as services come and go. `healthy` says if the rules are up to date."""

    def __init__(
        self, clock: Clock, healthy: Callable[[], bool], *, host: str = "", proxy_port: int = PROXY_PORT
    ) -> None:
        self._clock = clock
        self._host = host
        self._healthy = healthy
        self._proxy_port = proxy_port
        self._checks: dict[int, HealthCheck] = {}
        self._servers: dict[int, asyncio.Server] = {}

    async def start(self) -> None:
        if self._proxy_port:
            await self._open(self._proxy_port)

    async def update(self, checks: Mapping[int, HealthCheck]) -> None:
        self._checks = dict(checks)
        for port in self._servers.keys() - checks.keys() - {self._proxy_port}:
            self._servers.pop(port).close()
        for port in checks.keys() - self._servers.keys():
            await self._open(port)

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    async def _open(self, port: int) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(port, reader, writer)

        try:
            self._servers[port] = await asyncio.start_server(connected, self._host or None, port, limit=8192)
        except OSError as error:
            log.error("health checks cannot be answered on port %d: %s", port, error.strerror)

    async def _serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._clock.timeout(PATIENCE):
                line = await reader.readline()
                while await reader.readline() not in (b"\r\n", b"\n", b""):
                    pass
            status, body = self._answer(port, line.split(b" ")[1].decode() if b" " in line else "/")
            text = json.dumps(body).encode()
            reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
            head = (
                f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
                f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + text)
            async with self._clock.timeout(PATIENCE):
                await writer.drain()
        except (OSError, ValueError):
            pass
        finally:
            writer.close()

    def _answer(self, port: int, path: str) -> Answer:
        check = self._checks.get(port)
        healthy = self._healthy()
        if check is None:
            if path.split("?")[0] not in ("/healthz", "/livez"):
                return 404, {"message": "ask for /healthz"}
            return (200 if healthy else 503), {"nodeEligible": True, "healthy": healthy}
        namespace, _, name = check.service.partition("/")
        body: dict[str, object] = {
            "service": {"namespace": namespace, "name": name},
            "localEndpoints": check.endpoints,
            "serviceProxyHealthy": healthy,
        }
        return (200 if check.endpoints and healthy else 503), body
