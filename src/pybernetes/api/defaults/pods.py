"""Defaults of pod specs: of pods and of the templates that other kinds carry."""

from __future__ import annotations

import re
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.defaults.volumes import default_value_source, default_volume

Object = dict[str, Any]

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]+)?"
_reference = re.compile(rf"(?:{_HOST}/)?{_NAME}(?:/{_NAME})*(?::\w[\w.-]{{0,127}})?", re.ASCII).fullmatch


def pull_policy(image: str) -> str:
    """Always for `:latest` and for no tag at all, IfNotPresent for other tags, for digests and for what is no image."""
    if "@" in image or _reference(image) is None:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "IfNotPresent" if tag and tag != "latest" else "Always"


def default_pod(pod: Object) -> None:
    """A pod itself: its spec, and requests that follow from limits."""
    spec = pod.setdefault("spec", {})
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for field in ("containers", "initContainers"):
        for container in spec.get(field) or ():
            _requests_from_limits(container.get("resources"))
            if spec.get("hostNetwork"):
                for port in container.get("ports") or ():
                    if not port.get("hostPort"):
                        port["hostPort"] = port.get("containerPort", 0)
    if spec.get("resources"):
        _pod_level_requests(spec, spec["resources"])
    status = pod.setdefault("status", {})
    status.setdefault("phase", "Pending")
    first, addresses = status.get("podIP"), status.get("podIPs")
    if first and (not addresses or addresses[0].get("ip") != first):
        status["podIPs"] = [{"ip": first}]
    elif addresses and not first:
        status["podIP"] = addresses[0].get("ip") or ""


def default_template(template: Object | None) -> None:
    """A pod template (`spec.template` of workloads)."""
    if template is not None:
        template.setdefault("metadata", {})
        default_pod_spec(template.setdefault("spec", {}))


def default_pod_spec(spec: Object) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            default_container(container)
    for volume in spec.get("volumes") or ():
        default_volume(volume)
    spec.pop("schedulingGroup", None)


def default_container(container: Object) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image") or "")
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        if source:
            default_value_source(source)
    for name in _PROBES:
        probe = container.get(name)
        if probe is not None:
            _default_probe(probe)
    if container.get("lifecycle"):
        container["lifecycle"].pop("stopSignal", None)
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _default_http(handler.get("httpGet"))


def _default_probe(probe: Object) -> None:
    for field, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        if not probe.get(field):
            probe[field] = value
    _default_http(probe.get("httpGet"))
    grpc = probe.get("grpc")
    if grpc is not None:
        grpc.setdefault("service", "")


def _default_http(action: Object | None) -> None:
    if action is not None:
        if not action.get("path"):
            action["path"] = "/"
        if not action.get("scheme"):
            action["scheme"] = "HTTP"


def _requests_from_limits(resources: Object | None) -> None:
    limits = resources.get("limits") if resources else None
    if not resources or not limits:
        return
    requests = resources.get("requests")
    if requests is None:
        requests = resources["requests"] = {}
    for name, amount in limits.items():
        requests.setdefault(name, amount)


def _pod_level_requests(spec: Object, resources: Object) -> None:
    """What containers ask for together, or else the pod's own limit, becomes the pod's request."""
    requests = dict(resources.get("requests") or {})
    together = [
        *(spec.get("containers") or ()),
        *(one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"),
    ]
    asked = quantity.sum_resources([(one.get("resources") or {}).get("requests") or {} for one in together])
    for name, amount in asked.items():
        if name in ("cpu", "memory") or name.startswith("hugepages-"):
            requests.setdefault(name, amount)
    for name, amount in (resources.get("limits") or {}).items():
        requests.setdefault(name, amount)
    if requests:
        resources["requests"] = requests
