"""DELETE of a collection: each selected object as by a DELETE of its own; answers the list of what was there."""

from __future__ import annotations

from pybernetes.api.errors import NotFound
from pybernetes.apiserver.answers import bytes_response, encode_json
from pybernetes.apiserver.bodies import read_delete_options
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.deletion import check_options, delete
from pybernetes.apiserver.handlers.list import page_of
from pybernetes.apiserver.parameters import list_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import list_metadata
from pybernetes.apiserver.writes import deletion_of
from pybernetes.lib.http.messages import Answer


async def deletecollection(context: Context, resource: Resource) -> Answer:
    options = await read_delete_options(context)
    check_options(options)
    page = await page_of(context, resource, list_options(context.request))
    for entry in page.entries:
        try:
            await delete(deletion_of(context, resource, entry.namespace, entry.name, dict(options)))
        except NotFound:
            continue  # somebody else was faster
    kind = resource.kind
    metadata = list_metadata(page.revision, page.token, page.remaining)
    opening = encode_json({"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": metadata})
    items = b",".join(entry.item for entry in page.entries)
    return bytes_response(context, opening[:-1] + b',"items":[' + items + b"]}")
