"""How a message's fields are called in JSON, and which of them stand in their parent's place.

Protobuf names follow Go's, so most are the JSON names; embedded structs are messages in protobuf and
nothing at all in JSON (`volumeSource`), and the rest differs in capitals or has names of its own.
"""

from __future__ import annotations

from functools import cache

from pybernetes.api import facts
from pybernetes.api.protobuf.messages import definition_name, messages

_SCHEMA_NAMES = {
    "schema": "$schema",
    "ref": "$ref",
    "xKubernetesPreserveUnknownFields": "x-kubernetes-preserve-unknown-fields",
    "xKubernetesEmbeddedResource": "x-kubernetes-embedded-resource",
    "xKubernetesIntOrString": "x-kubernetes-int-or-string",
    "xKubernetesListMapKeys": "x-kubernetes-list-map-keys",
    "xKubernetesListType": "x-kubernetes-list-type",
    "xKubernetesMapType": "x-kubernetes-map-type",
    "xKubernetesValidations": "x-kubernetes-validations",
}

INLINE = ""
"""The JSON name of an embedded struct: its fields belong to the parent."""


@cache
def json_names(message: str) -> dict[str, str]:
    """JSON names by protobuf names."""
    if message.endswith(".JSONSchemaProps"):
        return {name: _SCHEMA_NAMES.get(name, name) for _, name, _ in messages().fields[message]}
    definition = definition_name(message)
    properties: dict[str, str] = {}
    if facts.has(definition):
        properties = {name.lower(): name for name in facts.definition(definition).get("properties", {})}
    result = {}
    for _, name, type_ in messages().fields[message]:
        if name.lower() in properties:
            result[name] = properties[name.lower()]
        elif properties and type_ in messages().fields:
            result[name] = INLINE
        else:
            result[name] = name[:1].lower() + name[1:]
    return result
