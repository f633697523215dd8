"""Objects that are nearly right: good ones of many kinds, and a schema's way to put something odd into one place.

Bodies of the wrong shape never come far; these pass decoding and meet defaults, validation, strategies, admission,
conversion, Tables and protobuf with values that nobody thought of.
"""

from __future__ import annotations

import copy
import random
from typing import Any

from pybernetes.api import kinds
from pybernetes.api.kinds import Kind
from pybernetes.api.schema import (
    BOOLEAN,
    BYTES,
    INT_OR_STRING,
    INTEGER,
    LIST,
    MAP,
    MICRO_TIME,
    NUMBER,
    OBJECT,
    QUANTITY,
    STRING,
    TIME,
    Field,
    ObjectType,
)

Object = dict[str, Any]

_SELECTOR = {"matchLabels": {"a": "b"}}
_POD: Object = {
    "nodeSelector": {"x": "y"},
    "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]
            }
        }
    },
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": _SELECTOR}
    ],
    "securityContext": {"runAsUser": 1, "fsGroup": 2},
    "volumes": [
        {"name": "v", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "c", "configMap": {"name": "c", "items": [{"key": "a", "path": "b"}]}},
        {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
    ],
    "initContainers": [{"name": "i", "image": "x", "restartPolicy": "Always"}],
    "containers": [
        {
            "name": "c",
            "image": "x",
            "ports": [{"containerPort": 80, "name": "http"}],
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
            "readinessProbe": {"exec": {"command": ["x"]}},
            "lifecycle": {"preStop": {"exec": {"command": ["x"]}}},
            "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
        }
    ],
}
_TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": _POD}
_ONCE = {"metadata": {"labels": {"a": "b"}}, "spec": {**_POD, "restartPolicy": "Never"}}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

GOOD: dict[Kind, Object] = {
    kinds.PODS: {"spec": _POD},
    kinds.DEPLOYMENTS: {"spec": {"replicas": 1, "selector": _SELECTOR, "template": _TEMPLATE}},
    kinds.STATEFUL_SETS: {
        "spec": {
            "serviceName": "s",
            "selector": _SELECTOR,
            "template": _TEMPLATE,
            "volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": _CLAIM}],
        }
    },
    kinds.DAEMON_SETS: {"spec": {"selector": _SELECTOR, "template": _TEMPLATE}},
    kinds.REPLICA_SETS: {"spec": {"selector": _SELECTOR, "template": _TEMPLATE}},
    kinds.REPLICATION_CONTROLLERS: {"spec": {"selector": {"a": "b"}, "template": _TEMPLATE}},
    kinds.JOBS: {"spec": {"template": _ONCE, "completions": 2, "completionMode": "Indexed"}},
    kinds.CRON_JOBS: {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": _ONCE}}}},
    kinds.SERVICES: {
        "spec": {
            "type": "NodePort",
            "selector": {"a": "b"},
            "ports": [{"name": "h", "port": 80, "targetPort": "http"}, {"name": "i", "port": 81}],
            "sessionAffinity": "ClientIP",
            "externalIPs": ["1.2.3.4"],
        }
    },
    kinds.ENDPOINTS: {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]},
    kinds.ENDPOINT_SLICES: {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "a", "port": 80}],
    },
    kinds.INGRESSES: {
        "spec": {
            "rules": [
                {
                    "host": "a.b",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "s", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ]
        }
    },
    kinds.NETWORK_POLICIES: {
        "spec": {
            "podSelector": _SELECTOR,
            "ingress": [
                {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 80, "endPort": 90}]}
            ],
        }
    },
    kinds.PERSISTENT_VOLUMES: {
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/a"},
            "claimRef": {"namespace": "a", "name": "b"},
        }
    },
    kinds.PERSISTENT_VOLUME_CLAIMS: {"spec": _CLAIM},
    kinds.NODES: {
        "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}], "podCIDR": "10.0.0.0/24"},
        "status": {"capacity": {"cpu": "1"}, "conditions": [{"type": "Ready", "status": "True"}]},
    },
    kinds.RESOURCE_QUOTAS: {"spec": {"hard": {"pods": "1000", "requests.cpu": "1000"}}},
    kinds.LIMIT_RANGES: {
        "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}, "max": {"cpu": "2"}}]}
    },
    kinds.POD_DISRUPTION_BUDGETS: {"spec": {"minAvailable": 1, "selector": _SELECTOR}},
    kinds.HORIZONTAL_POD_AUTOSCALERS: {
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        }
    },
    kinds.HORIZONTAL_POD_AUTOSCALERS_V1: {
        "spec": {
            "maxReplicas": 3,
            "targetCPUUtilizationPercentage": 50,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        }
    },
    kinds.ROLES: {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    kinds.CLUSTER_ROLES: {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]},
    kinds.ROLE_BINDINGS: {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "b"}],
    },
    kinds.SECRETS: {"data": {"a": "aGk="}, "stringData": {"b": "c"}},
    kinds.CONFIG_MAPS: {"data": {"a": "b"}, "binaryData": {"c": "aGk="}},
    kinds.STORAGE_CLASSES: {"provisioner": "x"},
    kinds.PRIORITY_CLASSES: {"value": 5},
    kinds.LEASES: {"spec": {"holderIdentity": "a", "leaseDurationSeconds": 5}},
    kinds.CONTROLLER_REVISIONS: {"revision": 1, "data": {"a": 1}},
    kinds.SERVICE_ACCOUNTS: {"secrets": [{"name": "a"}]},
    kinds.SERVICE_CIDRS: {"spec": {"cidrs": ["10.9.0.0/24"]}},
}

_TEXTS = (
    "", "a", "A_b", "x" * 300, "10.0.0.1", "::1", "kubernetes.io/x", "é", "\0", "None", "Always", "ClusterIP",
    "LoadBalancer", "ExternalName", "http", "TCP", "50%", "-5%", "2", "0 0 31 2 *", "@daily", "TZ=x * * * * *",
    "*", "spec.nodeName", "$(A)", "../b", "a/b/c", "In", "Gt", "Equal", "kubernetes.io/tls", "Role", "Utilization",
    "requests.cpu", "count/pods", "Terminating", "OnDelete", "Indexed", "9999999999999999999999",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 80, 65536, 2**31 - 1, -(2**31))
_ODD: dict[int, tuple[Any, ...]] = {
    STRING: _TEXTS,
    NUMBER: (0, 1.5, -3),
    BOOLEAN: (True, False),
    BYTES: ("", "aGk=", "//79"),
    QUANTITY: ("0", "1", "-1", "100m", "1Gi", "1e3", "9223372036854775807", "1n", 5, 0.5),
    INT_OR_STRING: (0, 1, -1, 80, "25%", "http", "x%", "1000%"),
    TIME: ("2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    MICRO_TIME: ("2026-01-01T00:00:00.000000Z", "0001-01-01T00:00:00.000000Z"),
}
_FREE: tuple[Any, ...] = ({}, {"a": 1}, [], "x", 1, True)
_DEEPEST = 9


class Mutator:
    """Random, and always the same for a seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def value(self, field: Field, depth: int) -> Any:
        """Something of a field's type."""
        if field.type == INTEGER:
            return self.dice.choice(_NUMBERS if field.bits == 32 else (*_NUMBERS, 2**63 - 1, -(2**63)))
        if field.type in _ODD:
            return self.dice.choice(_ODD[field.type])
        if field.type == OBJECT:
            return self.object(field.object, depth + 1)
        if field.type == LIST and field.element is not None:
            return [self.value(field.element, depth + 1) for _ in range(self.dice.choice((0, 1, 1, 2)))]
        if field.type == MAP and field.element is not None:
            return {
                self.dice.choice(_TEXTS): self.value(field.element, depth + 1)
                for _ in range(self.dice.choice((0, 1, 2)))
            }
        return self.dice.choice(_FREE)

    def object(self, schema: ObjectType, depth: int) -> Object:
        """Some of a type's fields."""
        share = 0.5 if depth < 5 else 0.12
        return {
            name: self.value(field, depth)
            for name, field in schema.fields.items()
            if (depth < _DEEPEST or field.type in _ODD) and self.dice.random() < share
        }

    def mutated(self, obj: Object, schema: ObjectType) -> Object:
        """A copy in which one place is odd, empty or said twice."""
        obj = copy.deepcopy(obj)
        here: Object = obj
        while True:
            known = [name for name in here if name in schema.fields and name != "metadata"]
            if not known or self.dice.random() < 0.15:
                name = self.dice.choice([one for one in schema.fields if one not in ("metadata", "kind")])
                here[name] = self.value(schema.fields[name], 3)
                return obj
            name = self.dice.choice(known)
            field, value = schema.fields[name], here[name]
            if field.type == OBJECT and isinstance(value, dict) and value:
                here, schema = value, field.object
            elif field.type == LIST and field.element is not None and field.element.type == OBJECT and value:
                if self.dice.random() < 0.1:
                    value.append(copy.deepcopy(value[0]))
                    return obj
                here, schema = self.dice.choice(value), field.element.object
            elif self.dice.random() < 0.2:
                del here[name]
                return obj
            else:
                here[name] = self.value(field, 3)
                return obj
