"""The protobuf messages of CRI v1, as `api_pb2`, and of containerd's event service, as `ENVELOPE` and friends.

`cri_api/__init__.py` imports Google's grpc package, which costs a node 12 MB that it never uses; so the
one generated file is loaded by its path. containerd's own messages are few: they are described here and
built into a private descriptor pool, so that no other package's symbols can collide with them.
Sources: https://github.com/kubernetes/cri-api (runtime.v1) and containerd's api/services/events/v1,
api/events (the field numbers are part of containerd's stable API).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2, message_factory

MODULE = "cri_api.v1.api_pb2"


def _load() -> ModuleType:
    loaded = sys.modules.get(MODULE)
    if loaded is not None:
        return loaded
    package = importlib.util.find_spec("cri_api")
    if package is None or not package.submodule_search_locations:
        raise ImportError("container-runtime-interface-api is not installed: pip install pybernetes again")
    path = Path(package.submodule_search_locations[0]) / "v1" / "api_pb2.py"
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded: install container-runtime-interface-api again")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from cri_api.v1 import api_pb2
else:
    api_pb2 = _load()

__all__ = ["ENVELOPE", "EVENT_TYPES", "SUBSCRIBE_REQUEST", "Empty", "api_pb2"]

Empty = empty_pb2.Empty

_TYPES = descriptor_pb2.FieldDescriptorProto.Type
_INT64 = _TYPES.Value("TYPE_INT64")
_INT32 = _TYPES.Value("TYPE_INT32")
_STRING = _TYPES.Value("TYPE_STRING")
_MESSAGE = _TYPES.Value("TYPE_MESSAGE")
_BYTES = _TYPES.Value("TYPE_BYTES")
_UINT32 = _TYPES.Value("TYPE_UINT32")

# message -> fields (name, number, type); a type that is text names another message
_MESSAGES: dict[str, list[tuple[str, int, Any]]] = {
    "Timestamp": [("seconds", 1, _INT64), ("nanos", 2, _INT32)],
    "Any": [("type_url", 1, _STRING), ("value", 2, _BYTES)],
    "SubscribeRequest": [("filters", 1, _STRING)],
    "Envelope": [
        ("timestamp", 1, "Timestamp"),
        ("namespace", 2, _STRING),
        ("topic", 3, _STRING),
        ("event", 4, "Any"),
    ],
    "TaskStart": [("container_id", 1, _STRING), ("pid", 2, _UINT32)],
    "TaskDelete": [
        ("container_id", 1, _STRING),
        ("pid", 2, _UINT32),
        ("exit_status", 3, _UINT32),
        ("exited_at", 4, "Timestamp"),
        ("id", 5, _STRING),
    ],
    "TaskExit": [
        ("container_id", 1, _STRING),
        ("id", 2, _STRING),
        ("pid", 3, _UINT32),
        ("exit_status", 4, _UINT32),
        ("exited_at", 5, "Timestamp"),
    ],
    "TaskOOM": [("container_id", 1, _STRING)],
}


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="pybernetes/containerd.proto", package="pybernetes.containerd", syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            repeated = field == "filters"
            added = message.field.add(name=field, number=number, label=3 if repeated else 1)
            if isinstance(kind, str):
                added.type = _MESSAGE
                added.type_name = f".{file.package}.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _build()
ENVELOPE = _CLASSES["Envelope"]
SUBSCRIBE_REQUEST = _CLASSES["SubscribeRequest"]
EVENT_TYPES = {name: _CLASSES[name] for name in ("TaskStart", "TaskDelete", "TaskExit", "TaskOOM")}
