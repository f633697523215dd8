"""May this request do that? The request's attributes for the authorizers, and the 403 when they say no."""

from __future__ import annotations

from pybernetes.api.errors import Forbidden
from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.authorizers import denial
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.requestinfo import RequestInfo
from pybernetes.lib.http.messages import Request


async def require(context: Context, verb: str) -> None:
    """Let pass when the user may do `verb` to what the request names. Raises Forbidden in upstream's words."""
    asked = attributes_of(context.info, context.request, verb)
    allowed, reason = await context.server.authorizers.authorize(context.user, asked)
    if not allowed:
        raise refusal(asked, denial(context.user, asked, reason))


def attributes_of(info: RequestInfo, request: Request, verb: str) -> Attributes:
    """What the authorizer is asked."""
    if not info.is_resource:
        return Attributes(verb, path=info.path)
    selector = request.query_value("fieldSelector") if request.raw_query else ""
    return Attributes(
        verb,
        info.group,
        info.version,
        info.resource,
        info.subresource,
        info.namespace if info.resource != "namespaces" or info.name else "",
        info.name,
        info.path,
        selector,
    )


def refusal(asked: Attributes, why: str) -> Forbidden:
    """403 about a resource, or about a path."""
    if not asked.is_resource:
        return Forbidden(f"forbidden: {why}", details={})
    resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    name = f' "{asked.name}"' if asked.name else ""
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    return Forbidden(
        f"{resource}{name} is forbidden: {why}",
        details={key: value for key, value in details.items() if value},
    )
