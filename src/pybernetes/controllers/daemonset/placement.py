"""On which nodes a DaemonSet's pods belong, and what such a pod looks like. Pure.

In: a DaemonSet and a node. Out: whether its pod should be started there and whether one that is there may
stay; the pod.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#how-daemon-pods-are-scheduled
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.kinds import DAEMON_SETS
from pybernetes.controllers.history import HASH_LABEL
from pybernetes.controllers.objects import Object, labels_of, name_of, namespace_of
from pybernetes.semantics.affinity import node_matches_pod
from pybernetes.semantics.owners import owner_ref
from pybernetes.semantics.pods import node_name
from pybernetes.semantics.tolerations import (
    NO_EXECUTE,
    NO_SCHEDULE,
    TAINT_DISK_PRESSURE,
    TAINT_MEMORY_PRESSURE,
    TAINT_NETWORK_UNAVAILABLE,
    TAINT_NOT_READY,
    TAINT_PID_PRESSURE,
    TAINT_UNREACHABLE,
    TAINT_UNSCHEDULABLE,
    find_untolerated,
)

GENERATION_LABEL = "pod-template-generation"
DEPRECATED_GENERATION = "deprecated.daemonset.template.generation"


def daemon_tolerations(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The tolerations of the template, and those that every daemon has."""
    extra = [
        (TAINT_NOT_READY, NO_EXECUTE),
        (TAINT_UNREACHABLE, NO_EXECUTE),
        (TAINT_DISK_PRESSURE, NO_SCHEDULE),
        (TAINT_MEMORY_PRESSURE, NO_SCHEDULE),
        (TAINT_PID_PRESSURE, NO_SCHEDULE),
        (TAINT_UNSCHEDULABLE, NO_SCHEDULE),
    ]
    if spec.get("hostNetwork"):
        extra.append((TAINT_NETWORK_UNAVAILABLE, NO_SCHEDULE))
    found = list(spec.get("tolerations") or ())
    for key, effect in extra:
        wanted = {"key": key, "operator": "Exists", "effect": effect}
        same = [one for one in found if wanted.items() <= one.items()]
        for one in same:
            found.remove(one)
        found.append(wanted)
    return found


def fits(daemon_set: Object, node: Object) -> tuple[bool, bool]:
    """(should run, may continue to run) for a pod of the set on the node."""
    template_spec = daemon_set["spec"]["template"].get("spec") or {}
    wanted_node = template_spec.get("nodeName")
    if wanted_node and wanted_node != name_of(node):
        return False, False
    if not node_matches_pod({"metadata": {}, "spec": template_spec}, node):
        return False, False
    taints = (node.get("spec") or {}).get("taints") or ()
    tolerations = daemon_tolerations(template_spec)
    if find_untolerated(taints, tolerations, (NO_EXECUTE, NO_SCHEDULE)) is None:
        return True, True
    return False, find_untolerated(taints, tolerations, (NO_EXECUTE,)) is None


def target_node(pod: Object) -> str:
    """The node that a daemon's pod is on, or is made for and not yet bound to."""
    if node_name(pod):
        return node_name(pod)
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or []:
            values: list[str] = field.get("values") or []
            if field.get("key") == "metadata.name" and field.get("operator") == "In" and len(values) == 1:
                return str(values[0])
    return ""


def _pinned(affinity: dict[str, Any] | None, node: str) -> dict[str, Any]:
    """The affinity with every required term replaced by this one node."""
    node_affinity = dict((affinity or {}).get("nodeAffinity") or {})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    node_affinity["requiredDuringSchedulingIgnoredDuringExecution"] = required
    return {**(affinity or {}), "nodeAffinity": node_affinity}


def new_pod(daemon_set: Object, node: str, digest: str) -> Object:
    """The set's pod for one node; the scheduler binds it there."""
    template = daemon_set["spec"]["template"]
    meta = template.get("metadata") or {}
    labels = {**labels_of({"metadata": meta}), HASH_LABEL: digest}
    generation = (daemon_set["metadata"].get("annotations") or {}).get(DEPRECATED_GENERATION)
    if generation:
        labels[GENERATION_LABEL] = generation
    metadata: dict[str, Any] = {
        "generateName": f"{name_of(daemon_set)}-",
        "namespace": namespace_of(daemon_set),
        "labels": labels,
        "ownerReferences": [owner_ref(daemon_set, DAEMON_SETS)],
    }
    for field in ("annotations", "finalizers"):
        if meta.get(field):
            metadata[field] = meta[field]
    spec = dict(template.get("spec") or {})
    spec["tolerations"] = daemon_tolerations(spec)
    spec["affinity"] = _pinned(spec.get("affinity"), node)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
