"""The types in an OpenAPI document: references are handed out, and what they lead to is collected.

`Schemas(V3)` writes `#/components/schemas/...`, `Schemas(V2)` writes `#/definitions/...`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pybernetes.api import facts

Object = dict[str, Any]

V2, V3 = 2, 3

_PREFIX = {V2: "#/definitions/", V3: "#/components/schemas/"}
_V3_FORM: dict[str, Object] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}


def packed(part: Object) -> msgspec.Raw:
    """A part of a document as JSON already: a document of dicts would take ten times its bytes."""
    return msgspec.Raw(msgspec.json.encode(part))


class Schemas:
    """The types that a document has referred to so far."""

    def __init__(self, version: int) -> None:
        self.version = version
        self._wanted: dict[str, None] = {}
        self._extra: dict[str, Object] = {}
        self._defaults = facts.openapi_defaults() if version == V3 else {}
        self._enums = facts.openapi_enums()

    def ref(self, name: str) -> Object:
        """A reference to a definition, which the document will then contain."""
        self._wanted.setdefault(name)
        return {"$ref": _PREFIX[self.version] + name}

    def define(self, name: str, schema: Object) -> Object:
        """A reference to a type that the facts do not have, such as a custom resource's."""
        self._extra[name] = schema
        return self.ref(name)

    def definitions(self) -> Object:
        """Every type that was referred to, and what those refer to, by name."""
        found: Object = {}
        while len(found) < len(self._wanted):
            for name in [one for one in self._wanted if one not in found]:
                definition = self._extra[name] if name in self._extra else self._definition(name)
                found[name] = packed(definition)
        return {name: found[name] for name in sorted(found)}

    def _definition(self, name: str) -> Object:
        texts = facts.descriptions(name)
        definition = facts.definition(name)
        if self.version == V3 and name in _V3_FORM:
            return _described(_V3_FORM[name], texts.get("", ""))
        defaults = self._defaults.get(name, {})
        if self.version == V3:
            written = [field for field in facts.json_form(name) if field.endswith("!{}")]
            defaults = {**defaults, **{field.removesuffix("!{}"): {} for field in written}}
        properties = definition.get("properties")
        if properties is not None:
            enums = self._enums.get(name, {})
            definition["properties"] = {
                field: _limited(self._property(schema, texts.get(field, ""), field, defaults), field, enums)
                for field, schema in properties.items()
            }
        return _described(definition, texts.get("", ""))

    def _property(self, schema: Object, text: str, field: str, defaults: Object) -> Object:
        shown = self._schema(schema)
        if field in defaults:
            shown["default"] = defaults[field]
        if self.version == V3 and "$ref" in shown and text:
            # Beside a $ref nothing else may stand in OpenAPI 3.0.
            shown = {"allOf": [{"$ref": shown.pop("$ref")}], **shown}
        return _described(shown, text)

    def _schema(self, schema: Object) -> Object:
        shown = dict(schema)
        if "$ref" in shown:
            shown.update(self.ref(shown["$ref"]))
        for part in ("items", "additionalProperties"):
            if isinstance(shown.get(part), dict):
                shown[part] = self._schema(shown[part])
        return shown


def _limited(schema: Object, field: str, enums: dict[str, list[str]]) -> Object:
    """With the values that the field may have; those of its members stand under `FIELD/items`."""
    for path, part in (
        (field, schema),
        (f"{field}/items", schema.get("items")),
        (f"{field}/additionalProperties", schema.get("additionalProperties")),
    ):
        if path in enums and isinstance(part, dict):
            part["enum"] = enums[path]
    return schema


def _described(schema: Object, text: str) -> Object:
    return {"description": text, **schema} if text else dict(schema)
