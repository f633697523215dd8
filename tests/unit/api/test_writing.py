"""Encoding in C and putting in order in Python come to the same bytes, whatever an object sets."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pybernetes.api import schema as types
from pybernetes.api.kinds import BUILTIN_KINDS, DEPLOYMENTS, PODS
from pybernetes.api.schema import Field, ObjectType, schema_for
from pybernetes.api.writing import writer
from pybernetes.api.written import written

DEPTH = 7
VALUES: dict[int, Any] = {
    types.BOOLEAN: True,
    types.BYTES: "YWJj",
    types.INTEGER: 7,
    types.INT_OR_STRING: "25%",
    types.MICRO_TIME: "2026-01-02T03:04:05.000006Z",
    types.NUMBER: 1.5,
    types.QUANTITY: "2500m",
    types.STRING: "text",
    types.TIME: "2026-01-02T03:04:05Z",
}


def value(field: Field, depth: int, every: int) -> Any:
    if field.type == types.OBJECT:
        return filled(field.object, depth - 1, every) if depth else {}
    if field.type == types.LIST and field.element is not None:
        return [value(field.element, depth, every)] * 2
    if field.type == types.MAP and field.element is not None:
        return {"b": value(field.element, depth, every), "a": value(field.element, depth, every)}
    return VALUES.get(field.type, {"f:spec": {}})


def filled(type_: ObjectType, depth: int, every: int) -> dict[str, Any]:
    """An object with every n-th field set, and the last first; what is always set may be left out."""
    names = list(type_.fields)[::-every]
    return {name: value(type_.fields[name], depth, every) for name in names}


KINDS = [kind for kind in BUILTIN_KINDS if "create" in kind.verbs]
UNKNOWN_TO_MSGSPEC = {"ControllerRevision", "CustomResourceDefinition", "DeviceClass", "ResourceClaim"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.group}/{kind.kind}")
def test_both_ways_come_to_the_same_bytes(kind: Any) -> None:
    type_ = schema_for(kind)
    write = writer(type_)
    if write is None:
        assert kind.kind.removesuffix("Template") in UNKNOWN_TO_MSGSPEC
        return
    for every in (1, 2, 3, 5):
        obj = filled(type_, DEPTH, every)
        assert write(obj) == msgspec.json.encode(written(obj, type_))


def test_what_is_the_same_as_nothing_is_left_out() -> None:
    write = writer(schema_for(PODS))
    assert write is not None
    pod = {"spec": {"hostNetwork": False, "nodeName": "", "containers": [{"name": "a", "args": []}]}}
    assert write(pod) == (b'{"metadata":{},"spec":{"containers":[{"name":"a","resources":{}}]},"status":{}}')
    nothing = {"spec": {"replicas": 0, "template": {}}}
    write = writer(schema_for(DEPLOYMENTS))
    assert write is not None
    assert b'"replicas":0' in (write(nothing) or b"")


def test_what_is_not_of_the_type_goes_the_long_way() -> None:
    write = writer(schema_for(PODS))
    assert write is not None
    assert write({"spec": {"unknown": 1}}) is None
    assert write({"spec": {"nodeName": 1}}) is None
    assert write({"spec": {"containers": msgspec.Raw(b"[]")}}) is None
