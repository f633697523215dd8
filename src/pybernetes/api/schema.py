"""The schema of a built-in type as tables: what fields it has, of what types, and how lists and maps merge.

`schema_for(kind)` answers the compiled type of a kind, `type_for(name)` that of a definition. Types are
compiled when first asked for, each once; a field that holds an object points to that object's type.
Reading objects against a schema is in `decoding.py`, defaulting in `defaults/`, merging in `patch/`.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api import facts
from pybernetes.api.kinds import Kind

STRING, INTEGER, NUMBER, BOOLEAN, BYTES = 1, 2, 3, 4, 5
QUANTITY, INT_OR_STRING, TIME, MICRO_TIME = 6, 7, 8, 9
OBJECT, LIST, MAP, ANY = 10, 11, 12, 13
SCHEMA_OR = 14
"""A JSON schema, or what may stand in its place: a list of them, true or false, or names (`Field.ref` says which)."""

ATOMIC, SET, BY_KEYS = "atomic", "set", "map"

META = "io.k8s.apimachinery.pkg.apis.meta.v1"

_SCALARS = {"string": STRING, "integer": INTEGER, "number": NUMBER, "boolean": BOOLEAN}
_SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": QUANTITY,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": INT_OR_STRING,
    f"{META}.Time": TIME,
    f"{META}.MicroTime": MICRO_TIME,
    f"{META}.FieldsV1": ANY,
    f"{META}.Patch": ANY,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ANY,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": ANY,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": SCHEMA_OR,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": SCHEMA_OR,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": SCHEMA_OR,
}
_GO_NAMES = {
    STRING: "string",
    NUMBER: "float64",
    BOOLEAN: "bool",
    BYTES: "[]uint8",
    QUANTITY: "resource.Quantity",
    INT_OR_STRING: "intstr.IntOrString",
    TIME: "v1.Time",
    MICRO_TIME: "v1.MicroTime",
}

_ZEROS: dict[int, Any] = {
    STRING: "",
    INTEGER: 0,
    NUMBER: 0,
    BOOLEAN: False,
    QUANTITY: "0",
    INT_OR_STRING: 0,
}
"""Of fields that are always written; anything else is null."""

_GROUP_PACKAGES = {
    "": "io.k8s.api.core",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
}


class Field:
    """The type of a field, a list's item or a map's value, and how it merges.

    `type` is one of the module's numbers; `bits` is 32 or 64 for integers; `object` the type of an OBJECT
    (compiled when read); `element` the type of the items of a LIST or the values of a MAP.
    """

    __slots__ = (
        "_object",
        "bits",
        "element",
        "list_map_keys",
        "list_type",
        "map_type",
        "merge_key",
        "omits_zero",
        "patch_strategy",
        "ref",
        "type",
        "writes_null",
    )

    def __init__(self, schema: dict[str, Any]) -> None:
        self.ref: str = schema.get("$ref", "")
        self.bits = 32 if schema.get("format") == "int32" else 64
        self.element: Field | None = None
        self.list_type: str = schema.get("x-kubernetes-list-type", "")
        self.list_map_keys: tuple[str, ...] = tuple(schema.get("x-kubernetes-list-map-keys", ()))
        self.map_type: str = schema.get("x-kubernetes-map-type", "")
        self.merge_key: str = schema.get("x-kubernetes-patch-merge-key", "")
        strategies = schema.get("x-kubernetes-patch-strategy", "")
        self.patch_strategy: tuple[str, ...] = tuple(strategies.split(",")) if strategies else ()
        self._object: ObjectType | None = None
        self.type = self._classify(schema)
        self.omits_zero = False
        """Whether its zero value is the same as none."""
        self.writes_null = False
        """Whether it is null, not left out, where nothing is set."""

    def _classify(self, schema: dict[str, Any]) -> int:
        if self.ref:
            return _SPECIAL.get(self.ref, OBJECT)
        kind = schema.get("type")
        if kind == "array":
            self.element = Field(schema["items"])
            return LIST
        if kind == "object":
            values = schema.get("additionalProperties")
            if not isinstance(values, dict):
                return ANY
            self.element = Field(values)
            return MAP
        if kind == "string" and schema.get("format") == "byte":
            return BYTES
        return _SCALARS.get(kind or "", ANY)

    @property
    def object(self) -> ObjectType:
        """The type of an OBJECT field."""
        if self._object is None:
            self._object = type_for(self.ref)
        return self._object

    @property
    def merges(self) -> bool:
        """A list that a strategic merge patch merges instead of replacing."""
        return "merge" in self.patch_strategy

    @property
    def go_name(self) -> str:
        """The type as Go's JSON errors write it."""
        if self.type == INTEGER:
            return f"int{self.bits}"
        if self.type == LIST and self.element is not None:
            return f"[]{self.element.go_name}"
        if self.type == MAP and self.element is not None:
            return f"map[string]{self.element.go_name}"
        if self.type == OBJECT:
            return self.object.go_name
        return _GO_NAMES.get(self.type, "object")


class ObjectType:
    """An object's fields by JSON name."""

    __slots__ = ("always", "fields", "map_type", "name", "order", "plans", "required")

    def __init__(self, name: str, definition: dict[str, Any]) -> None:
        self.name = name
        self.fields: dict[str, Field] = {
            field: Field(schema) for field, schema in definition.get("properties", {}).items()
        }
        self.order: tuple[str, ...] = ()
        """The fields in the order in which they are written; () for types of which that is not known."""
        self.always: dict[str, Any] = {}
        """What is written where nothing is set."""
        self.plans: dict[tuple[str, ...], Any] = {}
        """See `written.py`."""
        self._read_form(facts.json_form(name))
        self.required: tuple[str, ...] = tuple(definition.get("required", ()))
        self.map_type: str = definition.get("x-kubernetes-map-type", "")

    def _read_form(self, form: list[str]) -> None:
        names = []
        for entry in form:
            name = entry.rstrip("?!{}")
            field = self.fields.get(name)
            if field is None:
                continue
            names.append(name)
            if "!" in entry:
                zero = {} if entry.endswith("{}") else None if "?" in entry else _ZEROS.get(field.type)
                field.writes_null = zero is None
                self.always[name] = zero
            else:
                field.omits_zero = not entry.endswith("?")
        self.order = tuple(names)

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def go_name(self) -> str:
        """`v1.Container`."""
        return ".".join(self.name.split(".")[-2:])

    def field(self, path: str) -> Field | None:
        """The field at a dotted path through objects (`spec.template.spec`), or None."""
        here: ObjectType | None = self
        found: Field | None = None
        for name in path.split("."):
            found = here.fields.get(name) if here is not None else None
            if found is None:
                return None
            here = found.object if found.type == OBJECT else None
        return found


_types: dict[str, ObjectType] = {}


def type_for(name: str) -> ObjectType:
    """The compiled type of a definition such as `io.k8s.api.core.v1.Container`. Raises KeyError."""
    found = _types.get(name)
    if found is None:
        found = _types[name] = ObjectType(name, facts.definition(name))
    return found


def definition_name(group: str, version: str, kind: str) -> str:
    """`io.k8s.api.apps.v1.Deployment` for apps, v1, Deployment."""
    package = _GROUP_PACKAGES.get(group) or f"io.k8s.api.{group.partition('.')[0]}"
    return f"{package}.{version}.{kind}"


def schema_for(kind: Kind) -> ObjectType:
    """The compiled type of a built-in kind. Raises KeyError for one that has none."""
    return schema_of(kind.group, kind.version, kind.kind)


def schema_of(group: str, version: str, kind: str) -> ObjectType:
    """The compiled type of what a subresource takes: `schema_of("autoscaling", "v1", "Scale")`. Raises
    KeyError.
    """
    name = definition_name(group, version, kind)
    if name not in _types and not facts.has(name):
        meta = f"{META}.{kind}"
        if facts.has(meta):
            return type_for(meta)
    return type_for(name)
