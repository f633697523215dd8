"""Validation of what clusters are set up with: drivers, runtimes, flows, webhooks, devices, autoscalers, events."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pybernetes.api import kinds
from pybernetes.api.defaults import apply_defaults
from pybernetes.api.kinds import Kind
from pybernetes.api.validation import validate_create, validate_update

Object = dict[str, Any]

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
HOOK = {
    "name": "a.example.com",
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "clientConfig": {"service": {"namespace": "n", "name": "s", "path": "/a/b"}},
    "rules": [RULE],
}
POLICY = {
    "matchConstraints": {"resourceRules": [RULE]},
    "validations": [{"expression": "true"}],
}
REQUEST = {"name": "one", "exactly": {"deviceClassName": "gpu.example.com"}}

GOOD: dict[Kind, Object] = {
    kinds.ENDPOINTS: {
        "subsets": [{"addresses": [{"ip": "10.0.0.1", "nodeName": "n"}], "ports": [{"port": 80}]}]
    },
    kinds.EVENTS: {
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "reportingController": "test-controller",
        "reportingInstance": "test",
        "action": "Do",
        "reason": "Test",
        "type": "Normal",
        "note": "done",
        "regarding": {"namespace": "default", "name": "x"},
    },
    kinds.HORIZONTAL_POD_AUTOSCALERS: {
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                },
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": "queue"},
                        "target": {"type": "AverageValue", "averageValue": "30"},
                    },
                },
            ],
            "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}},
        }
    },
    kinds.CSI_DRIVERS: {"spec": {"tokenRequests": [{"audience": "a", "expirationSeconds": 600}]}},
    kinds.CSI_NODES: {"spec": {"drivers": [{"name": "d.example.com", "nodeID": "n"}]}},
    kinds.CSI_STORAGE_CAPACITIES: {"storageClassName": "fast", "capacity": "1Gi"},
    kinds.VOLUME_ATTACHMENTS: {
        "spec": {"attacher": "d.example.com", "nodeName": "n", "source": {"persistentVolumeName": "p"}}
    },
    kinds.VOLUME_ATTRIBUTES_CLASSES: {"driverName": "d.example.com", "parameters": {"a": "b"}},
    kinds.RUNTIME_CLASSES: {
        "handler": "runc",
        "overhead": {"podFixed": {"cpu": "1"}},
        "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "a", "operator": "Exists"}]},
    },
    kinds.FLOW_SCHEMAS: {
        "spec": {
            "priorityLevelConfiguration": {"name": "global-default"},
            "rules": [
                {
                    "subjects": [{"kind": "User", "user": {"name": "a"}}],
                    "resourceRules": [
                        {"verbs": ["get"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
                    ],
                    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["/healthz", "/a/*"]}],
                }
            ],
        }
    },
    kinds.PRIORITY_LEVEL_CONFIGURATIONS: {
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {}}}}
    },
    kinds.VALIDATING_WEBHOOK_CONFIGURATIONS: {"webhooks": [HOOK]},
    kinds.MUTATING_WEBHOOK_CONFIGURATIONS: {"webhooks": [HOOK]},
    kinds.VALIDATING_ADMISSION_POLICIES: {"spec": POLICY},
    kinds.MUTATING_ADMISSION_POLICIES: {
        "spec": {
            "matchConstraints": {"resourceRules": [RULE]},
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}}],
        }
    },
    kinds.VALIDATING_ADMISSION_POLICY_BINDINGS: {"spec": {"policyName": "p", "validationActions": ["Deny"]}},
    kinds.MUTATING_ADMISSION_POLICY_BINDINGS: {"spec": {"policyName": "p"}},
    kinds.DEVICE_CLASSES: {"spec": {"selectors": [{"cel": {"expression": "true"}}]}},
    kinds.RESOURCE_CLAIMS: {
        "spec": {
            "devices": {
                "requests": [REQUEST],
                "constraints": [{"requests": ["one"], "matchAttribute": "example.com/model"}],
                "config": [{"opaque": {"driver": "d.example.com", "parameters": {}}}],
            }
        }
    },
    kinds.RESOURCE_CLAIM_TEMPLATES: {"spec": {"spec": {"devices": {"requests": [REQUEST]}}}},
    kinds.RESOURCE_SLICES: {
        "spec": {
            "driver": "d.example.com",
            "nodeName": "n",
            "pool": {"name": "a/b", "resourceSliceCount": 1},
            "devices": [{"name": "gpu-0"}],
        }
    },
}


def made(kind: Kind, **changes: Any) -> Object:
    """A good object with the values at `a__0__b` paths replaced; None removes one."""
    obj: Object = copy.deepcopy(GOOD[kind])
    obj["metadata"] = {"name": "name", "uid": "u", "resourceVersion": "1"}
    if kind.namespaced:
        obj["metadata"]["namespace"] = "default"
    apply_defaults(kind, obj)
    for path, value in changes.items():
        here: Any = obj
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        for step in steps:
            here = here[step]
        if value is None:
            del here[last]
        else:
            here[last] = value
    return obj


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.kind)
def test_what_is_right_passes(kind: Kind) -> None:
    assert validate_create(kind, made(kind)) == []
    assert validate_update(kind, made(kind), made(kind)) == []


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.kind)
def test_nothing_is_needed_to_say_what_is_wrong(kind: Kind) -> None:
    empty: Object = {"metadata": {"name": "name", "uid": "u", "resourceVersion": "1", "namespace": "default"}}
    validate_create(kind, empty)
    validate_update(kind, empty, made(kind))
    validate_update(kind, made(kind), empty)


WRONG: list[tuple[Kind, Object, str]] = [
    (
        kinds.ENDPOINTS,
        {"subsets__0__addresses": []},
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
    ),
    (
        kinds.ENDPOINTS,
        {"subsets__0__addresses__0__ip": "127.0.0.1"},
        'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, '
        "::1/128)",
    ),
    (
        kinds.ENDPOINTS,
        {"subsets__0__addresses__0__ip": "224.0.0.9"},
        'subsets[0].addresses[0].ip: Invalid value: "224.0.0.9": may not be in the link-local multicast range '
        "(224.0.0.0/24, ff02::/10)",
    ),
    (kinds.EVENTS, {"eventTime": None}, "eventTime: Required value"),
    (kinds.EVENTS, {"type": "Odd"}, 'type: Invalid value: "": has invalid value: Odd'),
    (kinds.EVENTS, {"deprecatedCount": 1}, 'count: Invalid value: "": needs to be unset'),
    (
        kinds.HORIZONTAL_POD_AUTOSCALERS,
        {"spec__maxReplicas": 0},
        "spec.maxReplicas: Required value: must be set and greater than 0",
    ),
    (
        kinds.HORIZONTAL_POD_AUTOSCALERS,
        {"spec__metrics__0__type": "Pods"},
        "spec.metrics[0].pods: Required value: must populate information for the given metric source",
    ),
    (
        kinds.HORIZONTAL_POD_AUTOSCALERS,
        {"spec__behavior__scaleDown__policies__0__periodSeconds": 1801},
        "spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to "
        "1800",
    ),
    (
        kinds.CSI_DRIVERS,
        {"spec__fsGroupPolicy": "Often"},
        'spec.fsGroupPolicy: Unsupported value: "Often": supported values: "File", "None", "ReadWriteOnceWithFSType"',
    ),
    (
        kinds.CSI_DRIVERS,
        {"spec__tokenRequests__0__expirationSeconds": 1},
        "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
    ),
    (kinds.CSI_NODES, {"spec__drivers__0__nodeID": ""}, "spec.drivers[0].nodeID: Required value"),
    (
        kinds.CSI_STORAGE_CAPACITIES,
        {"capacity": "-1"},
        'capacity: Invalid value: "-1": must be greater than or equal to 0',
    ),
    (
        kinds.VOLUME_ATTACHMENTS,
        {"spec__source": {}},
        "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
    ),
    (
        kinds.VOLUME_ATTRIBUTES_CLASSES,
        {"parameters": None},
        "parameters: Required value: must contain at least one key/value pair",
    ),
    (kinds.RUNTIME_CLASSES, {"handler": ""}, "handler: Required value"),
    (
        kinds.FLOW_SCHEMAS,
        {"spec__matchingPrecedence": 10001},
        "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
    ),
    (
        kinds.FLOW_SCHEMAS,
        {"spec__rules__0__subjects__0__kind": "Group"},
        "spec.rules[0].subjects[0].group: Required value: group is required when subject kind is 'Group'",
    ),
    (
        kinds.PRIORITY_LEVEL_CONFIGURATIONS,
        {"spec__limited__limitResponse__queuing__handSize": 65},
        "spec.limited.limitResponse.queuing.handSize: Invalid value: 65: should not be greater than queues (64)",
    ),
    (
        kinds.PRIORITY_LEVEL_CONFIGURATIONS,
        {"spec__type": "Exempt"},
        "spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'",
    ),
    (
        kinds.VALIDATING_WEBHOOK_CONFIGURATIONS,
        {"webhooks__0__sideEffects": "Some"},
        'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
    ),
    (
        kinds.MUTATING_WEBHOOK_CONFIGURATIONS,
        {"webhooks__0__clientConfig": {"url": "http://a.example.com"}},
        "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; "
        "desired format: https://host[/path]",
    ),
    (
        kinds.MUTATING_WEBHOOK_CONFIGURATIONS,
        {"webhooks__0__rules__0__resources": ["pods/*", "pods/log"]},
        "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/log\": if 'pods/*' is present, must not specify "
        "pods/log",
    ),
    (
        kinds.VALIDATING_ADMISSION_POLICIES,
        {"spec__matchConstraints": None},
        "spec.matchConstraints: Required value",
    ),
    (
        kinds.MUTATING_ADMISSION_POLICIES,
        {"spec__mutations__0__patchType": "ApplyConfiguration"},
        "spec.mutations[0].applyConfiguration: Required value: must be specified when patchType is "
        "ApplyConfiguration",
    ),
    (
        kinds.VALIDATING_ADMISSION_POLICY_BINDINGS,
        {"spec__validationActions": []},
        "spec.validationActions: Required value: at least one validation action is required",
    ),
    (
        kinds.RESOURCE_CLAIMS,
        {"spec__devices__constraints__0__requests": ["two"]},
        'spec.devices.constraints[0].requests[0]: Invalid value: "two": must be the name of a request in the claim '
        "or the name of a request and a subrequest separated by '/'",
    ),
    (
        kinds.RESOURCE_SLICES,
        {"spec__nodeName": None},
        "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is "
        "required",
    ),
]


@pytest.mark.parametrize(("kind", "changes", "words"), WRONG, ids=lambda one: getattr(one, "kind", ""))
def test_what_is_wrong_is_said(kind: Kind, changes: Object, words: str) -> None:
    assert words in [str(error) for error in validate_create(kind, made(kind, **changes))]


IMMUTABLE: list[tuple[Kind, Object, str]] = [
    (kinds.EVENTS, {"note": "other"}, 'message: Invalid value: "other": field is immutable'),
    (
        kinds.CSI_DRIVERS,
        {"spec__attachRequired": False},
        "spec.attachedRequired: Invalid value: false: field is immutable",
    ),
    (kinds.RUNTIME_CLASSES, {"handler": "other"}, 'handler: Invalid value: "other": field is immutable'),
    (
        kinds.VOLUME_ATTRIBUTES_CLASSES,
        {"driverName": "e.example.com"},
        "driverName: Forbidden: updates to driverName are forbidden.",
    ),
    (
        kinds.CSI_STORAGE_CAPACITIES,
        {"storageClassName": "slow"},
        'storageClassName: Invalid value: "slow": field is immutable',
    ),
]


@pytest.mark.parametrize(("kind", "changes", "words"), IMMUTABLE, ids=lambda one: getattr(one, "kind", ""))
def test_what_stays_as_it_is(kind: Kind, changes: Object, words: str) -> None:
    errors = validate_update(kind, made(kind, **changes), made(kind))
    assert words in [str(error) for error in errors]
