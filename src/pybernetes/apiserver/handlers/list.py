"""GET of a collection: a page from the cache at one revision, streamed as joins of stored bytes when it is big."""

from __future__ import annotations

from pybernetes.api.errors import BadRequest
from pybernetes.apiserver.answers import bytes_response, encode_json, headers, object_response
from pybernetes.apiserver.cache.caches import Page, Selection
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import JSON, LIST_FORMS
from pybernetes.apiserver.parameters import EXACT, ListOptions, list_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.selectable import translate
from pybernetes.apiserver.shown import list_metadata, list_object
from pybernetes.lib.http.messages import Answer, Streaming, Writer

STREAM_FROM = 256 * 1024
_CHUNK = 64 * 1024


async def list_(context: Context, resource: Resource) -> Answer:
    form = context.server.form(context.request, LIST_FORMS)
    options = list_options(context.request)
    page = await page_of(context, resource, options)
    metadata = list_metadata(page.revision, page.token, page.remaining)
    if not form.plain or resource.conversion is not None:
        return object_response(context, list_object(context, resource, page.entries, metadata, form), form)
    kind = resource.kind
    opening = encode_json({"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": metadata})
    return _spliced(context, resource, opening[:-1] + b',"items":[', page)


async def page_of(context: Context, resource: Resource, options: ListOptions) -> Page:
    """The entries that the options select in the request's namespace."""
    server, namespace = context.server, context.info.namespace
    exact = None
    if options.revision:
        if options.match == EXACT or (options.limit and not options.match):
            exact = options.revision
        await server.at_least(options.revision)
    cache = await server.registry.cache(resource)
    return await cache.list(
        namespace=namespace or None,
        selection=selection_of(resource, options),
        limit=options.limit,
        token=options.token,
        revision=exact,
    )


def selection_of(resource: Resource, options: ListOptions) -> Selection:
    """What the cache is to look for. 400 for fields that cannot be selected by."""
    try:
        fields = translate(resource.kind, options.fields)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    return Selection(options.labels, fields)


def _spliced(context: Context, resource: Resource, opening: bytes, page: Page) -> Answer:
    head = resource.head
    items = [entry.served(head) if resource.typed_items else entry.item for entry in page.entries]
    size = sum(map(len, items))
    if size < STREAM_FROM:
        return bytes_response(context, opening + b",".join(items) + b"]}")

    async def run(writer: Writer) -> None:
        writer.write(opening)
        start, length = 0, 0
        for end, item in enumerate(items, start=1):
            length += len(item)
            if length >= _CHUNK or end == len(items):
                joined = b",".join(items[start:end])
                writer.write(joined if end == len(items) else joined + b",")
                start, length = end, 0
                await writer.drain()
                if writer.closed:
                    return
        writer.write(b"]}")

    return Streaming(run, headers=headers(JSON, context))
