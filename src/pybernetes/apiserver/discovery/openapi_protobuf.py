"""An OpenAPI v2 document in protobuf form, which older kubectls ask for: JSON in, the message's bytes out.

The messages' fields come from the facts. Most of a document maps by name; the rest are maps written as lists of
named values, choices between messages, and free values, which are written as YAML (JSON is YAML).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from pybernetes.api import facts

Object = dict[str, Any]

_PACKAGE = "openapi.v2."
_VARINT, _DOUBLE, _BYTES = 0, 1, 2
_NAMED_LISTS = ("additional_properties", "path", "response_code")
_json = msgspec.json.Encoder().encode


def encode_document(document: bytes) -> bytes:
    """From a document in JSON to the message openapi.v2.Document."""
    return _message("Document", msgspec.json.decode(document))


@cache
def _facts() -> dict[str, list[list[Any]]]:
    return facts.openapi_v2_protobuf_fields()


@cache
def _fields(message: str) -> dict[str, tuple[int, str]]:
    """Field name -> number and type, without the package."""
    listed = _facts()[_PACKAGE + message]
    return {
        name: (number, kind.replace(_PACKAGE, "").replace(" oneof oneof", ""))
        for number, name, kind in listed
    }


@cache
def _field_name(key: str) -> str:
    if key == "$ref":
        return "_ref"
    return re.sub(r"([A-Z])", lambda found: "_" + found.group(1).lower(), key)


def _varint(number: int) -> bytes:
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _tagged(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(data)) + data


def _scalar(number: int, kind: str, value: Any) -> bytes:
    if kind == "bool":
        return _varint(number << 3 | _VARINT) + (b"\1" if value else b"\0")
    if kind == "int64":
        return _varint(number << 3 | _VARINT) + _varint(int(value))
    if kind == "double":
        return _varint(number << 3 | _DOUBLE) + struct.pack("<d", value)
    return _tagged(number, str(value).encode())


def _any(value: Any) -> bytes:
    return _scalar(2, "string", _json(value).decode() + "\n")


def _message(name: str, value: Any) -> bytes:
    special = _SPECIAL.get(name)
    if special is not None:
        return special(value)
    fields = _fields(name)
    named = next(
        (field for field in _NAMED_LISTS if fields.get(field, (0, ""))[1].startswith("repeated Named")), None
    )
    if named is not None:
        return _named_list(fields, named, value)
    out: list[bytes] = []
    for key, one in value.items():
        if key.startswith("x-"):
            out.append(_extension(fields, key, one))
            continue
        found = fields.get(_field_name(key))
        if found is not None:
            out.append(_field(*found, one))
    return b"".join(out)


def _extension(fields: dict[str, tuple[int, str]], key: str, value: Any) -> bytes:
    found = fields.get("vendor_extension")
    if found is None:
        return b""
    return _tagged(found[0], _scalar(1, "string", key) + _tagged(2, _any(value)))


def _named_list(fields: dict[str, tuple[int, str]], field: str, value: Object) -> bytes:
    """A JSON object as repeated messages of a name and a value."""
    number, kind = fields[field]
    entry = kind.removeprefix("repeated ")
    value_kind = _fields(entry)["value"][1]
    out = []
    for name, one in value.items():
        if name.startswith("x-") and "vendor_extension" in fields:
            out.append(_extension(fields, name, one))
        else:
            out.append(_tagged(number, _scalar(1, "string", name) + _field(2, value_kind, one)))
    return b"".join(out)


def _field(number: int, kind: str, value: Any) -> bytes:
    if kind.startswith("repeated "):
        return b"".join(_field(number, kind.removeprefix("repeated "), one) for one in value)
    if kind in ("string", "bool", "int64", "double"):
        return _scalar(number, kind, value)
    return _tagged(number, _message(kind, value))


def _choice(message: str, chosen: Callable[[Any], str]) -> Callable[[Any], bytes]:
    """A message that holds one of several: `chosen` names the member for a value."""

    def encode(value: Any) -> bytes:
        number, kind = _fields(message)[chosen(value)]
        return _field(number, kind, value)

    return encode


def _listed(value: Any) -> bytes:
    return _field(1, "repeated string", value if isinstance(value, list) else [value])


def _non_body(parameter: Object) -> str:
    names = {"header": "header", "formData": "form_data", "path": "path"}
    return f"{names.get(parameter.get('in', ''), 'query')}_parameter_sub_schema"


def _security(scheme: Object) -> str:
    return "api_key_security" if scheme.get("type") == "apiKey" else "basic_authentication_security"


_SPECIAL: dict[str, Callable[[Any], bytes]] = {
    "AdditionalPropertiesItem": _choice(
        "AdditionalPropertiesItem", lambda value: "boolean" if isinstance(value, bool) else "schema"
    ),
    "Any": _any,
    "ItemsItem": lambda value: _field(1, "repeated Schema", value if isinstance(value, list) else [value]),
    "NonBodyParameter": _choice("NonBodyParameter", _non_body),
    "Parameter": _choice(
        "Parameter", lambda value: "body_parameter" if value.get("in") == "body" else "non_body_parameter"
    ),
    "ParametersItem": _choice(
        "ParametersItem", lambda value: "json_reference" if "$ref" in value else "parameter"
    ),
    "ResponseValue": _choice(
        "ResponseValue", lambda value: "json_reference" if "$ref" in value else "response"
    ),
    "SchemaItem": _choice("SchemaItem", lambda value: "schema"),
    "SecurityDefinitionsItem": _choice("SecurityDefinitionsItem", _security),
    "StringArray": _listed,
    "TypeItem": _listed,
}
