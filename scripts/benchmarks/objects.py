"""What the load writes and asks for: paths and bodies, the same for every server."""

from __future__ import annotations

import json
from typing import Any

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service_account(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def pod(number: int, padding: int = 0) -> dict[str, Any]:
    """A pod as a Deployment would make it, about 2.8 KB once the server has filled it in."""
    container: dict[str, Any] = {
        "name": "main",
        "image": "registry.example.com/team/app:1.2.3",
        "command": ["/bin/app", "--serve"],
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "env": [
            {"name": "A", "value": "1"},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "100m", "memory": "64Mi"},
        },
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 10},
    }
    annotations = {"example.com/note": "a pod made by the load generator"}
    if padding:
        annotations["example.com/padding"] = "x" * padding
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"p-{number:06d}",
            "labels": {"app": "load", "tier": "backend", "idx": str(number)},
            "annotations": annotations,
        },
        "spec": {
            "containers": [container],
            "terminationGracePeriodSeconds": 30,
            "automountServiceAccountToken": False,
        },
    }


def config_map(number: int) -> dict[str, Any]:
    """What watchers are told of: about half a kilobyte of data."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"w-{number:06d}", "labels": {"run": "watch"}},
        "data": {"k": f"{number:0512d}"},
    }


def lease(number: int, renewed: str, revision: str = "") -> dict[str, Any]:
    """A node's heartbeat."""
    metadata: dict[str, Any] = {"name": f"node-{number:05d}", "namespace": "kube-node-lease"}
    if revision:
        metadata["resourceVersion"] = revision
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {"holderIdentity": f"node-{number:05d}", "leaseDurationSeconds": 40, "renewTime": renewed},
    }


def applied(number: int, value: str) -> dict[str, Any]:
    """A configuration for server-side apply to a pod of the load."""
    metadata = {"name": f"p-{number:06d}", "labels": {"applied": value}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


READY = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}


def encoded(obj: dict[str, Any]) -> bytes:
    return json.dumps(obj, separators=(",", ":")).encode()


def pods(space: str) -> str:
    return f"/api/v1/namespaces/{space}/pods"


def config_maps(space: str) -> str:
    return f"/api/v1/namespaces/{space}/configmaps"


LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
