"""Defaults of the core group but pods: services, secrets, namespaces, nodes, volumes and the rest."""

from __future__ import annotations

import base64
from typing import Any

from pybernetes.api.defaults.pods import default_pod, default_template
from pybernetes.api.defaults.volumes import default_claim_spec, default_source

Object = dict[str, Any]

_STICKY_SECONDS = 10800


def _service(service: Object) -> None:
    spec = service.setdefault("spec", {})
    kind = spec.setdefault("type", "ClusterIP")
    if not spec.get("sessionAffinity"):
        spec["sessionAffinity"] = "None"
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", _STICKY_SECONDS)
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)
    outside = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if outside and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if kind in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    balancer = service.setdefault("status", {}).setdefault("loadBalancer", {})
    if kind == "LoadBalancer":
        for entry in balancer.get("ingress") or ():
            if entry.get("ip"):
                entry.setdefault("ipMode", "VIP")


def _secret(secret: Object) -> None:
    """`stringData` is for writing only: it goes into `data`."""
    texts = secret.pop("stringData", None)
    if texts:
        data = secret["data"] = dict(secret.get("data") or {})
        for key, text in texts.items():
            data[key] = base64.b64encode(text.encode()).decode()
    if not secret.get("type"):
        secret["type"] = "Opaque"


def _namespace(namespace: Object) -> None:
    metadata = namespace["metadata"]
    if metadata.get("name"):
        labels = metadata.setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = metadata["name"]
    namespace.setdefault("spec", {})
    namespace.setdefault("status", {}).setdefault("phase", "Active")


def _node(node: Object) -> None:
    spec = node.setdefault("spec", {})
    first, ranges = spec.get("podCIDR"), spec.get("podCIDRs")
    if (first and not ranges) or (first and ranges[0] != first):
        spec["podCIDRs"] = [first]
    elif ranges and ranges[0]:
        spec["podCIDR"] = ranges[0]
    status = node.setdefault("status", {})
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def _persistent_volume(volume: Object) -> None:
    spec = volume.setdefault("spec", {})
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    default_source(spec)
    host_path = spec.get("hostPath")
    if host_path is not None:
        host_path.setdefault("type", "")
    volume.setdefault("status", {}).setdefault("phase", "Pending")


def default_claim(claim: Object) -> None:
    """A PersistentVolumeClaim, also as a template of a StatefulSet."""
    default_claim_spec(claim.setdefault("spec", {}))
    claim.setdefault("status", {}).setdefault("phase", "Pending")


def _endpoints(endpoints: Object) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _limit_range(limits: Object) -> None:
    for item in limits.setdefault("spec", {}).get("limits") or ():
        if item.get("type") != "Container":
            continue
        default = {**(item.get("max") or {}), **(item.get("default") or {})}
        request = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
        if default:
            item["default"] = default
        if request:
            item["defaultRequest"] = request


def _resource_quota(quota: Object) -> None:
    quota.setdefault("spec", {})
    quota.setdefault("status", {})


def _replication_controller(controller: Object) -> None:
    spec = controller.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    template = spec.get("template")
    default_template(template)
    labels = ((template or {}).get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not controller["metadata"].get("labels"):
            controller["metadata"]["labels"] = dict(labels)
    controller.setdefault("status", {}).setdefault("replicas", 0)


def _pod_template(holder: Object) -> None:
    default_template(holder.setdefault("template", {}))


def _event(event: Object) -> None:
    """Fields that upstream always writes."""
    event.setdefault("source", {})
    event.setdefault("reportingComponent", "")
    event.setdefault("reportingInstance", "")


DEFAULTS = {
    "Endpoints": _endpoints,
    "Event": _event,
    "LimitRange": _limit_range,
    "Namespace": _namespace,
    "Node": _node,
    "PersistentVolume": _persistent_volume,
    "PersistentVolumeClaim": default_claim,
    "Pod": default_pod,
    "PodTemplate": _pod_template,
    "ReplicationController": _replication_controller,
    "ResourceQuota": _resource_quota,
    "Secret": _secret,
    "Service": _service,
}
