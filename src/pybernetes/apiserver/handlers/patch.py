"""PATCH: JSON patch, JSON merge patch, strategic merge patch, server-side apply, chosen by content type.

The patch is applied to the object as it is; a patch without resourceVersion is tried again when another writer
was faster. https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec

from pybernetes.api.decoding import DecodeError, duplicates
from pybernetes.api.defaults import apply_defaults
from pybernetes.api.errors import (
    BadRequest,
    Invalid,
    RequestEntityTooLarge,
    UnsupportedMediaType,
    invalid,
    not_found,
)
from pybernetes.api.fields import IMMUTABLE, go_format, status_causes
from pybernetes.api.fields import invalid as invalid_field
from pybernetes.api.json_errors import json_word, what_is_wrong
from pybernetes.api.kinds import Kind
from pybernetes.api.patch import json_patch, merge_patch, strategic_merge_patch
from pybernetes.api.schema import ObjectType
from pybernetes.apiserver.bodies import check_type, fit, read_bytes
from pybernetes.apiserver.commit import update as commit_update
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.handlers.apply import APPLY_TYPES, apply
from pybernetes.apiserver.handlers.create import settle_names
from pybernetes.apiserver.negotiation import OBJECT_FORMS, media_type_of
from pybernetes.apiserver.parameters import write_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import stored_response
from pybernetes.apiserver.writes import UPDATE, Object, write_of
from pybernetes.lib.http.messages import Answer

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
UNTYPED_PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, *APPLY_TYPES)
"""Of kinds without patch keys: custom resources."""
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, *APPLY_TYPES)
MAX_OPERATIONS = 10_000
_TRIES = 6


async def patch(context: Context, resource: Resource) -> Answer:
    server, _info = context.server, context.info
    form = server.form(context.request, OBJECT_FORMS)
    patch_type = patch_type_of(context, UNTYPED_PATCH_TYPES if resource.typed_items else PATCH_TYPES)
    options = write_options(context.request, "PatchOptions", patch_type in APPLY_TYPES)
    data = await read_bytes(context)
    write = write_of(context, resource, UPDATE, options)
    if patch_type in APPLY_TYPES:
        outcome = await apply(context, write, data, options)
    else:
        wanted = read_patch(data, patch_type)

        async def produce(old: Object) -> Object:
            if not old:
                raise not_found(resource.kind, write.name)
            return patched(context, resource, old, wanted, options.field_validation)

        outcome = await commit_update(write, produce, tries=_TRIES)
    status = 201 if outcome.created else 200
    return stored_response(context, server.registry, resource, outcome.stored, form, status)


def patch_type_of(context: Context, accepted: Collection[str]) -> str:
    """The request's media type. Raises UnsupportedMediaType when it is not accepted."""
    patch_type = media_type_of(context.request.headers.get("content-type"))
    if patch_type not in accepted:
        raise UnsupportedMediaType("415: Unsupported Media Type", details={})
    return patch_type


@dataclass(slots=True)
class Patch:
    """A patch that has been read: its form, what it says, and the fields that it says twice."""

    media_type: str
    content: Any
    problems: list[str]

    def apply(self, old: Object, schema: ObjectType) -> Object:
        """The patched object, which has yet to be checked; `old` stays as it is."""
        if self.media_type == JSON_PATCH:
            new = json_patch.apply(old, self.content)
        elif self.media_type == MERGE_PATCH:
            new = merge_patch.apply(old, self.content)
        else:
            new = strategic_merge_patch.apply(old, self.content, schema)
        if not isinstance(new, dict):
            raise BadRequest("the patch must leave an object")
        return new

    def unfit(self, new: Object, why: str) -> Invalid:
        """422: what the patch leaves is not an object of its kind."""
        if self.media_type == STRATEGIC_MERGE_PATCH:
            value, why = go_format(self.content), _as_converted(why)
        else:
            value = msgspec.json.encode({name: new[name] for name in sorted(new)}).decode()
        return invalid(_NO_KIND, "", status_causes([invalid_field("patch", value, why)]))


_NO_KIND = Kind("", "", "", "")
_UNFIT_FIELD = re.compile(r"json: cannot unmarshal (\w+)( [^ ]+)? into Go struct field [^ ]+ of type (.+)")


def _as_converted(why: str) -> str:
    """The words for a field of the wrong type where no JSON is read any more."""
    found = _UNFIT_FIELD.fullmatch(why)
    if found is None:
        return why
    word, number, wanted = found.groups()
    given = {"number": "float64" if number else "int64", "array": "slice", "object": "map"}.get(word, word)
    if wanted.startswith("map["):
        return f"cannot restore map from {given}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {given}"
    if "." in wanted:
        return f"cannot restore struct from: {given}"
    return f"unrecognized type: {wanted}" if given == "string" else f"cannot convert {given} to {wanted}"


def read_patch(data: bytes, patch_type: str) -> Patch:
    """400 when it is not JSON of the right form."""
    head = "" if patch_type == STRATEGIC_MERGE_PATCH else "error decoding patch: "
    try:
        wanted = msgspec.json.decode(data)
        problems = duplicates(data, wanted)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{head}{what_is_wrong(data) or error}") from None
    if wanted is None and patch_type != MERGE_PATCH:
        wanted = [] if patch_type == JSON_PATCH else {}
    if patch_type == JSON_PATCH:
        if not isinstance(wanted, list):
            raise BadRequest(
                f"{head}json: cannot unmarshal {json_word(wanted)} into Go value of type []handlers.jsonPatchOp"
            )
        if len(wanted) > MAX_OPERATIONS:
            raise RequestEntityTooLarge(
                f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(wanted)}"
            )
        problems = [f"json patch {problem}" for problem in (*_odd_members(wanted), *problems)]
    elif not isinstance(wanted, dict):
        if wanted is None:
            raise BadRequest("Invalid JSON Patch")
        raise BadRequest(
            f"{head}json: cannot unmarshal {json_word(wanted)} into Go value of type map[string]interface {{}}"
        )
    return Patch(patch_type, wanted, list(problems))


def _odd_members(operations: list[Any]) -> list[str]:
    return [
        f'unknown field "[{at}].{member}"'
        for at, operation in enumerate(operations)
        if isinstance(operation, dict)
        for member in operation
        if member not in ("op", "path", "from", "value")
    ]


def patched(context: Context, resource: Resource, old: Object, patch: Patch, field_validation: str) -> Object:
    """The object with the patch applied, checked and defaulted; `old` stays as it is."""
    kind, schema = resource.kind, resource.schema
    new = patch.apply(old, schema)
    shown = {**new}
    if patch.media_type == STRATEGIC_MERGE_PATCH:
        new["apiVersion"], new["kind"] = kind.api_version, kind.kind  # nothing that such a patch could change
    try:
        check_type(new, kind.group, kind.version, kind.kind)
        new = fit(context, new, schema, patch.problems, field_validation, known=old)
    except (BadRequest, DecodeError) as error:
        raise patch.unfit(shown, str(error)) from None
    uid, known_uid = new["metadata"].get("uid"), old["metadata"].get("uid")
    if uid and known_uid and uid != known_uid:
        causes = status_causes([invalid_field("metadata.uid", uid, IMMUTABLE)])
        raise invalid(kind, context.info.name, [*causes, *causes])
    apply_defaults(kind, new)
    settle_names(resource, new, context.info.namespace, context.info.name, whole=True)
    return new
