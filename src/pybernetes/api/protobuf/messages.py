"""Message classes for Kubernetes' types, built from the facts into a descriptor pool of our own.

A package (`k8s.io.api.apps.v1`) becomes one file of the pool when one of its messages is first asked for,
together with the packages that it refers to. protobuf's C runtime parses and serialises.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from pybernetes.api import facts

_Proto = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Proto.TYPE_STRING,
    "bool": _Proto.TYPE_BOOL,
    "bytes": _Proto.TYPE_BYTES,
    "int32": _Proto.TYPE_INT32,
    "int64": _Proto.TYPE_INT64,
    "double": _Proto.TYPE_DOUBLE,
}

META = "k8s.io.apimachinery.pkg.apis.meta.v1"
RUNTIME = "k8s.io.apimachinery.pkg.runtime"
_PACKAGES = {
    "apiextensions.k8s.io": "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "k8s.io.kube_aggregator.pkg.apis.apiregistration",
}


class Messages:
    """The pool. `fields` and `presence` are the facts, kept once protobuf is in use."""

    def __init__(self) -> None:
        self.fields = facts.protobuf_fields()
        self.presence = facts.protobuf_presence()
        self._pool = descriptor_pool.DescriptorPool()
        self._added: set[str] = set()
        self._by_package: dict[str, list[str]] = {}
        for name in self.fields:
            self._by_package.setdefault(name.rpartition(".")[0], []).append(name)

    def message(self, name: str) -> Any:
        """The class of a message. Raises KeyError."""
        if name not in self.fields:
            raise KeyError(name)
        self._add(name.rpartition(".")[0])
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(name))

    def _add(self, package: str) -> None:
        if package in self._added:
            return
        self._added.add(package)
        file = descriptor_pb2.FileDescriptorProto(name=package, package=package, syntax="proto2")
        needed: set[str] = set()
        for name in self._by_package[package]:
            message = file.message_type.add(name=name.rpartition(".")[2])
            for number, field, type_ in self.fields[name]:
                _add_field(message, name, number, field, type_, needed)
        needed.discard(package)
        for other in sorted(needed):
            self._add(other)
            file.dependency.append(other)
        self._pool.Add(file)


def _add_field(message: Any, owner: str, number: int, name: str, type_: str, needed: set[str]) -> None:
    field = message.field.add(name=name, number=number, label=_Proto.LABEL_OPTIONAL)
    if type_.startswith("map<"):
        key, value = type_[4:-1].split(",")
        entry = message.nested_type.add(name=f"{name[:1].upper()}{name[1:]}Entry")
        entry.options.map_entry = True
        _set_type(entry.field.add(name="key", number=1, label=_Proto.LABEL_OPTIONAL), key, needed)
        _set_type(entry.field.add(name="value", number=2, label=_Proto.LABEL_OPTIONAL), value, needed)
        field.label = _Proto.LABEL_REPEATED
        field.type = _Proto.TYPE_MESSAGE
        field.type_name = f".{owner}.{entry.name}"
        return
    if type_.startswith("repeated "):
        field.label = _Proto.LABEL_REPEATED
        type_ = type_.removeprefix("repeated ")
    _set_type(field, type_, needed)


def _set_type(field: Any, type_: str, needed: set[str]) -> None:
    scalar = _SCALARS.get(type_)
    if scalar is not None:
        field.type = scalar
        return
    field.type = _Proto.TYPE_MESSAGE
    field.type_name = "." + type_
    needed.add(type_.rpartition(".")[0])


@cache
def messages() -> Messages:
    return Messages()


def message_name(api_version: str, kind: str) -> str:
    """The full name of the message of a kind; options and lists of meta/v1 may come under any group. KeyError."""
    group, _, version = api_version.rpartition("/")
    package = _PACKAGES.get(group) or f"k8s.io.api.{group.partition('.')[0] or 'core'}"
    name = f"{package}.{version}.{kind}"
    fields = messages().fields
    if name in fields:
        return name
    if f"{META}.{kind}" in fields:
        return f"{META}.{kind}"
    raise KeyError(name)


def definition_name(message: str) -> str:
    """The OpenAPI definition of the same type: `io.k8s.api.apps.v1.Deployment`."""
    name = message.replace("apiextensions_apiserver", "apiextensions-apiserver")
    return "io.k8s." + name.replace("kube_aggregator", "kube-aggregator").removeprefix("k8s.io.")
