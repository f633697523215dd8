"""Carry a request to another server and its answer back, as it streams; upgraded bytes go raw both ways.

Nothing of an exec session or a port-forward is understood here: after the 101 it is two streams joined.
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.api.errors import InternalError
from pybernetes.lib.http.messages import Answer, Headers, Request, Response, Streaming, Upgrade, Writer
from pybernetes.lib.http.transport import Transport
from pybernetes.lib.streams import ByteStream, pipe

_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "content-length")
)
_OURS = frozenset(("authorization", "host", "cookie"))
"""A client's credentials are for this server, never for what is behind it."""

MAX_BODY = 64 << 20


def is_upgrade(request: Request) -> bool:
    connection = request.headers.get("connection").lower()
    return "upgrade" in (part.strip() for part in connection.split(",")) and "upgrade" in request.headers


def forwarded_headers(request: Request, *, upgrade: bool) -> Headers:
    """What a backend is told: all but hop-by-hop headers and credentials."""
    drop = _OURS if upgrade else _HOP_BY_HOP | _OURS | {"upgrade"}
    return Headers(line for line in request.headers.items() if line[0] not in drop)


def answered_headers(lines: Iterable[tuple[str, str]]) -> Headers:
    return Headers(line for line in lines if line[0].lower() not in _HOP_BY_HOP)


async def forward(transport: Transport, target: str, request: Request, who: str) -> Answer:
    """The backend's answer to the client's request at `target`. `who` names the backend in an error."""
    try:
        if is_upgrade(request):
            return await _upgrade(transport, target, request)
        return await _stream(transport, target, request)
    except OSError as error:
        raise InternalError(f"error dialing backend: {who}: {error}") from error


async def _stream(transport: Transport, target: str, request: Request) -> Answer:
    body = await request.body.read(MAX_BODY)
    answer = await transport.stream(request.method, target, forwarded_headers(request, upgrade=False), body)

    async def run(writer: Writer) -> None:
        try:
            async for chunk in answer:
                writer.write(chunk)
                await writer.drain()
        finally:
            await answer.close()

    return Streaming(run, answer.status, answered_headers(answer.headers.items()))


async def _upgrade(transport: Transport, target: str, request: Request) -> Answer:
    answer = await transport.upgrade(request.method, target, forwarded_headers(request, upgrade=True))
    backend = answer.stream
    if backend is None:
        return Response(answer.status, answered_headers(answer.headers.items()), answer.body)
    if answer.status != 101:
        backend.close()
        raise InternalError(f"unable to upgrade connection: the backend answered {answer.status}")

    async def run(client: ByteStream) -> None:
        await pipe(client, backend)

    return Upgrade(run, Headers(answer.headers.items()))
