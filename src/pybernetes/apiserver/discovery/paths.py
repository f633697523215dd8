"""Everything that is not a resource: which document or text each path answers with."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from pybernetes.api.errors import MethodNotAllowed, NotFound
from pybernetes.apiserver.answers import encode_json, nothing_here, object_response, text_response
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.discovery import groups, openapi
from pybernetes.apiserver.discovery.version import version
from pybernetes.apiserver.negotiation import JSON, PROTOBUF, YAML, AnswerForm, negotiate, parse_accept
from pybernetes.lib.http.messages import Answer, Headers, Response

_OFFERED = (JSON, YAML, PROTOBUF)
_AGGREGATED = "apidiscovery.k8s.io"
_LIST = "APIGroupDiscoveryList"
_ROOT = (
    "/.well-known/openid-configuration",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/",
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openid/v1/jwks",
    "/readyz",
    "/version",
)


async def answer(context: Context) -> Answer:
    """Raises NotFound for a path that nothing is at, MethodNotAllowed for anything but reading."""
    path = context.info.path.rstrip("/") or "/"
    handler = _EXACT.get(path)
    if handler is None:
        handler = next((found for start, found in _UNDER.items() if path.startswith(start)), None)
    if handler is None:
        return nothing_here()
    if context.request.method not in _METHODS.get(handler, _ANY):
        raise MethodNotAllowed("the server does not allow this method on the requested resource", details={})
    return await handler(context, path)


def _form(context: Context) -> AnswerForm:
    return negotiate(context.request.headers.get("accept"), _OFFERED)


def _wants_aggregated(context: Context) -> bool:
    """Whether the client prefers aggregated discovery, of which v2 is served."""
    for accepted in parse_accept(context.request.headers.get("accept")):
        if accepted.type not in (JSON, "*/*"):
            continue
        if accepted.param("g") == _AGGREGATED and accepted.param("as") == _LIST:
            if accepted.param("v") == "v2":
                return True
            continue
        if not accepted.params:
            return False
    return False


def _aggregated(context: Context, core: bool) -> Response:
    data = encode_json(groups.aggregated(context.server.resources, core))
    etag = f'"{hashlib.sha512(data).hexdigest().upper()}"'
    response = Response(200, Headers({"cache-control": "public", "etag": etag, "vary": "Accept"}), data)
    if context.request.headers.get("if-none-match") == etag:
        response.status, response.body = 304, b""
    else:
        response.headers.add("content-type", f"{JSON};g={_AGGREGATED};v=v2;as={_LIST}")
    return response


async def _core(context: Context, path: str) -> Answer:
    if _wants_aggregated(context):
        return _aggregated(context, True)
    options = context.server.options
    address = f"{options.advertise_address or '127.0.0.1'}:{options.advertise_port}"
    form, versions = _form(context), groups.core_versions(address)
    if form.media_type == PROTOBUF:
        versions = {"apiVersion": "v1", **versions}
    return object_response(context, versions, form)


async def _apis(context: Context, path: str) -> Answer:
    if _wants_aggregated(context):
        return _aggregated(context, False)
    return object_response(context, groups.group_list(context.server.resources), _form(context))


async def _under_apis(context: Context, path: str) -> Answer:
    parts = path.split("/")[2:]
    versions = context.server.resources.groups().get(parts[0])
    if versions:
        if len(parts) == 1:
            return object_response(context, groups.group(parts[0], versions), _form(context))
        if len(parts) == 2 and parts[1] in versions:
            document = groups.resource_list(context.server.resources, parts[0], parts[1])
            return object_response(context, document, _form(context))
        raise NotFound("the server could not find the requested resource", details={})
    return nothing_here()


async def _nothing_in_core(context: Context, path: str) -> Answer:
    raise NotFound("the server could not find the requested resource", details={})


async def _core_resources(context: Context, path: str) -> Answer:
    return object_response(context, groups.resource_list(context.server.resources, "", "v1"), _form(context))


async def _version(context: Context, path: str) -> Answer:
    return object_response(context, version())


async def _root(context: Context, path: str) -> Answer:
    found = set(_ROOT)
    for endpoint in ("healthz", "livez", "readyz"):
        found.update(f"/{endpoint}/{check}" for check in context.server.health.checks(endpoint))
    for name, versions in context.server.resources.groups().items():
        if name:
            found.add(f"/apis/{name}")
            found.update(f"/apis/{name}/{one}" for one in versions)
    return object_response(context, {"paths": sorted(found)})


async def _health(context: Context, path: str) -> Answer:
    endpoint, _, only = path[1:].partition("/")
    return context.server.health.answer(context, endpoint, only) or nothing_here()


async def _metrics(context: Context, path: str) -> Answer:
    response = text_response(context.server.metrics.text(context.server))
    response.headers.set("content-type", "text/plain; version=0.0.4; charset=utf-8")
    return response


async def _openid(context: Context, path: str) -> Answer:
    tokens = context.server.access.tokens
    if path == "/openid/v1/jwks":
        response = object_response(context, tokens.jwks())
        response.headers.set("content-type", "application/jwk-set+json")
    else:
        response = object_response(context, tokens.openid_configuration(f"{tokens.issuer}/openid/v1/jwks"))
    response.headers.set("cache-control", "public, max-age=3600")
    return response


_Answering = Callable[[Context, str], Awaitable[Answer]]

_EXACT: dict[str, _Answering] = {
    "/": _root,
    "/api": _core,
    "/api/v1": _core_resources,
    "/apis": _apis,
    "/version": _version,
    "/healthz": _health,
    "/livez": _health,
    "/readyz": _health,
    "/metrics": _metrics,
    "/openapi/v2": openapi.v2,
    "/openapi/v3": openapi.v3_index,
    "/.well-known/openid-configuration": _openid,
    "/openid/v1/jwks": _openid,
}

_ANY = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_READING = frozenset(("GET",))
_METHODS: dict[_Answering, frozenset[str]] = dict.fromkeys(
    (_core, _core_resources, _under_apis, _version, _openid), _READING
)
"""Documents of the API are read only; what stands beside it does not look at the method."""

_UNDER: dict[str, _Answering] = {
    "/api/": _nothing_in_core,
    "/apis/": _under_apis,
    "/healthz/": _health,
    "/livez/": _health,
    "/readyz/": _health,
    "/openapi/v3/": openapi.v3,
}
