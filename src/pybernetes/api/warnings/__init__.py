"""What the API server warns of when it takes an object all the same: old fields, settings without effect.

`warnings_for` gives the texts for Warning headers, most often none. Kinds without warnings cost a look into a table;
the others' rules are in a file each, imported when first needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from pybernetes.api.kinds import Kind

Object = dict[str, Any]

_RULES: dict[tuple[str, str], str] = {
    ("", "Node"): "nodes.node",
    ("", "PersistentVolume"): "volumes.persistent_volume",
    ("", "PersistentVolumeClaim"): "volumes.claim",
    ("", "Pod"): "pods.pod",
    ("", "PodTemplate"): "templates.pod_template",
    ("", "ReplicationController"): "templates.replication_controller",
    ("", "Secret"): "secrets.secret",
    ("", "Service"): "services.service",
    ("apps", "DaemonSet"): "templates.workload",
    ("apps", "Deployment"): "templates.controller",
    ("apps", "ReplicaSet"): "templates.controller",
    ("apps", "StatefulSet"): "templates.stateful_set",
    ("batch", "CronJob"): "templates.cron_job",
    ("batch", "Job"): "templates.controller",
    ("discovery.k8s.io", "EndpointSlice"): "networking.endpoint_slice",
    ("networking.k8s.io", "Ingress"): "networking.ingress",
    ("networking.k8s.io", "NetworkPolicy"): "networking.network_policy",
    ("resource.k8s.io", "ResourceSlice"): "drivers.resource_slice",
    ("storage.k8s.io", "CSIDriver"): "drivers.csi_driver",
}


def warnings_for(kind: Kind, new: Object, old: Object | None, subresource: str) -> Sequence[str]:
    """The warnings for a write that has been found valid; `old` is None for a new object."""
    place = _RULES.get((kind.group, kind.kind))
    if place is None or subresource:
        return ()
    found: Sequence[str] = _rule(place)(new, old)
    return found


@cache
def _rule(place: str) -> Any:
    file, _, name = place.partition(".")
    return getattr(import_module(f"pybernetes.api.warnings.{file}"), name)
