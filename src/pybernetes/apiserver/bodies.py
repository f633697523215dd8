"""Request bodies: bytes in, decoded, checked and defaulted objects out.

JSON, YAML and protobuf are read; a body is checked against its kind's schema, unknown and duplicate fields are
refused, warned of or ignored as `fieldValidation` says, and defaults are filled in. What cannot be read is a 400 in
upstream's words, another content type a 415, too long a body a 413.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec

from pybernetes.api.decoding import (
    MOST_PROBLEMS,
    DecodeError,
    Repeated,
    cannot_handle,
    check,
    duplicates,
    strict_error,
)
from pybernetes.api.defaults import apply_defaults
from pybernetes.api.errors import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from pybernetes.api.json_errors import json_word, what_is_wrong
from pybernetes.api.kinds import BUILTIN_KINDS, Kind
from pybernetes.api.schema import ObjectType, schema_of
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import JSON, PROTOBUF, YAML, media_type_of
from pybernetes.apiserver.parameters import IGNORE, STRICT, delete_options
from pybernetes.apiserver.resources import Resource
from pybernetes.lib.http.messages import BodyTooLarge

Object = dict[str, Any]

MAX_BODY = 3 * 1024 * 1024
_SHOWN_BYTES = 30
_YAML_AT_ONCE = 32 * 1024
"""Longer YAML is read in a thread."""
_DELETE_OPTIONS_GROUPS = 32

_decode_json = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Body:
    """A body and the media type that it is in, JSON or protobuf; what was YAML is JSON with `problems` by now."""

    data: bytes
    media_type: str = JSON
    problems: tuple[str, ...] = ()


async def read_bytes(context: Context, limit: int = MAX_BODY) -> bytes:
    """The whole body. Raises RequestEntityTooLarge."""
    try:
        return await context.request.body.read(limit)
    except BodyTooLarge:
        raise RequestEntityTooLarge(f"Request entity too large: limit is {limit}") from None


async def read_body(context: Context) -> Body:
    """The body and its media type, JSON unless it says otherwise. Raises UnsupportedMediaType."""
    media_type = media_type_of(context.request.headers.get("content-type")) or JSON
    if media_type in ("*/*", "application/*"):
        media_type = JSON
    if media_type not in (JSON, YAML, PROTOBUF):
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            f"{JSON}, {YAML}, {PROTOBUF}"
        )
    data = await read_bytes(context)
    return await from_yaml(data) if media_type == YAML else Body(data, media_type)


async def from_yaml(data: bytes) -> Body:
    """YAML as the JSON that it stands for. Raises BadRequest."""
    from pybernetes.api.yaml_decoding import YAMLError, decode

    try:
        if len(data) > _YAML_AT_ONCE:
            obj, problems = await asyncio.to_thread(decode, data)
        else:
            obj, problems = decode(data)
    except YAMLError as error:
        raise BadRequest(str(error)) from None
    return Body(msgspec.json.encode(obj, order="sorted"), JSON, tuple(problems))


def parse(body: Body, expected: str) -> tuple[Object, list[str]]:
    """The decoded body and the keys that it says twice. `expected` is the kind for the message of a BadRequest."""
    try:
        if body.media_type == PROTOBUF:
            return _parse_protobuf(body.data, expected)
        obj = _decode_json(body.data)
        problems = [*body.problems] if body.problems else duplicates(body.data, obj)
    except (ValueError, RecursionError) as error:
        raise BadRequest(_unparsed(body, expected, _json_error(body.data, error))) from None
    if obj is None:
        obj = {}
    if not isinstance(obj, dict):
        why = f"json: cannot unmarshal {json_word(obj)} into Go value of type struct {_TYPE_META}"
        raise BadRequest(_unparsed(body, expected, why))
    why = _type_fault(obj)
    if why:
        raise BadRequest(_unparsed(body, expected, why))
    return obj, problems


def _type_fault(obj: Object) -> str:
    """What is wrong with an apiVersion or kind that is no text, or "" when they are."""
    for field in ("apiVersion", "kind"):
        said = obj.get(field)
        if said is not None and not isinstance(said, str):
            return f"json: cannot unmarshal {json_word(said)} into Go struct field .{field} of type string"
    return ""


_TYPE_META = (
    '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)


def _unparsed(body: Body, expected: str, why: str) -> str:
    return _unrecognized(body, expected, f"couldn't get version/kind; json parse error: {why}")


def _unrecognized(body: Body, expected: str, why: str) -> str:
    return f"the object provided is unrecognized (must be of type {expected}): {why} ({_summary(body.data)})"


def _summary(data: bytes) -> str:
    """The beginning of a body: as text of what looks like JSON, else in hexadecimal digits."""
    if not data:
        return "<empty>"
    head = data[:_SHOWN_BYTES]
    shown = head.decode(errors="replace") if data[:1] == b"{" else head.hex()
    return shown + (" ..." if len(data) > _SHOWN_BYTES else "")


def _json_error(data: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "exceeded max depth"
    return what_is_wrong(data) or str(error)


def _parse_protobuf(data: bytes, expected: str) -> tuple[Object, list[str]]:
    from pybernetes.api.protobuf import ProtobufError, decode

    try:
        return decode(data), []
    except ProtobufError as error:
        raise BadRequest(_unrecognized(Body(data, PROTOBUF), expected, str(error))) from None


async def read_object(context: Context, resource: Resource, field_validation: str) -> Object:
    """The body as an object of the resource's kind, defaulted."""
    return decode_object(context, resource, await read_body(context), field_validation)


def decode_object(context: Context, resource: Resource, body: Body, field_validation: str) -> Object:
    """As `read_object`, from a body that has been read."""
    obj, problems = parse(body, resource.kind.kind)
    sound = (
        body.media_type == PROTOBUF
    )  # its messages have the schema's fields and types, or cannot be parsed
    return finish_object(context, resource, obj, problems, field_validation, sound=sound)


def finish_object(
    context: Context,
    resource: Resource,
    obj: Object,
    problems: list[str],
    field_validation: str,
    *,
    sound: bool = False,
) -> Object:
    """Check a parsed object against the kind's schema, in place, unless it is known to fit; default it."""
    kind = resource.kind
    check_type(obj, kind.group, kind.version, kind.kind)
    if sound:
        obj.setdefault("metadata", {})
    else:
        obj = check_fields(context, obj, resource.schema, kind, problems, field_validation)
    apply_defaults(kind, obj)
    return obj


def check_type(obj: Object, group: str, version: str, kind: str) -> None:
    """apiVersion and kind must be the expected ones; missing ones are filled in. Raises BadRequest."""
    api_version = f"{group}/{version}" if group else version
    given_version, given_kind = obj.get("apiVersion"), obj.get("kind")
    why = _type_fault(obj)
    if why:
        raise BadRequest(f"couldn't get version/kind; json parse error: {why}")
    if (given_kind or kind) != kind or (given_version or api_version) != api_version:
        _check_registered(given_version or api_version, given_kind or kind, kind)
    if given_kind and given_kind != kind:
        given = (given_version or api_version).rpartition("/")[2]
        raise BadRequest(
            f'{given_kind} in version "{given}" cannot be handled as a {kind}: '
            f"converting ({given}.{given_kind}) to ({group.partition('.')[0] or 'core'}.{kind}): unknown conversion"
        )
    if given_version and given_version != api_version:
        raise BadRequest(
            f"the API version in the data ({given_version}) does not match the expected API version ({api_version})"
        )
    obj["apiVersion"], obj["kind"] = api_version, kind


def _check_registered(api_version: str, kind: str, expected: str) -> None:
    """Whether there is such a kind at all. Raises BadRequest."""
    if api_version.count("/") > 1:
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {expected}): "
            f"unexpected GroupVersion string: {api_version}"
        )
    group, _, version = api_version.rpartition("/")
    if not any(one.kind == kind and one.version == version and one.group == group for one in BUILTIN_KINDS):
        raise BadRequest(
            cannot_handle(
                expected,
                version,
                f'no kind "{kind}" is registered for version "{api_version}" in scheme '
                '"pkg/api/legacyscheme/scheme.go:30"',
            ).replace(expected, kind, 1)
        )


def check_fields(
    context: Context,
    obj: Object,
    schema: ObjectType,
    kind: Kind,
    problems: list[str],
    field_validation: str,
) -> Object:
    """Bring the object into its schema's form; what is unknown or said twice is treated as asked."""
    try:
        return fit(context, obj, schema, problems, field_validation)
    except DecodeError as error:
        raise BadRequest(cannot_handle(kind.kind, kind.version, str(error))) from None


def fit(
    context: Context,
    obj: Object,
    schema: ObjectType,
    problems: list[str],
    field_validation: str,
    known: Object | None = None,
) -> Object:
    """As `check_fields`, raising DecodeError with the bare reason. `known` has been checked before (see `check`)."""
    unknown = check(obj, schema, known)
    problems = problems.among_unknown(schema) if isinstance(problems, Repeated) else [*problems, *unknown]
    problems = problems[:MOST_PROBLEMS]
    if problems:
        if field_validation == STRICT:
            raise DecodeError(strict_error(problems))
        if field_validation != IGNORE:
            for problem in problems:
                for line in problem.removeprefix("yaml: unmarshal errors:\n").splitlines():
                    context.warn(line.strip())
    if not isinstance(obj.get("metadata"), dict):
        obj["metadata"] = {}
    return obj


async def read_as(context: Context, group: str, version: str, kind: str, field_validation: str) -> Object:
    """The body as something other than the resource's own kind: a Scale, an Eviction, a TokenRequest."""
    obj, problems = parse(await read_body(context), kind)
    check_type(obj, group, version, kind)
    made_up = Kind(group, version, kind, kind.lower())
    return check_fields(context, obj, schema_of(group, version, kind), made_up, problems, field_validation)


async def read_delete_options(context: Context) -> Object:
    """DeleteOptions from body and query. Raises BadRequest and Invalid."""
    body = await read_body(context)
    given: Object | None = None
    if body.data.strip():
        try:
            given, _ = parse(body, "DeleteOptions")
            check(given, schema_of("", "v1", "DeleteOptions"))
        except (BadRequest, DecodeError) as error:
            why = str(error).removeprefix(
                "the object provided is unrecognized (must be of type DeleteOptions): "
            )
            raise BadRequest(why.removesuffix(f" ({_summary(body.data)})")) from None
        if given.get("kind") not in (None, "", "DeleteOptions"):
            raise BadRequest(
                f'no kind "{given["kind"]}" is registered for version "{given.get("apiVersion") or "v1"}" in scheme '
                '"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"'
            )
    return delete_options(context.request, given)
