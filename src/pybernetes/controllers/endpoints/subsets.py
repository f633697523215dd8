"""The Endpoints object of a Service as it should be. Pure.

In: a Service and its pods. Out: subsets, each with addresses that have the same ports, and the metadata that
goes with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pybernetes.controllers.endpoints import members
from pybernetes.controllers.objects import Object, annotations_of, labels_of, name_of, namespace_of
from pybernetes.semantics.pods import is_ready, node_name
from pybernetes.semantics.services import HEADLESS

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
LIMIT = 1000


def subsets(service: Object, pods: Iterable[Object]) -> list[dict[str, Any]]:
    """In an order that depends on nothing but the addresses."""
    publish = members.publishes_not_ready(service)
    family = members.families(service)[0]
    groups: dict[bytes, tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]] = {}
    for pod in pods:
        ip = members.address_of(pod, family) if members.belongs(pod, include_terminating=publish) else ""
        if not ip:
            continue
        ports = members.ports_of(service, pod)
        if service["spec"].get("ports") and not ports:
            continue
        key = msgspec.json.encode(sorted(ports, key=lambda one: one["name"]), order="sorted")
        _, ready, waiting = groups.setdefault(key, (ports, {}, {}))
        (ready if publish or is_ready(pod) else waiting)[ip] = _address(service, pod, ip)
    found = []
    for key in sorted(groups):
        ports, ready, waiting = groups[key]
        subset: dict[str, Any] = {}
        if ready:
            subset["addresses"] = [ready[ip] for ip in sorted(ready)]
        if waiting:
            subset["notReadyAddresses"] = [waiting[ip] for ip in sorted(waiting)]
        if ports:
            subset["ports"] = [_port(one) for one in ports]
        found.append(subset)
    return found


def _port(port: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in port.items() if value}


def _address(service: Object, pod: Object, ip: str) -> dict[str, Any]:
    address: dict[str, Any] = {"ip": ip, "targetRef": members.reference_to(pod)}
    if node_name(pod):
        address["nodeName"] = node_name(pod)
    hostname = members.hostname_of(service, pod)
    if hostname:
        address["hostname"] = hostname
    return address


def truncated(found: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
    """No more than `LIMIT` addresses, ready ones kept first; True if some had to go."""
    total = sum(len(one.get(field, ())) for one in found for field in ("addresses", "notReadyAddresses"))
    if total <= LIMIT:
        return found, False
    room = LIMIT
    kept: list[dict[str, Any]] = [dict(one) for one in found]
    for field in ("addresses", "notReadyAddresses"):
        for one in kept:
            if field in one:
                one[field] = one[field][:room]
                room -= len(one[field])
                if not one[field]:
                    del one[field]
    return [one for one in kept if "addresses" in one or "notReadyAddresses" in one], True


def wanted(service: Object, pods: Iterable[Object], present: Object | None) -> Object | None:
    """The whole object, to be created or to replace `present`; None when that is right already."""
    pods = list(pods)
    found, over = truncated(subsets(service, pods))
    labels = {**labels_of(service), MANAGED_BY: MANAGER}
    labels.pop(HEADLESS, None)
    if members.is_headless(service):
        labels[HEADLESS] = ""
    annotations = dict(annotations_of(present)) if present else {}
    annotations.pop(OVER_CAPACITY, None)
    if over:
        annotations[OVER_CAPACITY] = "truncated"
    if (
        present is not None
        and (present.get("subsets") or []) == found
        and labels_of(present) == labels
        and annotations == annotations_of(present)
    ):
        return None
    trigger = members.trigger_time(service, pods)
    if trigger:
        annotations[members.LAST_CHANGE] = trigger
    metadata: dict[str, Any] = {
        **(
            present["metadata"] if present else {"name": name_of(service), "namespace": namespace_of(service)}
        ),
        "labels": labels,
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": found}
