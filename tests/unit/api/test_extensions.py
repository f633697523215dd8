"""Definitions of custom resources and API services: defaults and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.decoding import DecodeError, check
from pybernetes.api.defaults import apply_defaults
from pybernetes.api.kinds import API_SERVICES, CUSTOM_RESOURCE_DEFINITIONS
from pybernetes.api.schema import schema_for
from pybernetes.api.validation import validate_create, validate_update

Object = dict[str, Any]


def definition(name: str = "cats.example.com", **spec: Any) -> Object:
    obj: Object = {
        "metadata": {"name": name, "uid": "u", "resourceVersion": "1"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "cats", "kind": "Cat"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
            **spec,
        },
    }
    apply_defaults(CUSTOM_RESOURCE_DEFINITIONS, obj)
    return obj


def service(name: str = "v1.example.com", **spec: Any) -> Object:
    whole = {"group": "example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}
    return {"metadata": {"name": name, "uid": "u"}, "spec": {**whole, **spec}}


def refused(kind: Any, obj: Object) -> list[str]:
    return [str(error) for error in validate_create(kind, obj)]


def test_definitions_get_their_names() -> None:
    spec = definition()["spec"]
    assert spec["names"] == {"plural": "cats", "kind": "Cat", "singular": "cat", "listKind": "CatList"}
    assert spec["conversion"] == {"strategy": "None"}


def test_what_definitions_must_say() -> None:
    assert refused(CUSTOM_RESOURCE_DEFINITIONS, definition()) == []
    assert refused(CUSTOM_RESOURCE_DEFINITIONS, definition("dogs.example.com")) == [
        'metadata.name: Invalid value: "dogs.example.com": must be spec.names.plural+"."+spec.group'
    ]
    assert refused(CUSTOM_RESOURCE_DEFINITIONS, definition(scope="Everywhere")) == [
        'spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"'
    ]
    assert refused(CUSTOM_RESOURCE_DEFINITIONS, definition(versions=[{"name": "v1", "storage": True}])) == [
        "spec.versions[0].schema.openAPIV3Schema: Required value"
    ]


def test_the_scope_of_an_established_definition_stays() -> None:
    old = definition()
    old["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
    errors = validate_update(CUSTOM_RESOURCE_DEFINITIONS, definition(scope="Cluster"), old)
    assert [str(error) for error in errors] == ['spec.scope: Invalid value: "Cluster": field is immutable']


def test_what_api_services_must_say() -> None:
    assert refused(API_SERVICES, service()) == []
    assert refused(API_SERVICES, service("v1.")) == [
        'metadata.name: Invalid value: "v1.": must be `spec.version+"."+spec.group`: "v1.example.com"'
    ]
    assert refused(API_SERVICES, service(versionPriority=0)) == [
        "spec.versionPriority: Invalid value: 0: must be positive and less than 1000"
    ]
    assert refused(API_SERVICES, service(service={"name": "a"})) == ["spec.service.namespace: Required value"]


def test_schemas_within_schemas_are_read_as_such() -> None:
    types = schema_for(CUSTOM_RESOURCE_DEFINITIONS)

    def read(**props: Any) -> list[str]:
        version = {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", **props}}}
        return check({"metadata": {}, "spec": {"versions": [version]}}, types)

    assert read(items={"type": "string"}, additionalProperties=True, dependencies={"a": ["b"]}) == []
    assert read(items=[{"type": "string"}], additionalProperties={"type": "string"}) == []
    where = "spec.versions[0].schema.openAPIV3Schema"
    assert read(items={"odd": 1}) == [f'unknown field "{where}.items.odd"']
    assert read(properties={"a": {"items": [{"odd": 1}]}}) == [
        f'unknown field "{where}.properties.a.items[0].odd"'
    ]
    for props, words in (
        ({"items": 1}, "object or array expected"),
        ({"items": [1]}, "cannot unmarshal number"),
        ({"additionalProperties": "x"}, "boolean or JSON schema expected"),
        ({"dependencies": {"a": [1]}}, "cannot unmarshal number"),
    ):
        with pytest.raises(DecodeError, match=words):
            read(**props)
