"""Passing a request on and its answer back: plain ones streamed, upgraded ones joined byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from pybernetes.api.errors import ServiceUnavailable
from pybernetes.apiserver.auth import front_proxy
from pybernetes.apiserver.bodies import read_bytes
from pybernetes.apiserver.connect.rewriting import Rewriting
from pybernetes.apiserver.context import Context
from pybernetes.lib.http.messages import Answer, Headers, Request, Response, Streaming, Upgrade, Writer
from pybernetes.lib.http.transport import StreamingResponse, Transport
from pybernetes.lib.streams import ByteStream, pipe

_HOP_BY_HOP = frozenset(
    (
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_NEVER_PASSED = frozenset(("authorization", "accept-encoding"))
_IDENTITY = ("impersonate-", front_proxy.PREFIX)


def wants_upgrade(request: Request) -> bool:
    return "upgrade" in request.headers.get("connection").lower() and "upgrade" in request.headers


def passed_headers(request: Request) -> Headers:
    """The request's headers without those of this connection and without the client's credentials."""
    return Headers(
        [
            (name, value)
            for name, value in request.headers.items()
            if name not in _HOP_BY_HOP and name not in _NEVER_PASSED and not name.startswith(_IDENTITY)
        ]
    )


async def forward(context: Context, transport: Transport, target: str, backend: str) -> Answer:
    """Any request to the server at `backend` (host and port), upgraded when it asks for that.

    Links in the answer are made to lead through the proxy. Raises ServiceUnavailable when nobody answers.
    """
    request = context.request
    if wants_upgrade(request):
        return await forward_upgrade(context, transport, target)
    rest = context.info.rest
    if not rest and request.method in ("GET", "HEAD"):
        query = f"?{request.raw_query}" if request.raw_query else ""
        return Response(301, Headers({"location": f"{request.raw_path}/{query}"}))
    prefix = request.raw_path.removesuffix(rest)
    sent = passed_headers(request)
    sent.set("x-forwarded-uri", request.raw_path)
    body = await read_bytes(context)
    try:
        answer = await transport.stream(request.method, target, sent, body)
    except OSError as error:
        raise unreachable(error) from None
    headers = Headers([line for line in answer.headers.items() if line[0] not in _HOP_BY_HOP])
    rewriting = Rewriting(prefix, backend, request.headers.get("host"))
    if "location" in headers:
        headers.set("location", rewriting.link(headers.get("location")))
    elif _is_page(headers) and request.method != "HEAD":
        page = b"".join([chunk async for chunk in answer])
        await answer.close()
        return Response(answer.status, headers, rewriting.page(page))
    return Streaming(_relaying(answer), status=answer.status, headers=headers)


def _is_page(headers: Headers) -> bool:
    """HTML that can be read; compressed answers come only to clients that force them."""
    kind = headers.get("content-type").partition(";")[0].strip()
    return kind == "text/html" and not headers.get("content-encoding")


async def forward_upgrade(context: Context, transport: Transport, target: str) -> Answer:
    """An upgrade; what the other side refuses is answered as it said it."""
    request = context.request
    headers = passed_headers(request)
    headers.set("connection", "Upgrade")
    headers.set("upgrade", request.headers.get("upgrade"))
    try:
        answer = await transport.upgrade(request.method, target, headers)
    except OSError as error:
        raise unreachable(error) from None
    if answer.stream is None:
        kept = Headers([line for line in answer.headers.items() if line[0] not in _HOP_BY_HOP])
        return Response(answer.status, kept, answer.body)
    other = answer.stream

    async def run(stream: ByteStream) -> None:
        await pipe(stream, other, half_close=False)

    return Upgrade(run, headers=_upgrade_headers(answer.headers), status=101)


def _upgrade_headers(headers: Headers) -> Headers:
    kept = Headers([line for line in headers.items() if line[0] not in _HOP_BY_HOP])
    kept.set("connection", "Upgrade")
    kept.set("upgrade", headers.get("upgrade"))
    return kept


def unreachable(error: Exception) -> ServiceUnavailable:
    return ServiceUnavailable(f"error trying to reach service: {error}")


def _relaying(answer: StreamingResponse) -> Callable[[Writer], Awaitable[None]]:
    async def run(writer: Writer) -> None:
        await relay(answer, writer)

    return run


async def relay(answer: StreamingResponse, writer: Writer) -> None:
    """Chunk by chunk until either side ends; an idle answer ends when the client goes."""

    async def copy() -> None:
        async for chunk in answer:
            writer.write(chunk)
            await writer.drain()
            if writer.closed:
                return

    copying = asyncio.ensure_future(copy())
    gone = asyncio.ensure_future(writer.wait_closed())
    try:
        await asyncio.wait((copying, gone), return_when=asyncio.FIRST_COMPLETED)
        if copying.done():
            copying.result()
    finally:
        for task in (copying, gone):
            task.cancel()
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(copying, gone, return_exceptions=True)
        await answer.close()
