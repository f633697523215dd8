"""What the status of a new object says: its zeros, where clients always find them."""

from __future__ import annotations

from typing import Any

from pybernetes.api import kinds
from pybernetes.api.kinds import Kind

Object = dict[str, Any]

_BALANCED: Object = {"loadBalancer": {}}
_WITH_ZEROS: dict[Kind, Object] = {
    kinds.CUSTOM_RESOURCE_DEFINITIONS: {
        "conditions": [],
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": [],
    },
    kinds.DAEMON_SETS: {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    kinds.HORIZONTAL_POD_AUTOSCALERS: {"desiredReplicas": 0, "currentMetrics": None},
    kinds.HORIZONTAL_POD_AUTOSCALERS_V1: {"currentReplicas": 0, "desiredReplicas": 0},
    kinds.INGRESSES: _BALANCED,
    kinds.NAMESPACES: {"phase": "Active"},
    kinds.PERSISTENT_VOLUMES: {"phase": "Pending"},
    kinds.PERSISTENT_VOLUME_CLAIMS: {"phase": "Pending"},
    kinds.POD_DISRUPTION_BUDGETS: {
        "disruptionsAllowed": 0,
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
    },
    kinds.REPLICATION_CONTROLLERS: {"replicas": 0},
    kinds.REPLICA_SETS: {"replicas": 0},
    kinds.SERVICES: _BALANCED,
    kinds.STATEFUL_SETS: {"replicas": 0, "availableReplicas": 0},
    kinds.VOLUME_ATTACHMENTS: {"attached": False},
}


def first_status(kind: Kind) -> Object:
    """Not to be changed; {} for most kinds."""
    return _WITH_ZEROS.get(kind, {})
