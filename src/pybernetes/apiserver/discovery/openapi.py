"""/openapi/v2 and /openapi/v3: documents made by api/openapi when first asked for, kept as bytes.

Made in a thread, so that the loop goes on; ETag and hash let clients keep what they have.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from pybernetes.api import openapi
from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import Kind
from pybernetes.apiserver.answers import encode_json, object_response
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import JSON, negotiate
from pybernetes.lib.http.messages import Answer, Headers, Response

_KEPT = 8
V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_OLD_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_V2_OFFERED = (JSON, "application/vnd.oai.openapi+json", V2_PROTOBUF, _OLD_V2_PROTOBUF)


class Documents:
    """The bytes of the documents asked for last, by name and set of kinds."""

    def __init__(self) -> None:
        self._bytes: dict[tuple[str, tuple[Kind, ...]], bytes] = {}

    async def get(self, name: str, kinds: tuple[Kind, ...], make: Callable[[], bytes | None]) -> bytes | None:
        found = self._bytes.get((name, kinds))
        if found is None:
            found = await asyncio.to_thread(make)
            if found is None:
                return None
            while len(self._bytes) >= _KEPT:
                del self._bytes[next(iter(self._bytes))]
            self._bytes[name, kinds] = found
        return found


def _kinds(context: Context) -> tuple[Kind, ...]:
    return tuple(resource.kind for resource in context.server.resources)


def _document(context: Context, data: bytes, etag: str, content_type: str = JSON) -> Response:
    quoted = f'"{etag}"'
    headers = Headers({"content-type": content_type, "etag": quoted, "vary": "Accept"})
    if context.request.query_value("hash"):
        headers.set("cache-control", "public, immutable")
        headers.set("expires", "Fri, 31 Dec 9999 23:59:59 GMT")
    else:
        headers.set("cache-control", "no-cache, private")
    if context.request.headers.get("if-none-match") == quoted:
        return Response(304, headers)
    return Response(200, headers, data)


async def v2(context: Context, path: str) -> Answer:
    """/openapi/v2"""
    form = negotiate(context.request.headers.get("accept"), _V2_OFFERED)
    kinds, documents = _kinds(context), context.server.documents
    data = await documents.get("v2", kinds, lambda: encode_json(openapi.v2_document(kinds)))
    media_type = form.media_type
    if media_type in (V2_PROTOBUF, _OLD_V2_PROTOBUF) and data is not None:
        from pybernetes.apiserver.discovery.openapi_protobuf import encode_document

        # the old name is no well-formed media type, so the answer carries the new one
        plain, media_type = data, V2_PROTOBUF
        data = await documents.get("v2 protobuf", kinds, lambda: encode_document(plain))
    assert data is not None
    return _document(context, data, hashlib.sha256(data).hexdigest().upper(), media_type)


async def v3_index(context: Context, path: str) -> Answer:
    """/openapi/v3"""
    return object_response(context, openapi.v3_index(_kinds(context)))


def _v3_bytes(name: str, kinds: tuple[Kind, ...]) -> bytes | None:
    document = openapi.v3_document(name, kinds)
    return None if document is None else encode_json(document)


async def v3(context: Context, path: str) -> Answer:
    """/openapi/v3/apis/GROUP/VERSION"""
    kinds = _kinds(context)
    name = path.removeprefix("/openapi/v3/")
    data = await context.server.documents.get(name, kinds, lambda: _v3_bytes(name, kinds))
    if data is None:
        raise NotFound("the server could not find the requested resource", details={})
    return _document(context, data, openapi.v3_hash(name, kinds))
