"""From protobuf to decoded JSON: the object that the same client would have sent as JSON.

Go always writes scalars that are not optional, zero or not; JSON leaves the zero ones out. The facts say
which zeros mean something. Bytes become base64, times RFC 3339, embedded JSON is parsed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from pybernetes.api.protobuf.messages import RUNTIME, message_name, messages
from pybernetes.api.protobuf.names import INLINE, json_names
from pybernetes.api.quantity import canonical
from pybernetes.api.times import format_duration, format_micro_time, format_time

Object = dict[str, Any]
Convert = Callable[[Any], Any]

MAGIC = b"k8s\0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_SCHEMAS = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1"


class ProtobufError(ValueError):
    """The bytes are not what they should be."""


def decode(body: bytes) -> Object:
    """An enveloped body. Raises ProtobufError."""
    if body[:4] != MAGIC:
        raise ProtobufError(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    envelope = _parse(f"{RUNTIME}.Unknown", body[4:])
    api_version, kind = _text(envelope.typeMeta.apiVersion), _text(envelope.typeMeta.kind)
    if envelope.contentType and "protobuf" not in _text(envelope.contentType):
        raise ProtobufError(f"the envelope holds {envelope.contentType}, not protobuf")
    try:
        name = message_name(api_version, kind)
    except KeyError:
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"') from None
    return {"apiVersion": api_version, "kind": kind, **decode_message(name, envelope.raw)}


def decode_message(name: str, data: bytes) -> Object:
    """A bare message. Raises ProtobufError."""
    try:
        result: Object = _decoder(name)(_parse(name, data))
    except (msgspec.DecodeError, OverflowError) as error:
        raise ProtobufError(f"an embedded value is invalid: {error}") from error
    return result


def _parse(name: str, data: bytes) -> Any:
    message = messages().message(name)()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise ProtobufError(f"cannot parse {name.rpartition('.')[2]}: {error}") from error
    except RecursionError:
        raise ProtobufError("the message is nested too deeply") from None
    return message


def _time(message: Any) -> str | None:
    if not message.ListFields():
        return None
    return format_time(_EPOCH + timedelta(seconds=message.seconds))


def _micro_time(message: Any) -> str | None:
    if not message.ListFields():
        return None
    moment = timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    return format_micro_time(_EPOCH + moment)


def _int_or_string(message: Any) -> int | str:
    return str(_text(message.strVal)) if message.type == 1 else int(message.intVal)


def _quantity(message: Any) -> str:
    try:
        return canonical(_text(message.string) or "0")
    except ValueError as error:
        raise ProtobufError(str(error)) from None


def _duration(message: Any) -> str:
    return format_duration(message.duration / 10**9)


def _json(data: bytes) -> Any:
    return msgspec.json.decode(data) if data else None


def _schema_or_array(message: Any) -> Any:
    decoder = _decoder(f"{_SCHEMAS}.JSONSchemaProps")
    if message.HasField("schema"):
        return decoder(message.schema)
    return [decoder(item) for item in message.jSONSchemas]


def _schema_or_bool(message: Any) -> Any:
    if message.HasField("schema"):
        return _decoder(f"{_SCHEMAS}.JSONSchemaProps")(message.schema)
    return bool(message.allows)


def _schema_or_strings(message: Any) -> Any:
    if message.HasField("schema"):
        return _decoder(f"{_SCHEMAS}.JSONSchemaProps")(message.schema)
    return _scalars(message.property)


_SPECIAL: dict[str, Convert] = {
    f"{_META}.Time": _time,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.Duration": _duration,
    f"{_META}.FieldsV1": lambda message: _json(message.Raw),
    f"{_META}.Verbs": lambda message: _scalars(message.items),
    f"{RUNTIME}.RawExtension": lambda message: _json(message.raw),
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _quantity,
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    "k8s.io.api.authentication.v1.ExtraValue": lambda message: _scalars(message.items),
    "k8s.io.api.authorization.v1.ExtraValue": lambda message: _scalars(message.items),
    "k8s.io.api.certificates.v1.ExtraValue": lambda message: _scalars(message.items),
    f"{_SCHEMAS}.JSON": lambda message: _json(message.raw),
    f"{_SCHEMAS}.JSONSchemaPropsOrArray": _schema_or_array,
    f"{_SCHEMAS}.JSONSchemaPropsOrBool": _schema_or_bool,
    f"{_SCHEMAS}.JSONSchemaPropsOrStringArray": _schema_or_strings,
}


def _text(value: Any) -> Any:
    """Protobuf's runtime hands out a string that is not UTF-8 as bytes."""
    if isinstance(value, bytes):
        raise ProtobufError("a string is not valid UTF-8")
    return value


def _scalars(values: Any) -> list[Any]:
    found = list(values)
    for value in found:
        if value.__class__ is bytes:
            _text(value)
    return found


def _scalar_map(mapping: Any) -> Object:
    found = dict(mapping)
    for key, value in found.items():
        if key.__class__ is bytes or value.__class__ is bytes:
            _text(b"")
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@cache
def _decoder(name: str) -> Convert:
    """The translation of one message, compiled when first needed (types may be recursive)."""
    special = _SPECIAL.get(name)
    if special is not None:
        return special
    table: dict[int, tuple[str, Convert | None, bool]] | None = None

    def run(message: Any) -> Object:
        nonlocal table
        if table is None:
            table = _compile(name)
        result: Object = {}
        for descriptor, value in message.ListFields():
            field, convert, keep_zero = table[descriptor.number]
            if convert is None:
                if value or keep_zero:
                    result[field] = value if value.__class__ is not bytes else _text(value)
                continue
            converted = convert(value)
            if field == INLINE:
                result.update(converted)
            elif converted is not None and (converted != "" or keep_zero):
                result[field] = converted
        return result

    return run


def _compile(name: str) -> dict[int, tuple[str, Convert | None, bool]]:
    facts = messages()
    names = json_names(name)
    keep = set(facts.presence.get(name, ()))
    return {
        number: (names[field], _convert(type_), names[field] in keep)
        for number, field, type_ in facts.fields[name]
    }


def _convert(type_: str) -> Convert | None:
    """None for scalars, which are JSON's already."""
    if type_.startswith("repeated "):
        each = _convert(type_.removeprefix("repeated "))
        return _scalars if each is None else lambda values: [each(value) for value in values]
    if type_.startswith("map<"):
        value_type = type_[4:-1].partition(",")[2]
        each_value = _convert(value_type)
        if each_value is None:
            return _scalar_map
        return lambda mapping: {_text(key): each_value(mapping[key]) for key in mapping}
    if type_ == "bytes":
        return _base64
    return _decoder(type_) if type_ in messages().fields else None
