"""Objects in the form that was negotiated: entries or decoded objects in, bytes or dicts out.

The plain JSON form is spliced from stored bytes; Tables and metadata-only forms decode what they show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pybernetes.api.errors import BadRequest
from pybernetes.api.fields import invalid as invalid_field
from pybernetes.api.kinds import Kind
from pybernetes.apiserver.answers import bytes_response, object_response
from pybernetes.apiserver.cache.entry import CacheEntry, Head
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import AnswerForm
from pybernetes.apiserver.registry import Registry, Stored
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.tables import Columns, table, table_frame, table_row
from pybernetes.lib.http.messages import Response

Object = dict[str, Any]

_INCLUDED = frozenset(("None", "Metadata", "Object"))


def decoded(resource: Resource, entry: CacheEntry) -> Object:
    """An entry's object in the served version."""
    if resource.conversion is None:
        return entry.object(resource.head)
    stored_as = resource.conversion.stored_as
    return resource.conversion.from_stored(entry.object(Head(stored_as.api_version, stored_as.kind)))


def partial(obj: Object, version: str = "v1") -> Object:
    """PartialObjectMetadata of an object."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj.get("metadata", {}),
    }


def shown(context: Context, kind: Kind, obj: Object, form: AnswerForm) -> Object:
    """A decoded object as its form wants it."""
    if form.shown_as == "Table":
        return table(_columns(context, kind), [obj], form.version, metadata=_list_metadata(obj))
    if form.shown_as:
        return partial(obj, form.version)
    return obj


def _list_metadata(obj: Object) -> Object:
    version = obj.get("metadata", {}).get("resourceVersion")
    return {"resourceVersion": version} if version else {}


def _columns(context: Context, kind: Kind) -> Columns:
    return Columns(kind, included(context), context.server.clock.now())


def included(context: Context) -> str:
    """What a Table's rows carry of their objects: None, Metadata or Object. Raises BadRequest."""
    include = context.request.query_value("includeObject") or "Metadata"
    if include not in _INCLUDED:
        wrong = invalid_field("includeObject", include, "must be 'Metadata', 'Object', 'None', or empty")
        raise BadRequest(f"Unable to convert to Table as requested: {wrong}")
    return include


def watch_shape(context: Context, resource: Resource, form: AnswerForm) -> Any:
    """A function from decoded object to what a watch event carries; Tables name their columns once."""
    if form.shown_as != "Table":
        return lambda obj: shown(context, resource.kind, obj, form)
    first = True

    def as_table(obj: Object) -> Object:
        nonlocal first
        answer = table(
            _columns(context, resource.kind), [obj], form.version, metadata=_list_metadata(obj), headed=first
        )
        first = False
        return answer

    return as_table


def entry_response(context: Context, resource: Resource, entry: CacheEntry, form: AnswerForm) -> Response:
    if form.plain and resource.conversion is None:
        return bytes_response(context, entry.served(resource.head))
    return object_response(context, shown(context, resource.kind, decoded(resource, entry), form), form)


def stored_response(
    context: Context,
    registry: Registry,
    resource: Resource,
    stored: Stored,
    form: AnswerForm,
    status: int = 200,
) -> Response:
    """What a write answers."""
    if form.plain and resource.conversion is None:
        return bytes_response(context, stored.served(resource.head), status)
    obj = registry.decode(resource, stored)
    return object_response(context, shown(context, resource.kind, obj, form), form, status)


def list_metadata(revision: int, token: str, remaining: int | None) -> Object:
    metadata: Object = {"resourceVersion": str(revision)}
    if token:
        metadata["continue"] = token
    if remaining:
        metadata["remainingItemCount"] = remaining
    return metadata


@dataclass(frozen=True, slots=True)
class ListForm:
    """A list that has to be decoded to be shown: everything but its elements, the field that holds these (the last
    one), and what becomes of an entry."""

    frame: Object
    field: str
    element: Callable[[CacheEntry], Object]

    def whole(self, entries: Iterable[CacheEntry]) -> Object:
        return {**self.frame, self.field: [self.element(entry) for entry in entries]}


def list_form(context: Context, resource: Resource, metadata: Object, form: AnswerForm) -> ListForm:
    version = form.version
    if form.shown_as == "Table":
        columns = _columns(context, resource.kind)
        return ListForm(
            table_frame(columns, version, metadata),
            "rows",
            lambda entry: table_row(columns, decoded(resource, entry), version),
        )
    if form.shown_as:
        frame = {
            "kind": "PartialObjectMetadataList",
            "apiVersion": f"meta.k8s.io/{version}",
            "metadata": metadata,
        }
        return ListForm(frame, "items", lambda entry: partial(decoded(resource, entry), version))
    kind = resource.kind
    frame = {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": metadata}
    return ListForm(frame, "items", lambda entry: _item(resource, entry))


def _item(resource: Resource, entry: CacheEntry) -> Object:
    obj = decoded(resource, entry)
    if not resource.typed_items:
        obj.pop("apiVersion", None)
        obj.pop("kind", None)
    return obj
