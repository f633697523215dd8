"""From objects and errors to HTTP answers: bytes spliced where the plain JSON form is wanted, else encoded.

Handlers return what these functions make. `Context.warnings` become Warning headers (RFC 7234, code 299).
"""

from __future__ import annotations

from typing import Any

import msgspec

from pybernetes.api.errors import APIError
from pybernetes.apiserver.cache.splice import escaped
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import JSON, PROTOBUF, YAML, AnswerForm
from pybernetes.lib.http.messages import Headers, Response

Object = dict[str, Any]

encode_json = msgspec.json.Encoder(enc_hook=str).encode

_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})
_MAX_WARNINGS = 4096


def headers(content_type: str, context: Context | None = None) -> Headers:
    """Content-Type, no caching, and the request's warnings."""
    lines = [("content-type", content_type), ("cache-control", "no-cache, private")]
    if context is not None and context.warnings:
        lines.extend(_warning_lines(context.warnings))
    return Headers(lines)


def _warning_lines(warnings: list[str]) -> list[tuple[str, str]]:
    lines = []
    room = _MAX_WARNINGS
    for text in warnings:
        clean = "".join(char if char.isprintable() else " " for char in text)
        quoted = clean.translate(_QUOTED)
        value = f'299 - "{quoted}"'
        room -= len(value)
        if room < 0:
            break
        lines.append(("warning", value.encode().decode("latin-1")))
    return lines


def encode(obj: Any, media_type: str) -> bytes:
    """An object in a media type that `negotiate` offered."""
    if media_type == YAML:
        import yaml

        dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        text: str = yaml.dump(
            obj, Dumper=dumper, default_flow_style=False, sort_keys=True, allow_unicode=True
        )
        return text.encode()
    if media_type == PROTOBUF:
        from pybernetes.api import protobuf

        return protobuf.encode(obj)
    return encode_json(obj)


def _document(obj: Any, media_type: str) -> bytes:
    """A whole answer: JSON ends its line."""
    return encode_json(obj) + b"\n" if media_type == JSON else encode(obj, media_type)


def object_response(
    context: Context, obj: Any, form: AnswerForm | None = None, status: int = 200
) -> Response:
    """An object that has been decoded, in the form asked for."""
    media_type = form.media_type if form is not None else JSON
    return Response(status, headers(media_type, context), _document(obj, media_type))


def bytes_response(context: Context, body: bytes | list[bytes], status: int = 200) -> Response:
    """JSON that has been put together already."""
    return Response(status, headers(JSON, context), body)


def text_response(text: str, status: int = 200) -> Response:
    lines = [
        ("content-type", "text/plain; charset=utf-8"),
        ("cache-control", "no-cache, private"),
        ("x-content-type-options", "nosniff"),
    ]
    return Response(status, Headers(lines), text.encode())


def nothing_here() -> Response:
    """What a path answers that belongs to no API: text, as from any web server."""
    return text_response("404 page not found\n", 404)


def error_response(error: APIError, context: Context | None = None) -> Response:
    """The Status of an error, with Retry-After where it says so; in protobuf or YAML for who takes nothing else."""
    media_type = _wanted(context) if context is not None else JSON
    answer = Response(error.code if not error.status.get("code") else int(error.status["code"]))
    answer.headers = headers(media_type, context)
    if answer.status == 403 and context is not None and context.resource is None:
        answer.headers.add("x-content-type-options", "nosniff")
    if error.retry_after:
        answer.headers.add("retry-after", str(error.retry_after))
    body = _document(error.status, media_type)
    answer.body = escaped(body) if media_type == JSON else body
    return answer


def _wanted(context: Context) -> str:
    """JSON for all who take it."""
    accepted = context.request.headers.get("accept")
    if not accepted or JSON in accepted or "*/*" in accepted:
        return JSON
    return next((one for one in (PROTOBUF, YAML) if one in accepted), JSON)
