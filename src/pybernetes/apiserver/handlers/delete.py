"""DELETE of one object: a Status when it is gone, the object when it still ends (or the kind says so)."""

from __future__ import annotations

from pybernetes.api.errors import success
from pybernetes.api.kinds import JOBS
from pybernetes.apiserver.answers import object_response
from pybernetes.apiserver.bodies import read_delete_options
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.deletion import check_options
from pybernetes.apiserver.deletion import delete as delete_object
from pybernetes.apiserver.negotiation import OBJECT_FORMS
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import stored_response
from pybernetes.apiserver.writes import deletion_of
from pybernetes.lib.http.messages import Answer

_PODS_STAY = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or "
    "set propagationPolicy=Orphan to suppress this warning"
)


async def delete(context: Context, resource: Resource) -> Answer:
    server, info = context.server, context.info
    form = server.form(context.request, OBJECT_FORMS)
    options = await read_delete_options(context)
    check_options(options)
    if resource.kind is JOBS and not {"propagationPolicy", "orphanDependents"} & options.keys():
        context.warn(_PODS_STAY)
    write = deletion_of(context, resource, info.namespace, info.name, options)
    outcome = await delete_object(write)
    if not outcome.deleted or resource.strategy.returns_deleted:
        return stored_response(context, server.registry, resource, outcome.stored, form)
    uid = write.previous["metadata"].get("uid", "")
    return object_response(context, success(resource.kind, info.name, uid))
