"""GET of a collection: a page from the cache at one revision, streamed as joins of stored bytes when it is big."""

from __future__ import annotations

from pybernetes.api.errors import BadRequest
from pybernetes.apiserver.answers import bytes_response, encode_json, headers, object_response
from pybernetes.apiserver.cache.caches import CacheEntry, Page, Selection
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import JSON, LIST_FORMS
from pybernetes.apiserver.parameters import EXACT, ListOptions, list_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.selectable import translate
from pybernetes.apiserver.shown import ListForm, list_form, list_metadata
from pybernetes.lib.http.messages import Answer, Streaming, Writer

STREAM_FROM = 256 * 1024
CHUNK = 128 * 1024
_MANY = 1000
"""Elements that are certainly too many for one answer in one piece."""
_SLICE = 50
"""Elements that are decoded before others get their turn."""


async def list_(context: Context, resource: Resource) -> Answer:
    form = context.server.form(context.request, LIST_FORMS)
    options = list_options(context.request)
    page = await page_of(context, resource, options)
    metadata = list_metadata(page.revision, page.token, page.remaining)
    if not form.plain or resource.conversion is not None:
        shape = list_form(context, resource, metadata, form)
        if len(page.entries) <= _SLICE or form.media_type != JSON:
            return object_response(context, shape.whole(page.entries), form)
        return _sliced(context, shape, page)
    kind = resource.kind
    opening = encode_json({"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": metadata})
    return _spliced(context, resource, opening[:-1] + b',"items":[', page)


async def page_of(context: Context, resource: Resource, options: ListOptions) -> Page:
    """The entries that the options select in the request's namespace."""
    server, namespace = context.server, context.info.namespace
    exact = None
    limit = options.limit
    if options.revision == 0 and options.match != EXACT:
        limit = 0
    if options.revision:
        if options.match == EXACT or (options.limit and not options.match):
            exact = options.revision
        await server.at_least(options.revision)
    cache = await server.registry.cache(resource)
    return await cache.list(
        namespace=namespace or None,
        selection=selection_of(resource, options),
        limit=limit,
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
    entries, head = page.entries, resource.head

    def item(entry: CacheEntry) -> bytes:
        return entry.served(head) if resource.typed_items else entry.item

    if len(entries) < _MANY:
        items = [item(entry) for entry in entries]
        if sum(map(len, items)) < STREAM_FROM:
            return bytes_response(context, opening + b",".join(items) + b"]}")

    async def run(writer: Writer) -> None:
        before, size = opening, 0
        parts: list[bytes] = []
        for entry in entries:
            part = item(entry)
            parts.append(part)
            size += len(part)
            if size >= CHUNK:
                writer.write(before + b",".join(parts))
                before, parts, size = b",", [], 0
                await writer.drain()
                if writer.closed:
                    return
        writer.write(before + b",".join(parts) + b"]}" if parts else b"]}")

    return Streaming(run, headers=headers(JSON, context))


def _sliced(context: Context, shape: ListForm, page: Page) -> Answer:
    """Elements that have to be decoded, some at a time."""
    entries, element = page.entries, shape.element

    async def run(writer: Writer) -> None:
        writer.write(b'%b,"%b":[' % (encode_json(shape.frame)[:-1], shape.field.encode()))
        for start in range(0, len(entries), _SLICE):
            rows = b",".join([encode_json(element(entry)) for entry in entries[start : start + _SLICE]])
            writer.write(b"," + rows if start else rows)
            await writer.drain()
            if writer.closed:
                return
        writer.write(b"]}")

    return Streaming(run, headers=headers(JSON, context))
