"""Facts about Kubernetes 1.36 as data: definitions of all types, defaults in OpenAPI, protobuf field numbers.

`schemas.json` is made from a build dependency by `hatch_build.py`; the other files are part of the sources.
Definitions are read one at a time: parsed whole they would take more memory than the rest of an API server.
"""

from __future__ import annotations

import mmap
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

_HERE = Path(__file__).parent


class FactsMissing(RuntimeError):
    """schemas.json has not been built."""


class _Record(msgspec.Struct):
    schema: msgspec.Raw
    descriptions: msgspec.Raw


_record = msgspec.json.Decoder(_Record).decode


class _Definitions:
    """The file mapped into memory, and where each definition stands in it."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise FactsMissing(f"{path} is missing: run `python hatch_build.py` in the checkout") from None
        self.places: dict[str, tuple[int, int]] = {}
        start = self._bytes.find(b"\n") + 1
        while (end := self._bytes.find(b"\n", start)) != -1:
            quote = self._bytes.find(b'":', start, end)
            if quote != -1:
                stop = end - 1 if self._bytes[end - 1 : end] == b"," else end
                self.places[self._bytes[start + 1 : quote].decode()] = (quote + 2, stop)
            start = end + 1

    def record(self, name: str) -> _Record:
        start, stop = self.places[name]
        return _record(self._bytes[start:stop])


@cache
def _definitions() -> _Definitions:
    return _Definitions(_HERE / "schemas.json")


def names() -> list[str]:
    """The names of all definitions: `io.k8s.api.core.v1.Pod`, ..."""
    return list(_definitions().places)


def has(name: str) -> bool:
    return name in _definitions().places


def definition(name: str) -> dict[str, Any]:
    """One definition without descriptions; `$ref` holds a plain name. Raises KeyError."""
    found: dict[str, Any] = msgspec.json.decode(_definitions().record(name).schema)
    return found


def descriptions(name: str) -> dict[str, str]:
    """The texts of one definition by field, its own under ''. Raises KeyError."""
    found: dict[str, str] = msgspec.json.decode(_definitions().record(name).descriptions)
    return found


def openapi_enums() -> dict[str, dict[str, list[str]]]:
    """The values that fields may have, by definition and field (`FIELD/items`: those of a list's members). Read anew
    at each call."""
    found: dict[str, dict[str, list[str]]] = msgspec.json.decode((_HERE / "openapi_enums.json").read_bytes())
    return found


def openapi_defaults() -> dict[str, dict[str, Any]]:
    """Defaults that OpenAPI v3 states, by definition and field. Read anew at each call."""
    found: dict[str, dict[str, Any]] = msgspec.json.decode((_HERE / "openapi_defaults.json").read_bytes())
    return found


def protobuf_fields() -> dict[str, list[list[Any]]]:
    """`[number, name, type]` of every protobuf message, by full name. Read anew at each call."""
    found: dict[str, list[list[Any]]] = msgspec.json.decode((_HERE / "protobuf_fields.json").read_bytes())
    return found


def openapi_v2_protobuf_fields() -> dict[str, list[list[Any]]]:
    """The same for OpenAPI v2 documents in protobuf form. Read anew at each call."""
    path = _HERE / "openapi_v2_protobuf_fields.json"
    found: dict[str, list[list[Any]]] = msgspec.json.decode(path.read_bytes())
    return found


def protobuf_presence() -> dict[str, list[str]]:
    """Fields whose zero value says something, by message: the others are left out of JSON when they are zero.

    They are optional in Go (pointers) or always written. Read anew at each call.
    """
    found: dict[str, list[str]] = msgspec.json.decode((_HERE / "protobuf_presence.json").read_bytes())
    return found


@cache
def _json_forms() -> dict[str, str]:
    forms: dict[str, str] = msgspec.json.decode((_HERE / "json_form.json").read_bytes())
    return forms


def json_form(name: str) -> list[str]:
    """The fields of a definition in the order in which upstream writes them; [] for one that is not known.

    A name ends in `!` when the field is written even if nothing is set (as its zero value, `!{}`: as an empty
    object, `!?`: as null), in `?` when its zero value says something; any other field is left out when it is zero.
    """
    return _json_forms().get(name, "").split()


def internal_types() -> dict[str, str]:
    """How upstream has some types in itself, by name: their fields in order, joined by `; `, each as four words.

    The words are the name inside, the name in JSON (after `^`: a field of the holder), what it is (`v` value, `p`
    pointer, `l` list, `m` map) and of what: another type, or `s` text, `b` boolean, `i` integer, `q` quantity, `n`
    integer or text, `J` what has its JSON form inside, too, `M` metadata in place. Read anew at each call.
    """
    found: dict[str, str] = msgspec.json.decode((_HERE / "internal_types.json").read_bytes())
    return found
