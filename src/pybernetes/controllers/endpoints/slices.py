"""The EndpointSlices of a Service as they should be, with as few writes as possible. Pure.

In: a Service, its pods, the zones of nodes, the slices that there are. Out: slices to create, to update and
to delete. An endpoint stays in the slice that it is in, so that one pod's change is one slice's write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pybernetes.api.kinds import SERVICES
from pybernetes.controllers.endpoints import members
from pybernetes.controllers.objects import (
    Object,
    annotations_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    with_metadata,
)
from pybernetes.semantics.owners import owner_ref
from pybernetes.semantics.pods import is_ready, node_name
from pybernetes.semantics.services import HEADLESS, SERVICE_NAME

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"

Endpoint = dict[str, Any]
Ports = list[dict[str, Any]]


@dataclass(slots=True)
class Changes:
    create: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)


def endpoint_of(service: Object, pod: Object, address: str, zones: Mapping[str, str]) -> Endpoint:
    serving, terminating = is_ready(pod), is_deleting(pod)
    node = node_name(pod)
    endpoint: Endpoint = {
        "addresses": [address],
        "conditions": {
            "ready": members.publishes_not_ready(service) or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": members.reference_to(pod),
    }
    if node:
        endpoint["nodeName"] = node
    zone = zones.get(node, "")
    if zone:
        endpoint["zone"] = zone
    hostname = members.hostname_of(service, pod)
    if hostname:
        endpoint["hostname"] = hostname
    _add_hints(service, endpoint, zone, node)
    return endpoint


def _add_hints(service: Object, endpoint: Endpoint, zone: str, node: str) -> None:
    distribution = service["spec"].get("trafficDistribution")
    if not endpoint["conditions"]["ready"] or not zone or not distribution:
        return
    hints: dict[str, Any] = {"forZones": [{"name": zone}]}
    if distribution == "PreferSameNode" and node:
        hints["forNodes"] = [{"name": node}]
    endpoint["hints"] = hints


def _ports_key(family: str, ports: Ports | None) -> bytes:
    ordered = sorted(ports or (), key=lambda one: (one.get("name") or "", one.get("port") or 0))
    return msgspec.json.encode([family, ordered], order="sorted")


def _endpoint_key(endpoint: Endpoint) -> tuple[str, ...]:
    reference = endpoint.get("targetRef") or {}
    return (reference.get("uid", ""), *endpoint["addresses"])


@dataclass(slots=True)
class _Group:
    """The endpoints of one family that have the same ports, and the slices that are theirs."""

    family: str
    ports: Ports
    wanted: dict[tuple[str, ...], Endpoint] = field(default_factory=dict)
    slices: list[Object] = field(default_factory=list)


def plan(
    service: Object,
    pods: Iterable[Object],
    zones: Mapping[str, str],
    existing: Sequence[Object],
    limit: int,
) -> Changes:
    """`limit` is the most endpoints that one slice has; `existing` are the slices that this controller manages."""
    pods = [pod for pod in pods if members.belongs(pod, include_terminating=True)]
    groups: dict[bytes, _Group] = {}
    served = members.families(service)
    for family in served:
        for pod in pods:
            address = members.address_of(pod, family)
            if not address:
                continue
            ports = members.ports_of(service, pod)
            if service["spec"].get("ports") and not ports:
                continue
            group = groups.setdefault(_ports_key(family, ports), _Group(family, ports))
            endpoint = endpoint_of(service, pod, address, zones)
            group.wanted[_endpoint_key(endpoint)] = endpoint
    changes = Changes()
    for one in existing:
        key = _ports_key(one.get("addressType", ""), one.get("ports"))
        if is_deleting(one):
            continue
        if key in groups:
            groups[key].slices.append(one)
        elif one.get("addressType") in served and not one.get("endpoints") and not one.get("ports"):
            groups[key] = _Group(one["addressType"], [], slices=[one])
        else:
            changes.delete.append(one)
    trigger = members.trigger_time(service, pods)
    kept: dict[str, int] = dict.fromkeys(served, 0)
    spare: dict[str, Object] = {}
    for group in groups.values():
        used, empty = _fill(service, group, limit, trigger, changes)
        kept[group.family] += used
        for one in empty:
            if group.family in spare or group.wanted:
                changes.delete.append(one)
            else:
                spare[group.family] = one
    _placeholders(service, kept, spare, trigger, changes)
    return changes


def _placeholders(
    service: Object, kept: Mapping[str, int], spare: Mapping[str, Object], trigger: str, changes: Changes
) -> None:
    """A family without any endpoint still has one slice, an empty one."""
    for family, count in kept.items():
        present = spare.get(family)
        if count:
            if present is not None:
                changes.delete.append(present)
        elif present is None:
            reusable = next((one for one in changes.delete if one.get("addressType") == family), None)
            if reusable is not None:
                changes.delete.remove(reusable)
                changes.update.append(_rewritten(service, reusable, [], [], trigger))
            else:
                changes.create.append(_new(service, family, [], [], trigger))
        elif present.get("endpoints") or _labels(service, present) != labels_of(present):
            changes.update.append(_rewritten(service, present, [], [], trigger))


def _fill(
    service: Object, group: _Group, limit: int, trigger: str, changes: Changes
) -> tuple[int, list[Object]]:
    """Spread the group's endpoints over its slices. Answers how many slices hold some, and which hold none."""
    left = dict(group.wanted)
    contents: list[tuple[Object, list[Endpoint], bool]] = []
    for one in group.slices:
        stay: list[Endpoint] = []
        changed = labels_of(one) != _labels(service, one)
        for endpoint in one.get("endpoints") or ():
            wanted = left.pop(_endpoint_key(endpoint), None)
            if wanted is None:
                changed = True
                continue
            changed = changed or not _same(endpoint, wanted)
            stay.append(wanted)
        contents.append((one, stay, changed))
    # New endpoints go where something changes anyway, then where there is most already, then into new slices.
    order = sorted(range(len(contents)), key=lambda index: (not contents[index][2], -len(contents[index][1])))
    for index in order:
        one, stay, changed = contents[index]
        room = limit - len(stay) if stay or changed else 0
        while left and room > 0:
            stay.append(left.pop(next(iter(left))))
            changed, room = True, room - 1
        contents[index] = (one, stay, changed)
    empty = []
    used = 0
    for one, stay, changed in contents:
        if not stay:
            empty.append(one)
            continue
        used += 1
        if changed:
            changes.update.append(_rewritten(service, one, stay, group.ports, trigger))
    while left:
        batch = [left.pop(key) for key in list(left)[:limit]]
        if empty:
            changes.update.append(_rewritten(service, empty.pop(), batch, group.ports, trigger))
        else:
            changes.create.append(_new(service, group.family, batch, group.ports, trigger))
        used += 1
    return used, empty


def _same(left: Endpoint, right: Endpoint) -> bool:
    def shape(endpoint: Endpoint) -> dict[str, Any]:
        reference = endpoint.get("targetRef") or {}
        return {
            **endpoint,
            "targetRef": (reference.get("namespace"), reference.get("name"), reference.get("uid")),
        }

    return shape(left) == shape(right)


def _labels(service: Object, present: Object | None) -> dict[str, str]:
    """The Service's labels, and those by which slices are found; foreign ones on the slice stay."""
    labels = dict(labels_of(present)) if present is not None else {}
    labels.pop(HEADLESS, None)
    labels.update(
        {key: value for key, value in labels_of(service).items() if key not in (SERVICE_NAME, MANAGED_BY)}
    )
    labels.update({SERVICE_NAME: name_of(service), MANAGED_BY: MANAGER})
    if members.is_headless(service):
        labels[HEADLESS] = ""
    return labels


def _body(endpoints: list[Endpoint], ports: Ports) -> dict[str, Any]:
    return {"endpoints": endpoints, "ports": ports}


def _new(service: Object, family: str, endpoints: list[Endpoint], ports: Ports, trigger: str) -> Object:
    metadata: dict[str, Any] = {
        "generateName": f"{name_of(service)[:57]}-",
        "namespace": namespace_of(service),
        "labels": _labels(service, None),
        "ownerReferences": [owner_ref(service, SERVICES)],
    }
    if trigger:
        metadata["annotations"] = {members.LAST_CHANGE: trigger}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family,
        **_body(endpoints, ports),
    }


def _rewritten(
    service: Object, present: Object, endpoints: list[Endpoint], ports: Ports, trigger: str
) -> Object:
    annotations = dict(annotations_of(present))
    if trigger:
        annotations[members.LAST_CHANGE] = trigger
    changed = with_metadata(present, labels=_labels(service, present), annotations=annotations or None)
    return {**changed, **_body(endpoints, ports)}
