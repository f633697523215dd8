"""GET of one object: from the cache, spliced from bytes."""

from __future__ import annotations

from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import OBJECT_FORMS
from pybernetes.apiserver.parameters import parse_revision
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import entry_response
from pybernetes.lib.http.messages import Answer


async def get(context: Context, resource: Resource) -> Answer:
    server, info, request = context.server, context.info, context.request
    form = server.form(request, OBJECT_FORMS)
    if request.raw_query and request.query_value("resourceVersion"):
        await server.at_least(parse_revision(request.query_value("resourceVersion")))
    entry = await server.registry.get(resource, info.namespace, info.name)
    return entry_response(context, resource, entry, form)
