"""Which handler answers: by resource, subresource and verb, or by path for everything that is no resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pybernetes.api.errors import BadRequest, MethodNotAllowed, path_not_found
from pybernetes.api.kinds import COMPONENT_STATUSES, ENDPOINTS
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.discovery import paths
from pybernetes.apiserver.handlers.create import create
from pybernetes.apiserver.handlers.delete import delete
from pybernetes.apiserver.handlers.deletecollection import deletecollection
from pybernetes.apiserver.handlers.get import get
from pybernetes.apiserver.handlers.list import list_
from pybernetes.apiserver.handlers.patch import patch
from pybernetes.apiserver.handlers.subresources import SUBRESOURCES, UNSTORED
from pybernetes.apiserver.handlers.update import update
from pybernetes.apiserver.handlers.watch import watch
from pybernetes.apiserver.requestinfo import RequestInfo
from pybernetes.apiserver.resources import Resource
from pybernetes.lib.http.messages import Answer

Operation = Callable[[Context, Resource], Awaitable[Answer]]

VERBS: dict[str, Operation] = {
    "get": get,
    "list": list_,
    "watch": watch,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "deletecollection": deletecollection,
}

_DEPRECATED = {
    COMPONENT_STATUSES: "v1 ComponentStatus is deprecated in v1.19+",
    ENDPOINTS: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}

_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))
_COLLECTION_VERBS = frozenset(("list", "watch", "create", "deletecollection"))
_ALL_NAMESPACES_VERBS = frozenset(("list", "watch"))


async def route(context: Context) -> Answer | None:
    """The last stage: answers or raises NotFound or MethodNotAllowed."""
    info = context.info
    if not info.is_resource:
        return await paths.answer(context)
    resource = context.server.resources.find(info.group, info.version, info.resource)
    if resource is None:
        raise path_not_found()
    operation = _operation(resource, info)
    if context.request.method not in _METHODS and info.subresource != "proxy":
        raise not_allowed()
    context.resource = resource
    deprecated = _DEPRECATED.get(resource.kind)
    if deprecated:
        context.warn(deprecated)
    return await operation(context, resource)


def _operation(resource: Resource, info: RequestInfo) -> Operation:
    kind = resource.kind
    if info.namespace and not kind.namespaced and kind.resource != "namespaces":
        raise path_not_found()
    if info.subresource:
        if info.rest and info.subresource != "proxy":
            raise path_not_found()
        return _subresource(resource, info)
    handler = UNSTORED.get((kind.group, kind.resource)) if not resource.stored else VERBS.get(info.verb)
    if info.name and not resource.stored and "get" not in kind.verbs:
        raise path_not_found()
    if not info.name and info.verb in ("update", "patch"):
        raise not_allowed()
    if handler is None or info.verb not in kind.verbs:
        raise not_allowed()
    if kind.namespaced and not info.namespace and info.verb not in _ALL_NAMESPACES_VERBS:
        raise not_allowed() if info.verb in _COLLECTION_VERBS else path_not_found()
    if info.verb == "create" and info.name:
        raise not_allowed()
    if not info.name.isalnum():
        _check_name(info.name)
    return handler


def _check_name(name: str) -> None:
    """Names that no path can hold. Raises BadRequest and NotFound."""
    if "/" in name:
        raise path_not_found()
    if name in (".", ".."):
        raise BadRequest(f"Name parameter invalid: \"{name}\": may not be '{name}'")
    if "%" in name:
        raise BadRequest(f"Name parameter invalid: \"{name}\": may not contain '%'")


def _subresource(resource: Resource, info: RequestInfo) -> Operation:
    kind = resource.kind
    sub = kind.subresource(info.subresource)
    if sub is None or not info.name or (kind.namespaced and not info.namespace):
        raise path_not_found()
    handlers = SUBRESOURCES.get((kind.group, kind.resource, sub.name)) or SUBRESOURCES.get(
        ("*", "*", sub.name)
    )
    handler = handlers.get(info.verb) if handlers else None
    if handler is None or info.verb not in (*sub.verbs, "options"):
        raise not_allowed()
    return handler


def not_allowed() -> MethodNotAllowed:
    return MethodNotAllowed("the server does not allow this method on the requested resource", details={})
