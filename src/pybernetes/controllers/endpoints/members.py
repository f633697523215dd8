"""Which pods belong to a Service, under which addresses and ports. Pure.

In: a Service and pods. Out: the facts that both EndpointSlices and Endpoints are made of.
Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pybernetes.api.selectors import LabelSelector
from pybernetes.controllers.objects import Object, is_deleting, labels_of, name_of, namespace_of, uid_of
from pybernetes.semantics.pods import is_ready, is_terminal, lasting_containers, pod_ips

LAST_CHANGE = "endpoints.kubernetes.io/last-change-trigger-time"


def selects(service: Object) -> LabelSelector | None:
    """The selector of a Service whose endpoints are made for it; None when somebody else makes them."""
    spec = service["spec"]
    if not spec.get("selector") or spec.get("type") == "ExternalName":
        return None
    return LabelSelector.from_labels(spec["selector"])


def is_headless(service: Object) -> bool:
    return str(service["spec"].get("clusterIP")) == "None"


def publishes_not_ready(service: Object) -> bool:
    return bool(service["spec"].get("publishNotReadyAddresses"))


def belongs(pod: Object, include_terminating: bool) -> bool:
    """It has an address, has not ended, and if it is on its way out that is wanted."""
    if not pod_ips(pod) or is_terminal(pod):
        return False
    return include_terminating or not is_deleting(pod)


def families(service: Object) -> list[str]:
    """IPv4 and IPv6, in the Service's order; an old or hand-made Service without them is IPv4."""
    return list(service["spec"].get("ipFamilies") or ("IPv4",))


def address_of(pod: Object, family: str) -> str:
    """The pod's address of that family, "" if it has none."""
    return next((ip for ip in pod_ips(pod) if (":" in ip) == (family == "IPv6")), "")


def port_number(pod: Object, service_port: dict[str, Any]) -> int | None:
    """The number behind a Service's port on this pod; None when a named port is missing there."""
    target = service_port.get("targetPort")
    if target is None or target == 0 or target == "":
        return int(service_port["port"])
    if isinstance(target, int):
        return target
    protocol = service_port.get("protocol") or "TCP"
    for container in lasting_containers(pod["spec"]):
        for port in container.get("ports") or ():
            if port.get("name") == target and (port.get("protocol") or "TCP") == protocol:
                return int(port["containerPort"])
    return None


def ports_of(service: Object, pod: Object) -> list[dict[str, Any]]:
    """The ports of the Service as they are on this pod."""
    found = []
    for one in service["spec"].get("ports") or ():
        number = port_number(pod, one)
        if number is None:
            continue
        port: dict[str, Any] = {
            "name": one.get("name") or "",
            "protocol": one.get("protocol") or "TCP",
            "port": number,
        }
        if one.get("appProtocol"):
            port["appProtocol"] = one["appProtocol"]
        found.append(port)
    return found


def reference_to(pod: Object) -> dict[str, Any]:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}


def hostname_of(service: Object, pod: Object) -> str:
    """The name under which a headless Service's DNS knows this pod."""
    spec = pod["spec"]
    same = spec.get("subdomain") == name_of(service) and namespace_of(pod) == namespace_of(service)
    return str(spec.get("hostname") or "") if same else ""


def member_changed(old: Object, new: Object) -> bool:
    """Whether a change of a pod can matter to any Service."""
    return (
        pod_ips(old) != pod_ips(new)
        or is_ready(old) != is_ready(new)
        or is_terminal(old) != is_terminal(new)
        or is_deleting(old) != is_deleting(new)
        or labels_of(old) != labels_of(new)
        or old["spec"].get("nodeName") != new["spec"].get("nodeName")
        or old["spec"].get("hostname") != new["spec"].get("hostname")
    )


def trigger_time(service: Object, pods: Iterable[Object]) -> str:
    """The latest change that leads to new endpoints: of a pod's readiness or of the Service."""
    times = [service["metadata"].get("creationTimestamp") or ""]
    for pod in pods:
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "Ready":
                times.append(condition.get("lastTransitionTime") or "")
    return max(times)
