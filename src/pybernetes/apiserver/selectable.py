"""Which fields can be selected by, where they are in an object, and what a resource's cache is told of them.

`Kind.selectable` has the names; here are only those whose place or default is not what the name says.
https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
"""

from __future__ import annotations

from pybernetes.api.kinds import (
    CERTIFICATE_SIGNING_REQUESTS,
    CORE_EVENTS,
    EVENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    RESOURCE_SLICES,
    SECRETS,
    SERVICES,
    Kind,
)
from pybernetes.api.selectors import EVERY_FIELD, FieldRequirement, FieldSelector
from pybernetes.apiserver.cache.facts import CacheSpec, SelectableField

_OF_METADATA = ("metadata.name", "metadata.namespace")

_PLACES: dict[tuple[Kind, str], SelectableField] = {
    (CORE_EVENTS, "source"): SelectableField("source", "", ("source.component", "reportingComponent")),
    (JOBS, "status.successful"): SelectableField("status.successful", "0", ("status.succeeded",)),
    (NODES, "spec.unschedulable"): SelectableField("spec.unschedulable", "false"),
    (PODS, "spec.hostNetwork"): SelectableField("spec.hostNetwork", "false"),
    (PODS, "status.podIPs"): SelectableField("status.podIPs", "", ("status.podIP",)),
    (REPLICA_SETS, "status.replicas"): SelectableField("status.replicas", "0"),
    (REPLICATION_CONTROLLERS, "status.replicas"): SelectableField("status.replicas", "0"),
}

_RENAMED = {"reportingController": "reportingComponent"}


def cache_spec(kind: Kind) -> CacheSpec:
    """For the kind as it is stored."""
    fields = tuple(_PLACES.get((kind, name)) or SelectableField(name) for name in kind.selectable)
    return CacheSpec(kind.group_resource, kind.namespaced, fields)


_WORDS: dict[Kind, str] = {
    **dict.fromkeys(
        (
            CERTIFICATE_SIGNING_REQUESTS,
            CORE_EVENTS,
            EVENTS,
            NAMESPACES,
            NODES,
            PODS,
            REPLICATION_CONTROLLERS,
            SECRETS,
            SERVICES,
        ),
        "field label not supported: {field}",
    ),
    JOBS: 'field label "{field}" not supported for Job',
    RESOURCE_SLICES: "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {field}",
}
"""How a kind with fields of its own says that it does not know one."""


def _unknown(kind: Kind, field: str) -> str:
    words = _WORDS.get(kind)
    if words is None:
        return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    return words.format(field=field)


def translate(kind: Kind, fields: FieldSelector) -> FieldSelector:
    """A selector on the served version as one on the stored version. ValueError for what cannot be selected by."""
    if fields is EVERY_FIELD or fields.empty:
        return EVERY_FIELD
    translated = []
    for one in fields.requirements:
        name = one.field
        known = name in _OF_METADATA[: 1 + (kind.namespaced or kind not in _WORDS)] or name in kind.selectable
        if kind is EVENTS:
            known = known or name in _RENAMED
            name = _RENAMED.get(name, name.replace("regarding.", "involvedObject."))
        if not known:
            raise ValueError(_unknown(kind, one.field))
        translated.append(FieldRequirement(name, one.operator, one.value))
    return FieldSelector(translated)
