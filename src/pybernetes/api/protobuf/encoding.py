"""From decoded JSON to protobuf: what a client gets that asked for it.

Fields that the message does not have are left out, as Go's types would drop them. Raises `ValueError` for a
value that cannot be of its field's type.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from pybernetes.api.protobuf.messages import RUNTIME, message_name, messages
from pybernetes.api.protobuf.names import INLINE, json_names
from pybernetes.api.times import parse_duration, parse_time

Object = dict[str, Any]
Fill = Callable[[Any, Any], None]
"""(message, JSON value): puts the value into the message."""

_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_SCHEMAS = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1"


def encode(obj: Object) -> bytes:
    """An object (or list, or Status) with apiVersion and kind, in its envelope. Raises KeyError for unknown kinds."""
    api_version, kind = obj["apiVersion"], obj["kind"]
    raw = encode_message(message_name(api_version, kind), obj)
    return envelope(api_version, kind, raw)


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    unknown = messages().message(f"{RUNTIME}.Unknown")()
    unknown.typeMeta.apiVersion = api_version
    unknown.typeMeta.kind = kind
    unknown.raw = raw
    unknown.contentEncoding = ""
    unknown.contentType = ""
    return b"k8s\0" + bytes(unknown.SerializeToString())


def encode_watch_event(event: str, obj: Object) -> bytes:
    """One event of a watch: the bare message, without magic and envelope, that holds the object in its own."""
    message = messages().message(f"{_META}.WatchEvent")()
    message.type = event
    message.object.raw = encode(obj)
    return bytes(message.SerializeToString())


def encode_message(name: str, obj: Object) -> bytes:
    """A bare message."""
    message = messages().message(name)()
    _filler(name)(message, obj)
    return bytes(message.SerializeToString())


def _time(message: Any, text: str) -> None:
    moment = parse_time(text)
    message.seconds = int(moment.timestamp() // 1)
    message.nanos = moment.microsecond * 1000


def _int_or_string(message: Any, value: int | str) -> None:
    if isinstance(value, str):
        message.type, message.intVal, message.strVal = 1, 0, value
    else:
        message.type, message.intVal, message.strVal = 0, value, ""


def _duration(message: Any, text: str) -> None:
    message.duration = round(parse_duration(text) * 10**9)


def _raw(field: str) -> Fill:
    def fill(message: Any, value: Any) -> None:
        setattr(message, field, msgspec.json.encode(value))

    return fill


def _string(message: Any, value: Any) -> None:
    message.string = str(value)


def _items(message: Any, values: list[str]) -> None:
    message.items.extend(values)


def _schema_or_array(message: Any, value: Any) -> None:
    fill = _filler(f"{_SCHEMAS}.JSONSchemaProps")
    if isinstance(value, list):
        for item in value:
            fill(message.jSONSchemas.add(), item)
    else:
        message.schema.SetInParent()
        fill(message.schema, value)


def _schema_or_bool(message: Any, value: Any) -> None:
    if isinstance(value, bool):
        message.allows = value
    else:
        message.allows = True
        message.schema.SetInParent()
        _filler(f"{_SCHEMAS}.JSONSchemaProps")(message.schema, value)


def _schema_or_strings(message: Any, value: Any) -> None:
    if isinstance(value, list):
        message.property.extend(value)
    else:
        message.schema.SetInParent()
        _filler(f"{_SCHEMAS}.JSONSchemaProps")(message.schema, value)


_SPECIAL: dict[str, Fill] = {
    f"{_META}.Time": _time,
    f"{_META}.MicroTime": _time,
    f"{_META}.Duration": _duration,
    f"{_META}.FieldsV1": _raw("Raw"),
    f"{_META}.Verbs": _items,
    f"{RUNTIME}.RawExtension": _raw("raw"),
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _string,
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    "k8s.io.api.authentication.v1.ExtraValue": _items,
    "k8s.io.api.authorization.v1.ExtraValue": _items,
    "k8s.io.api.certificates.v1.ExtraValue": _items,
    f"{_SCHEMAS}.JSON": _raw("raw"),
    f"{_SCHEMAS}.JSONSchemaPropsOrArray": _schema_or_array,
    f"{_SCHEMAS}.JSONSchemaPropsOrBool": _schema_or_bool,
    f"{_SCHEMAS}.JSONSchemaPropsOrStringArray": _schema_or_strings,
}


@cache
def _filler(name: str) -> Fill:
    special = _SPECIAL.get(name)
    if special is not None:
        return special
    table: dict[str, Fill] | None = None
    inline: list[tuple[str, Fill]] = []

    def fill(message: Any, obj: Object) -> None:
        nonlocal table
        if table is None:
            table = _compile(name, inline)
        try:
            for key, value in obj.items():
                setter = table.get(key)
                if setter is not None and value is not None:
                    setter(message, value)
        except (TypeError, AttributeError) as error:
            raise ValueError(f"{name.rpartition('.')[2]} cannot hold this value: {error}") from error
        for field, inner in inline:
            inner(getattr(message, field), obj)

    return fill


def _compile(name: str, inline: list[tuple[str, Fill]]) -> dict[str, Fill]:
    names = json_names(name)
    table: dict[str, Fill] = {}
    for _, field, type_ in messages().fields[name]:
        if names[field] == INLINE:
            inline.append((field, _filler(type_)))
        else:
            table[names[field]] = _setter(field, type_)
    return table


def _setter(field: str, type_: str) -> Fill:
    if type_.startswith("repeated "):
        return _list_setter(field, type_.removeprefix("repeated "))
    if type_.startswith("map<"):
        return _map_setter(field, type_[4:-1].partition(",")[2])
    if type_ in messages().fields:
        fill_inner = _filler(type_)

        def set_message(message: Any, value: Any) -> None:
            inner = getattr(message, field)
            inner.SetInParent()
            fill_inner(inner, value)

        return set_message
    if type_ == "bytes":
        return lambda message, value: setattr(message, field, base64.b64decode(value))
    return lambda message, value: setattr(message, field, value)


def _list_setter(field: str, each: str) -> Fill:
    if each not in messages().fields:
        if each == "bytes":
            return lambda message, values: getattr(message, field).extend(base64.b64decode(v) for v in values)
        return lambda message, values: getattr(message, field).extend(values)
    fill = _filler(each)

    def set_list(message: Any, values: list[Any]) -> None:
        target = getattr(message, field)
        for value in values:
            fill(target.add(), value)

    return set_list


def _map_setter(field: str, each: str) -> Fill:
    if each in messages().fields:
        fill = _filler(each)

        def set_messages(message: Any, mapping: Object) -> None:
            target = getattr(message, field)
            for key, value in mapping.items():
                fill(target[key], value)

        return set_messages
    if each == "bytes":

        def set_bytes(message: Any, mapping: Object) -> None:
            target = getattr(message, field)
            for key, value in mapping.items():
                target[key] = base64.b64decode(value)

        return set_bytes
    return lambda message, mapping: getattr(message, field).update(mapping)
