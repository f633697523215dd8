"""The operations in an OpenAPI document: for each kind, its paths with what can be done there.

Every operation says the group, version and kind that it is about (`x-kubernetes-group-version-kind`) and
what it does (`x-kubernetes-action`); clients find their way by these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pybernetes.api import facts
from pybernetes.api.kind import Kind, Subresource
from pybernetes.api.openapi.naming import tag as tag_of
from pybernetes.api.openapi.naming import title, with_article
from pybernetes.api.openapi.parameters import (
    CONNECT_PARAMETERS,
    DELETE_PARAMETERS,
    LIST_PARAMETERS,
    PATCH_PARAMETERS,
    PATH_PARAMETERS,
    SELECTION_PARAMETERS,
    WRITE_PARAMETERS,
    Parameter,
)
from pybernetes.api.openapi.schemas import V3, Schemas, packed
from pybernetes.api.schema import META, definition_name

Object = dict[str, Any]

JSON = "application/json"
_OBJECT_TYPES = (JSON, "application/yaml", "application/vnd.kubernetes.protobuf")
_LIST_TYPES = (
    *_OBJECT_TYPES,
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
)
_PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_CONNECT_METHODS = {
    "get": "Get",
    "post": "Post",
    "put": "Put",
    "patch": "Patch",
    "delete": "Delete",
    "head": "Head",
    "options": "Options",
}
_RETURNED_WHEN_DELETED = frozenset(
    (
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
        "csidrivers",
        "csinodes",
        "storageclasses",
        "volumeattachments",
        "volumeattributesclasses",
        "deviceclasses",
        "resourceclaims",
        "resourceclaimtemplates",
        "resourceslices",
    )
)
"""Resources whose deletion answers the object instead of a Status."""
_WORDS = {201: "Created", 202: "Accepted"}
_TALKING = {"get": "Get", "post": "Post"}
_CONNECT_NAMES = frozenset(("attach", "exec", "portforward", "proxy"))


def paths_of(kinds: Iterable[Kind], schemas: Schemas) -> Object:
    """All paths of the kinds, sorted."""
    found: Object = {}
    for kind in kinds:
        writer = _Writer(kind, schemas)
        parts = [writer.collections(), writer.objects(), *map(writer.subresource, kind.subresources)]
        for part in parts:
            found.update({path: packed(operations) for path, operations in part.items()})
    return {path: found[path] for path in sorted(found)}


class _Writer:
    """Writes the paths of one kind."""

    def __init__(self, kind: Kind, schemas: Schemas) -> None:
        self.kind = kind
        self.schemas = schemas
        base = kind.prefix
        self.all = f"{base}/{kind.resource}"
        self.collection = f"{base}/namespaces/{{namespace}}/{kind.resource}" if kind.namespaced else self.all
        self.item = f"{self.collection}/{{name}}"
        self.definition = definition_name(kind.group, kind.version, kind.kind)
        self.gvk = {"group": kind.group, "kind": kind.kind, "version": kind.version}
        self.group_version = f"{title(kind.group)}{kind.version.capitalize()}"
        self.scope = "Namespaced" if kind.namespaced else ""
        self.scoped = f"{self.group_version}{self.scope}{kind.kind}"
        self.tag = f"{tag_of(kind.group)}_{kind.version}"

    def collections(self) -> Object:
        verbs = set(self.kind.verbs)
        operations: Object = {}
        if "list" in verbs:
            operations["get"] = self._list(f"list{self.scoped}")
        if "create" in verbs:
            operations["post"] = self._operation(
                f"create{self.scoped}", "post", f"create {with_article(self.kind.kind)}", WRITE_PARAMETERS,
                self._object(), 201, 202, body=self.definition,
            )  # fmt: skip
        if "deletecollection" in verbs:
            operations["delete"] = self._operation(
                f"delete{self.group_version}Collection{self.scope}{self.kind.kind}", "deletecollection",
                f"delete collection of {self.kind.kind}",
                (*DELETE_PARAMETERS, *SELECTION_PARAMETERS), self.schemas.ref(f"{META}.Status"),
                body=f"{META}.DeleteOptions", optional_body=True,
            )  # fmt: skip
        found: Object = {}
        if operations:
            found[self.collection] = self._with_path_parameters(operations, named=False)
        if self.kind.namespaced and "list" in verbs:
            name = f"list{self.group_version}{self.kind.kind}ForAllNamespaces"
            found[self.all] = self._with_path_parameters(
                {"get": self._list(name)}, named=False, everywhere=True
            )
        return found

    def objects(self) -> Object:
        operations = self._item_operations(set(self.kind.verbs), "", self.definition, self.gvk)
        if "delete" in self.kind.verbs:
            operations["delete"] = self._operation(
                f"delete{self.scoped}", "delete", f"delete {with_article(self.kind.kind)}", DELETE_PARAMETERS,
                self._deleted(), 202, body=f"{META}.DeleteOptions", optional_body=True,
            )  # fmt: skip
        return {self.item: self._with_path_parameters(operations)} if operations else {}

    def subresource(self, sub: Subresource) -> Object:
        path = f"{self.item}/{sub.name}"
        if sub.name in _CONNECT_NAMES:
            return self._connect(path, sub)
        gvk = self.gvk
        definition = self.definition
        if sub.kind:
            gvk = {"group": sub.group, "kind": sub.kind, "version": sub.version}
            definition = definition_name(sub.group, sub.version, sub.kind)
            if not facts.has(definition):
                definition = f"{META}.{sub.kind}"
        if sub.name == "log":
            text: Object = {"type": "string"}
            operation = self._operation(
                f"read{self.scoped}Log", "get", f"read log of the specified {self.kind.kind}",
                CONNECT_PARAMETERS["log"], text, types=("text/plain", *_OBJECT_TYPES),
            )  # fmt: skip
            return {path: self._with_path_parameters({"get": operation})}
        verbs = set(sub.verbs)
        suffix = "".join(part.capitalize() for part in sub.name.split("-"))
        operations = self._item_operations(verbs, suffix, definition, gvk)
        if "create" in verbs:
            operations["post"] = self._operation(
                f"create{self.scoped}{suffix}", "post", f"create {sub.name} of {with_article(self.kind.kind)}",
                WRITE_PARAMETERS, self.schemas.ref(definition), 201, 202, body=definition, gvk=gvk,
            )  # fmt: skip
        return {path: self._with_path_parameters(operations)} if operations else {}

    def _item_operations(self, verbs: set[str], suffix: str, definition: str, gvk: Object) -> Object:
        of = f"{suffix.lower()} of " if suffix else ""
        what = f"{of}the specified {self.kind.kind}"
        shown = self.schemas.ref(definition)
        operations: Object = {}
        if "get" in verbs:
            name = f"read{self.scoped}{suffix}"
            operations["get"] = self._operation(name, "get", f"read {what}", (), shown, gvk=gvk)
        if "update" in verbs:
            operations["put"] = self._operation(
                f"replace{self.scoped}{suffix}", "put", f"replace {what}", WRITE_PARAMETERS, shown, 201,
                body=definition, gvk=gvk,
            )  # fmt: skip
        if "patch" in verbs:
            operations["patch"] = self._operation(
                f"patch{self.scoped}{suffix}", "patch", f"partially update {what}", PATCH_PARAMETERS, shown, 201,
                body=f"{META}.Patch", body_types=_PATCH_TYPES, gvk=gvk,
            )  # fmt: skip
        return operations

    def _connect(self, path: str, sub: Subresource) -> Object:
        gvk = {"group": "", "kind": sub.kind, "version": "v1"}
        methods = _CONNECT_METHODS if sub.name == "proxy" else _TALKING
        parameters = CONNECT_PARAMETERS.get(sub.name, ())
        suffix = sub.name.capitalize()

        def operations(tail: str) -> Object:
            return {
                method: self._operation(
                    f"connect{self.group_version}{word}{self.scope}{self.kind.kind}{suffix}{tail}",
                    "connect",
                    f"connect {method.upper()} requests to {sub.name} of {self.kind.kind}",
                    (),
                    {"type": "string"},
                    gvk=gvk,
                    types=("*/*",),
                )
                for method, word in methods.items()
            }

        found = {path: self._with_path_parameters(operations(""), more=parameters)}
        if sub.name == "proxy":
            tail = Parameter("path", "path to the resource", place="path", required=True)
            found[f"{path}/{{path}}"] = self._with_path_parameters(
                operations("WithPath"), more=(tail, *parameters)
            )
        return found

    def _deleted(self) -> Object:
        return (
            self._object()
            if self.kind.resource in _RETURNED_WHEN_DELETED
            else self.schemas.ref(f"{META}.Status")
        )

    def _object(self) -> Object:
        return self.schemas.ref(self.definition)

    def _list(self, name: str) -> Object:
        definition = f"{self.definition}List"
        shown = self.schemas.ref(definition) if facts.has(definition) else self._object()
        text = f"list or watch objects of kind {self.kind.kind}"
        return self._operation(name, "list", text, LIST_PARAMETERS, shown, types=_LIST_TYPES)

    def _with_path_parameters(
        self,
        operations: Object,
        named: bool = True,
        everywhere: bool = False,
        more: tuple[Parameter, ...] = (),
    ) -> Object:
        parameters = [PATH_PARAMETERS["name"]] if named else []
        if self.kind.namespaced and not everywhere:
            parameters.append(PATH_PARAMETERS["namespace"])
        version = self.schemas.version
        described = [
            one.definition(version, self.kind.kind) for one in (*parameters, *more, PATH_PARAMETERS["pretty"])
        ]
        return {**operations, "parameters": described}

    def _operation(
        self,
        name: str,
        action: str,
        text: str,
        parameters: tuple[Parameter, ...],
        answer: Object,
        *also: int,
        body: str = "",
        optional_body: bool = False,
        body_types: tuple[str, ...] = (),
        gvk: Object | None = None,
        types: tuple[str, ...] = _OBJECT_TYPES,
    ) -> Object:
        version = self.schemas.version
        operation: Object = {
            "tags": [self.tag],
            "description": text,
            "operationId": name,
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk or self.gvk,
        }
        described = [one.definition(version) for one in parameters]
        codes = {200: "OK", **{code: _WORDS[code] for code in also}}
        if version == V3:
            responses: Object = {
                str(code): {"description": word, "content": {one: {"schema": answer} for one in types}}
                for code, word in codes.items()
            }
            if body:
                schema = self.schemas.ref(body)
                operation["requestBody"] = {
                    "content": {one: {"schema": schema} for one in body_types or ("*/*",)},
                    **({} if optional_body else {"required": True}),
                }
        else:
            responses = {str(code): {"description": word, "schema": answer} for code, word in codes.items()}
            operation["consumes"] = list(body_types or ("*/*",))
            operation["produces"] = list(types)
            operation["schemes"] = ["https"]
            if body:
                described.insert(
                    0,
                    {"name": "body", "in": "body", "schema": self.schemas.ref(body)}
                    | ({} if optional_body else {"required": True}),
                )
        responses["401"] = {"description": "Unauthorized"}
        operation["responses"] = responses
        if described:
            operation["parameters"] = described
        return operation
