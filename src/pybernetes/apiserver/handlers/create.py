"""POST to a collection: decode, default, commit, answer 201 with the stored object."""

from __future__ import annotations

from pybernetes.api.errors import BadRequest
from pybernetes.apiserver.bodies import read_object
from pybernetes.apiserver.commit import create as commit_create
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import OBJECT_FORMS
from pybernetes.apiserver.parameters import write_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import stored_response
from pybernetes.apiserver.writes import CREATE, Object, write_of
from pybernetes.lib.http.messages import Answer


async def create(context: Context, resource: Resource) -> Answer:
    server, info = context.server, context.info
    form = server.form(context.request, OBJECT_FORMS)
    options = write_options(context.request, "CreateOptions")
    obj = await read_object(context, resource, options.field_validation)
    name = settle_names(resource, obj, info.namespace, "")
    write = write_of(context, resource, CREATE, options, obj)
    write.name = name
    outcome = await commit_create(write)
    return stored_response(context, server.registry, resource, outcome.stored, form, 201)


def settle_names(resource: Resource, obj: Object, namespace: str, name: str, whole: bool = False) -> str:
    """Make the object's name and namespace those of the URL; answers the name. 400 when they contradict, and when a
    `whole` object does not say its name."""
    metadata = obj["metadata"]
    own = metadata.get("name") or ""
    if name:
        if not own and whole:
            raise BadRequest(
                f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
            )
        if own and own != name:
            raise BadRequest(f"the name of the object ({own}) does not match the name on the URL ({name})")
        metadata["name"] = name
    elif own:
        name = own
    elif not metadata.get("generateName"):
        # validation says what a name must be; the store needs none then
        metadata.pop("name", None)
    if resource.kind.namespaced:
        if metadata.get("namespace") and metadata["namespace"] != namespace:
            raise BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = namespace
    return name
