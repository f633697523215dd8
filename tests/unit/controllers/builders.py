"""Objects for the controllers' tests, as short as they can be."""

from __future__ import annotations

import itertools
from typing import Any

Object = dict[str, Any]

_numbers = itertools.count(1)


def pod(
    name: str = "",
    *,
    owner: Object | None = None,
    labels: dict[str, str] | None = None,
    phase: str = "Running",
    ready: bool | str = True,
    node: str = "n1",
    **more: Any,
) -> Object:
    """`ready` may be the time since when; `more` are `created`, `deleting`, `restarts`, ..."""
    number = next(_numbers)
    metadata: Object = {
        "name": name or f"pod-{number}",
        "namespace": more.get("namespace", "default"),
        "uid": f"pod-uid-{number}",
        "labels": labels if labels is not None else {"app": "web"},
        "creationTimestamp": more.get("created", "2026-01-01T00:00:00Z"),
    }
    if owner is not None:
        metadata["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    if more.get("deleting"):
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    if more.get("annotations"):
        metadata["annotations"] = more["annotations"]
    status: Object = {"phase": phase}
    if ready:
        since = ready if isinstance(ready, str) else "2026-01-01T00:00:00Z"
        status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": since}]
    if more.get("restarts"):
        status["containerStatuses"] = [{"name": "c", "restartCount": more["restarts"]}]
    if more.get("ip"):
        status["podIP"] = more["ip"]
        status["podIPs"] = [{"ip": more["ip"]}]
    spec: Object = {"containers": [{"name": "c", "image": "nginx"}]}
    if node:
        spec["nodeName"] = node
    if more.get("tolerations"):
        spec["tolerations"] = more["tolerations"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def template(labels: dict[str, str] | None = None, image: str = "nginx") -> Object:
    return {
        "metadata": {"labels": labels or {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


def replica_set(name: str = "web", replicas: int = 3, **more: Any) -> Object:
    metadata: Object = {
        "name": name,
        "namespace": "default",
        "uid": f"{name}-uid",
        "generation": 1,
        "labels": {"app": "web"},
    }
    metadata.update(more.get("metadata", {}))
    spec: Object = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": template(image=more.get("image", "nginx")),
    }
    spec.update(more.get("spec", {}))
    obj: Object = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}
    if "status" in more:
        obj["status"] = more["status"]
    return obj


def deployment(name: str = "web", replicas: int = 3, **more: Any) -> Object:
    """`more`: `image`, `surge`, `unavailable`, `strategy`, `spec`, `status`, `metadata`."""
    metadata: Object = {
        "name": name,
        "namespace": "default",
        "uid": f"{name}-deploy-uid",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    metadata.update(more.get("metadata", {}))
    strategy: Object = {"type": more.get("strategy", "RollingUpdate")}
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = {
            "maxSurge": more.get("surge", "25%"),
            "maxUnavailable": more.get("unavailable", "25%"),
        }
    spec: Object = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": template(image=more.get("image", "nginx")),
        "strategy": strategy,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    spec.update(more.get("spec", {}))
    obj: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    if "status" in more:
        obj["status"] = more["status"]
    return obj


def node(name: str = "n1", *, ready: str = "True", taints: list[Object] | None = None, **more: Any) -> Object:
    """`more`: `cidr`, `labels`, `heartbeat`, `unschedulable`, `conditions`."""
    metadata: Object = {
        "name": name,
        "uid": f"{name}-uid",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": more.get("labels", {"kubernetes.io/hostname": name}),
    }
    spec: Object = {}
    if taints:
        spec["taints"] = taints
    if more.get("cidr"):
        spec["podCIDR"] = more["cidr"]
        spec["podCIDRs"] = [more["cidr"]]
    if more.get("unschedulable"):
        spec["unschedulable"] = True
    beat = more.get("heartbeat", "2026-01-01T00:00:00Z")
    conditions = [
        {
            "type": "Ready",
            "status": ready,
            "lastHeartbeatTime": beat,
            "lastTransitionTime": beat,
            "reason": "KubeletReady",
            "message": "",
        },
        *more.get("conditions", []),
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "spec": spec,
        "status": {"conditions": conditions},
    }
