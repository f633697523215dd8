"""Objects through protobuf and back: what JSON clients would see."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.kinds import BUILTIN_KINDS
from pybernetes.api.protobuf import ProtobufError, decode, encode
from pybernetes.api.protobuf.decoding import decode_message
from pybernetes.api.protobuf.encoding import envelope
from pybernetes.api.protobuf.messages import message_name, messages

Object = dict[str, Any]

POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web",
        "labels": {"app": "web"},
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "managedFields": [{"manager": "x", "fieldsV1": {"f:spec": {}}}],
    },
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "web",
                "image": "web:1",
                "ports": [{"containerPort": 80}],
                "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}},
                "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5},
                "readinessProbe": {"tcpSocket": {"port": 8080}},
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": False}}}
                ],
            }
        ],
        "volumes": [
            {"name": "v", "emptyDir": {}},
            {"name": "c", "configMap": {"name": "cm", "defaultMode": 420}},
        ],
    },
    "status": {
        "containerStatuses": [{"name": "web", "ready": False, "restartCount": 0, "image": "", "imageID": ""}]
    },
}

OTHERS: list[Object] = [
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "AAH/", "b": ""}},
    {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"},
     "spec": {"renewTime": "2026-01-02T03:04:05.678901Z", "leaseDurationSeconds": 40}},
    {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "p"},
     "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"a": "b"}}}},
    {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "r"}, "revision": 1,
     "data": {"spec": {"x": [1, None]}}},
    {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {},
     "status": {"user": {"username": "u", "extra": {"k": ["v", "w"]}}}},
    {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"},
     "spec": {"rules": [{"host": "h", "http": {"paths": [{"path": "/", "pathType": "Prefix",
      "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]}},
    {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "c"},
     "spec": {"group": "g", "scope": "Namespaced", "names": {"plural": "c", "kind": "C"},
      "versions": [{"name": "v1", "served": True, "storage": False, "schema": {"openAPIV3Schema": {
       "type": "object", "x-kubernetes-preserve-unknown-fields": True,
       "properties": {"a": {"type": "array", "items": {"type": "string", "default": "x", "enum": ["x", 1]}},
                      "b": {"additionalProperties": {"type": "integer"}}, "c": {"additionalProperties": True}}}}}]}},
]  # fmt: skip


@pytest.mark.parametrize("obj", [POD, *OTHERS], ids=lambda obj: obj["kind"])
def test_round_trip(obj: Object) -> None:
    assert decode(encode(obj)) == obj


def test_zeros_that_go_writes_but_json_leaves_out_are_left_out() -> None:
    service = messages().message(message_name("v1", "Service"))()
    service.metadata.name = "s"
    service.metadata.namespace = ""
    service.metadata.generation = 0
    service.metadata.creationTimestamp.SetInParent()
    service.spec.publishNotReadyAddresses = False
    service.spec.clusterIP = ""
    service.spec.allocateLoadBalancerNodePorts = False
    decoded = decode(envelope("v1", "Service", service.SerializeToString()))
    assert decoded["metadata"] == {"name": "s"}
    assert decoded["spec"] == {"allocateLoadBalancerNodePorts": False}


def test_options_come_under_any_group() -> None:
    raw = messages().message(message_name("v1", "DeleteOptions"))(gracePeriodSeconds=0).SerializeToString()
    decoded = decode(envelope("apps/v1", "DeleteOptions", raw))
    assert decoded == {"apiVersion": "apps/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"k8s\0\xff",
        envelope("v1", "Nothing", b""),
        envelope("v1", "Pod", b"\x0a\xff"),
        encode(POD)[:-7],
    ],
)
def test_broken_bodies(body: bytes) -> None:
    with pytest.raises(ProtobufError):
        decode(body)


def test_strings_have_to_be_text() -> None:
    with pytest.raises(ProtobufError):
        decode_message(message_name("v1", "ConfigMap"), b"\x0a\x04\x0a\x02\xff\xfe")


@pytest.mark.parametrize("kind", BUILTIN_KINDS, ids=lambda kind: kind.group_kind)
def test_every_built_in_kind_has_a_message(kind: Any) -> None:
    obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}}
    assert decode(encode(obj)) == obj
