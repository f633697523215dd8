"""How the kinds of the core group are shown, but for pods, events and volumes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables import events, pods, storage, workloads
from pybernetes.api.tables.columns import (
    AGE,
    CREATED_AT,
    NAME,
    NONE,
    UNKNOWN,
    Cells,
    Column,
    Printer,
    age_of,
    condition_status,
    container_texts,
    created_at,
    labels_text,
    name_of,
    shorten,
    wide,
)

Object = dict[str, Any]

_ROLE_PREFIX = "node-role.kubernetes.io/"
_BALANCER_WIDTH = 16


def _kernel(info: Object) -> str:
    version = info.get("kernelVersion") or UNKNOWN
    architecture = info.get("architecture")
    return f"{version} ({architecture})" if architecture else version


def _node_status(node: Object) -> str:
    ready = condition_status(node, "Ready")
    words = ["Unknown" if ready is None else ("Ready" if ready == "True" else "NotReady")]
    if (node.get("spec") or {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(node: Object) -> str:
    labels = node["metadata"].get("labels") or {}
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    return ",".join(sorted(role for role in roles if role)) or NONE


def _node_address(node: Object, kind: str) -> str:
    for address in (node.get("status") or {}).get("addresses") or ():
        if address.get("type") == kind:
            found: str = address.get("address", NONE)
            return found
    return NONE


def _node(node: Object, now: datetime) -> Cells:
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return [
        name_of(node),
        _node_status(node),
        _node_roles(node),
        age_of(node, now),
        info.get("kubeletVersion", ""),
        _node_address(node, "InternalIP"),
        _node_address(node, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        _kernel(info),
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _namespace(namespace: Object, now: datetime) -> Cells:
    return [name_of(namespace), (namespace.get("status") or {}).get("phase", ""), age_of(namespace, now)]


def _service(service: Object, now: datetime) -> Cells:
    spec = service.get("spec") or {}
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [
        name_of(service),
        spec.get("type", ""),
        addresses[0] or NONE,
        _external(service, spec),
        _service_ports(spec),
        age_of(service, now),
        labels_text(spec.get("selector")),
    ]


def _external(service: Object, spec: Object) -> str:
    kind, outside = spec.get("type"), spec.get("externalIPs") or []
    if kind == "ExternalName":
        return spec.get("externalName") or NONE
    if kind == "LoadBalancer":
        given = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        balancers = ",".join(sorted({one.get("ip") or one.get("hostname") or "" for one in given} - {""}))
        if outside:
            return ",".join([balancers, *outside]) if balancers else ",".join(outside)
        return balancers or "<pending>"
    return ",".join(outside) or NONE


def _service_ports(spec: Object) -> str:
    texts = []
    for port in spec.get("ports") or ():
        number, protocol, node_port = port.get("port"), port.get("protocol", "TCP"), port.get("nodePort")
        texts.append(f"{number}:{node_port}/{protocol}" if node_port else f"{number}/{protocol}")
    return ",".join(texts) or NONE


def _endpoints(endpoints: Object, now: datetime) -> Cells:
    found: list[str] = []
    subsets = endpoints.get("subsets") or []
    for subset in subsets:
        hosts = [one.get("ip", "") for one in subset.get("addresses") or ()]
        ports = subset.get("ports") or []
        if not ports:
            found.extend(hosts)
        found.extend(
            f"[{host}]:{port.get('port')}" if ":" in host else f"{host}:{port.get('port')}"
            for port in ports
            for host in hosts
        )
    return [name_of(endpoints), shorten(found, 3) or NONE, age_of(endpoints, now)]


def _secret(secret: Object, now: datetime) -> Cells:
    return [name_of(secret), secret.get("type", ""), len(secret.get("data") or ()), age_of(secret, now)]


def _config_map(config: Object, now: datetime) -> Cells:
    count = len(config.get("data") or ()) + len(config.get("binaryData") or ())
    return [name_of(config), count, age_of(config, now)]


def _service_account(account: Object, now: datetime) -> Cells:
    return [name_of(account), age_of(account, now)]


def _resource_quota(quota: Object, now: datetime) -> Cells:
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        text = f"{name}: {used.get(name, '0')}/{hard[name]}"
        (limits if name.startswith("limits") else requests).append(text)
    return [name_of(quota), ", ".join(requests), ", ".join(limits), age_of(quota, now)]


def _limit_range(limits: Object, now: datetime) -> Cells:
    return [name_of(limits), created_at(limits)]


def _pod_template(holder: Object, now: datetime) -> Cells:
    template = holder.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    return [name_of(holder), *container_texts(template), labels_text(labels)]


PRINTERS = {
    "ConfigMap": Printer((NAME, Column("Data", description="@core.v1.ConfigMap.data"), AGE), _config_map),
    "Endpoints": Printer(
        (NAME, Column("Endpoints", description="@core.v1.Endpoints.subsets"), AGE), _endpoints
    ),
    "Event": events.PRINTER,
    "LimitRange": Printer((NAME, CREATED_AT), _limit_range),
    "Namespace": Printer(
        (NAME, Column("Status", description="The status of the namespace"), AGE), _namespace
    ),
    "Node": Printer(
        (
            NAME,
            Column("Status", description="The status of the node"),
            Column("Roles", description="The roles of the node"),
            AGE,
            Column("Version", description="@core.v1.NodeSystemInfo.kubeletVersion"),
            wide("Internal-IP", "@core.v1.NodeStatus.addresses"),
            wide("External-IP", "@core.v1.NodeStatus.addresses"),
            wide("OS-Image", "@core.v1.NodeSystemInfo.osImage"),
            wide("Kernel-Version", "@core.v1.NodeSystemInfo.kernelVersion"),
            wide("Container-Runtime", "@core.v1.NodeSystemInfo.containerRuntimeVersion"),
        ),
        _node,
    ),
    "PersistentVolume": storage.PERSISTENT_VOLUME,
    "PersistentVolumeClaim": storage.PERSISTENT_VOLUME_CLAIM,
    "Pod": pods.PRINTER,
    "PodTemplate": Printer(
        (
            NAME,
            Column("Containers", description="Names of each container in the template."),
            Column("Images", description="Images referenced by each container in the template."),
            Column("Pod Labels", description="The labels for the pod template."),
        ),
        _pod_template,
    ),
    "ReplicationController": workloads.REPLICATION_CONTROLLER,
    "ResourceQuota": Printer(
        (
            NAME,
            Column(
                "Request",
                description="Request represents a minimum amount of cpu/memory that a container may consume.",
            ),
            Column(
                "Limit",
                description="Limits control the maximum amount of cpu/memory that a container may use "
                "independent of contention on the node.",
            ),
            AGE,
        ),
        _resource_quota,
    ),
    "Secret": Printer(
        (
            NAME,
            Column("Type", description="@core.v1.Secret.type"),
            Column("Data", description="@core.v1.Secret.data"),
            AGE,
        ),
        _secret,
    ),
    "Service": Printer(
        (
            NAME,
            Column("Type", description="@core.v1.ServiceSpec.type"),
            Column("Cluster-IP", description="@core.v1.ServiceSpec.clusterIP"),
            Column("External-IP", description="@core.v1.ServiceSpec.externalIPs"),
            Column("Port(s)", description="@core.v1.ServiceSpec.ports"),
            AGE,
            wide("Selector", "@core.v1.ServiceSpec.selector"),
        ),
        _service,
    ),
    "ServiceAccount": Printer((NAME, AGE), _service_account),
}
