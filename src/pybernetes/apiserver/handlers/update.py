"""PUT of an object or of one of its subresources that has the object's own form (status, approval, finalize...)."""

from __future__ import annotations

from pybernetes.apiserver.bodies import decode_object, read_body
from pybernetes.apiserver.commit import update as commit_update
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.handlers.create import settle_names
from pybernetes.apiserver.negotiation import OBJECT_FORMS
from pybernetes.apiserver.parameters import write_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import stored_response
from pybernetes.apiserver.writes import UPDATE, Object, write_of
from pybernetes.lib.http.messages import Answer


async def update(context: Context, resource: Resource) -> Answer:
    server, info = context.server, context.info
    form = server.form(context.request, OBJECT_FORMS)
    options = write_options(context.request, "UpdateOptions")
    body = await read_body(context)
    first: list[Object] = [decode_object(context, resource, body, options.field_validation)]
    settle_names(resource, first[0], info.namespace, info.name, whole=True)

    async def produce(old: Object) -> Object:
        if first:
            return first.pop()
        again = decode_object(context, resource, body, options.field_validation)
        settle_names(resource, again, info.namespace, info.name, whole=True)
        return again

    write = write_of(context, resource, UPDATE, options, first[0])
    outcome = await commit_update(write, produce)
    status = 201 if outcome.created else 200
    return stored_response(context, server.registry, resource, outcome.stored, form, status)
