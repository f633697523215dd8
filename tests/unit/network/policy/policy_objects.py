"""NetworkPolicies and pods for tests, with as few words as possible."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def pod(name: str, address: str, node: str = "n1", namespace: str = "default", **more: Any) -> Object:
    """Labelled app=NAME, with a port `http` at 8080, unless told otherwise."""
    ports = [{"name": "http", "containerPort": more.pop("http", 8080)}]
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": more.pop("labels", {"app": name}),
            "creationTimestamp": more.pop("created", "2026-01-01T00:00:00Z"),
        },
        "spec": {"nodeName": node, "containers": [{"name": "main", "ports": ports}], **more.pop("spec", {})},
        "status": {
            "phase": more.pop("phase", "Running"),
            "podIPs": [{"ip": one} for one in address.split()],
        },
        **more,
    }


def policy(
    name: str, select: dict[str, str] | None = None, namespace: str = "default", **spec: Any
) -> Object:
    """With `ingress` and `egress` as given; policyTypes are those given."""
    types = [word for word, field in (("Ingress", "ingress"), ("Egress", "egress")) if field in spec]
    selector = {"matchLabels": select} if select else {}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": selector, "policyTypes": types, **spec},
    }


def app(name: str) -> Object:
    return {"podSelector": {"matchLabels": {"app": name}}}


def namespaces(**labels: str) -> Object:
    return {"namespaceSelector": {"matchLabels": labels}}
