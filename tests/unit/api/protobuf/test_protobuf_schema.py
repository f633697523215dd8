"""What protobuf can say of a built-in kind, its schema knows: bodies in protobuf need no check against it."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.kinds import BUILTIN_KINDS
from pybernetes.api.protobuf import ProtobufError
from pybernetes.api.protobuf.decoding import decode_message
from pybernetes.api.protobuf.messages import message_name, messages
from pybernetes.api.protobuf.names import INLINE, json_names
from pybernetes.api.schema import OBJECT, ObjectType, schema_for

RESOURCES = "k8s.io.api.core.v1.ResourceRequirements"


def unknown_fields(message: str, type_: ObjectType, seen: set[tuple[str, str]]) -> list[str]:
    """Of a message and of all within it."""
    if (message, type_.name) in seen:
        return []
    seen.add((message, type_.name))
    found: list[str] = []
    names = json_names(message)
    for _, name, what in messages().fields[message]:
        what = what.removeprefix("repeated ")
        if what.startswith("map<"):
            what = what[4:-1].partition(",")[2]
        if names[name] == INLINE:
            found += unknown_fields(what, type_, seen)
            continue
        field = type_.fields.get(names[name])
        if field is None:
            found.append(f"{type_.name}.{names[name]}")
            continue
        while field.element is not None:
            field = field.element
        if what in messages().fields and field.type == OBJECT:
            found += unknown_fields(what, field.object, seen)
    return found


@pytest.mark.parametrize("kind", BUILTIN_KINDS, ids=lambda kind: f"{kind.group}/{kind.kind}")
def test_every_field_of_a_message_is_a_field_of_the_schema(kind: Any) -> None:
    assert unknown_fields(message_name(kind.api_version, kind.kind), schema_for(kind), set()) == []


def limits(quantity: str) -> bytes:
    message = messages().message(RESOURCES)()
    message.limits["cpu"].string = quantity
    return bytes(message.SerializeToString())


def test_quantities_come_in_their_canonical_form() -> None:
    assert decode_message(RESOURCES, limits("0.5")) == {"limits": {"cpu": "500m"}}
    with pytest.raises(ProtobufError, match="quantities must match the regular expression"):
        decode_message(RESOURCES, limits("half"))
