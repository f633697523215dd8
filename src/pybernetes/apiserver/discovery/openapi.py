"""/openapi/v2 and /openapi/v3: documents made by api/openapi when first asked for, kept as bytes.

Made in a thread, so that the loop goes on; ETag and hash let clients keep what they have.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from pybernetes.api import openapi
from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import Kind
from pybernetes.apiserver.answers import encode_json, object_response
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import JSON, negotiate
from pybernetes.lib.http.messages import Answer, Headers, Response

_KEPT = 8
_V2_OFFERED = (JSON, "application/vnd.oai.openapi+json")


class Documents:
    """The bytes of the documents asked for last, by name and set of kinds."""

    def __init__(self) -> None:
        self._bytes: dict[tuple[str, tuple[Kind, ...]], bytes] = {}

    async def get(self, name: str, kinds: tuple[Kind, ...], make: Callable[[], Any]) -> bytes | None:
        found = self._bytes.get((name, kinds))
        if found is None:
            found = await asyncio.to_thread(_encoded, make)
            if found is None:
                return None
            while len(self._bytes) >= _KEPT:
                del self._bytes[next(iter(self._bytes))]
            self._bytes[name, kinds] = found
        return found


def _encoded(make: Callable[[], Any]) -> bytes | None:
    document = make()
    return None if document is None else encode_json(document)


def _kinds(context: Context) -> tuple[Kind, ...]:
    return tuple(resource.kind for resource in context.server.resources)


def _document(context: Context, data: bytes, etag: str, content_type: str = JSON) -> Response:
    quoted = f'"{etag}"'
    headers = Headers({"content-type": content_type, "etag": quoted, "vary": "Accept"})
    if context.request.query_value("hash"):
        headers.set("cache-control", "public, immutable")
        headers.set("expires", "Fri, 31 Dec 9999 23:59:59 GMT")
    if context.request.headers.get("if-none-match") == quoted:
        return Response(304, headers)
    return Response(200, headers, data)


async def v2(context: Context, path: str) -> Answer:
    """/openapi/v2"""
    negotiate(context.request.headers.get("accept"), _V2_OFFERED)
    kinds = _kinds(context)
    data = await context.server.documents.get("v2", kinds, lambda: openapi.v2_document(kinds))
    assert data is not None
    return _document(context, data, hashlib.sha256(data).hexdigest().upper())


async def v3_index(context: Context, path: str) -> Answer:
    """/openapi/v3"""
    return object_response(context, openapi.v3_index(_kinds(context)))


async def v3(context: Context, path: str) -> Answer:
    """/openapi/v3/apis/GROUP/VERSION"""
    kinds = _kinds(context)
    name = path.removeprefix("/openapi/v3/")
    data = await context.server.documents.get(name, kinds, lambda: openapi.v3_document(name, kinds))
    if data is None:
        raise NotFound("the server could not find the requested resource", details={})
    return _document(context, data, openapi.v3_hash(name, kinds))
