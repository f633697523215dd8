"""OpenAPI v2 in protobuf form: read back by a reader that knows the wire format only."""

from __future__ import annotations

import json
from typing import Any

from pybernetes.apiserver.discovery.openapi_protobuf import encode_document


def read(data: bytes) -> dict[int, list[Any]]:
    """Field number -> values: bytes, or numbers for varints."""
    found: dict[int, list[Any]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        result = shift = 0
        while True:
            byte = data[at]
            at += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    while at < len(data):
        key = varint()
        if key & 7 == 2:
            length = varint()
            found.setdefault(key >> 3, []).append(data[at : at + length])
            at += length
        else:
            found.setdefault(key >> 3, []).append(varint())
    return found


DOCUMENT = {
    "swagger": "2.0",
    "info": {"title": "Kubernetes", "version": "v1"},
    "paths": {
        "/api/v1/pods": {
            "get": {
                "operationId": "list",
                "parameters": [
                    {"in": "query", "name": "limit", "type": "integer", "uniqueItems": True},
                    {"in": "body", "name": "body", "schema": {"$ref": "#/definitions/Pod"}},
                ],
                "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/Pod"}}},
                "x-kubernetes-action": "list",
            }
        }
    },
    "definitions": {
        "Pod": {
            "type": "object",
            "required": ["spec"],
            "properties": {"labels": {"type": "object", "additionalProperties": {"type": "string"}}},
            "x-kubernetes-group-version-kind": [{"group": "", "kind": "Pod", "version": "v1"}],
        }
    },
}


def test_a_document() -> None:
    document = read(encode_document(json.dumps(DOCUMENT).encode()))
    assert document[1] == [b"2.0"]
    assert read(document[2][0]) == {1: [b"Kubernetes"], 2: [b"v1"]}


def test_definitions_and_extensions() -> None:
    document = read(encode_document(json.dumps(DOCUMENT).encode()))
    named = read(read(document[9][0])[1][0])
    assert named[1] == [b"Pod"]
    pod = read(named[2][0])
    assert pod[19] == [b"spec"]
    assert read(pod[22][0]) == {1: [b"object"]}
    extension = read(pod[31][0])
    assert extension[1] == [b"x-kubernetes-group-version-kind"]
    assert json.loads(read(extension[2][0])[2][0]) == [{"group": "", "kind": "Pod", "version": "v1"}]
    labels = read(read(read(pod[25][0])[1][0])[2][0])
    assert read(read(read(labels[21][0])[1][0])[22][0]) == {1: [b"string"]}


def test_paths_and_parameters() -> None:
    document = read(encode_document(json.dumps(DOCUMENT).encode()))
    path = read(read(document[8][0])[2][0])
    assert path[1] == [b"/api/v1/pods"]
    operation = read(read(path[2][0])[2][0])
    query, body = (read(read(one)[1][0]) for one in operation[8])
    limit = read(read(query[2][0])[3][0])
    assert limit[4] == [b"limit"] and limit[20] == [1]
    assert read(read(body[1][0])[5][0]) == {1: [b"#/definitions/Pod"]}
    response = read(read(operation[9][0])[1][0])
    assert response[1] == [b"200"]
