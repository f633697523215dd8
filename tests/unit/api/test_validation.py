import copy
from typing import Any

import pytest

from pybernetes.api.defaults import apply_defaults
from pybernetes.api.kinds import (
    BUILTIN_KINDS,
    CLUSTER_ROLE_BINDINGS,
    CONFIG_MAPS,
    CRON_JOBS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    INGRESSES,
    JOBS,
    NAMESPACES,
    NETWORK_POLICIES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    PRIORITY_CLASSES,
    ROLES,
    SECRETS,
    SERVICES,
    STATEFUL_SETS,
    Kind,
)
from pybernetes.api.validation import validate_create, validate_update

Object = dict[str, Any]


def made(kind: Kind, metadata: Object | None = None, **fields: Any) -> Object:
    obj: Object = {"metadata": {"name": "x", **(metadata or {})}, **copy.deepcopy(fields)}
    if kind.namespaced:
        obj["metadata"].setdefault("namespace", "default")
    apply_defaults(kind, obj)
    return obj


def faults(kind: Kind, metadata: Object | None = None, **fields: Any) -> list[str]:
    return [str(one) for one in validate_create(kind, made(kind, metadata, **fields))]


def changed(kind: Kind, obj: Object, change: Any, subresource: str = "") -> list[str]:
    old = made(kind, {"resourceVersion": "1"}, **obj)
    new = copy.deepcopy(old)
    change(new)
    return [str(one) for one in validate_update(kind, new, old, subresource)]


CONTAINER = {"name": "c", "image": "nginx:1"}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [CONTAINER]}}
WORKLOAD = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}


@pytest.mark.parametrize("kind", BUILTIN_KINDS, ids=lambda kind: kind.group_kind)
def test_empty_objects_are_judged_without_stumbling(kind: Kind) -> None:
    validate_create(kind, made(kind))
    obj = made(kind, {"resourceVersion": "1"})
    validate_update(kind, copy.deepcopy(obj), obj)
    validate_update(kind, copy.deepcopy(obj), obj, "status")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (PODS, {"spec": {"containers": [CONTAINER]}}),
        (DEPLOYMENTS, {"spec": WORKLOAD}),
        (STATEFUL_SETS, {"spec": {**WORKLOAD, "serviceName": "x"}}),
        (SERVICES, {"spec": {"ports": [{"port": 80}]}}),
        (SERVICES, {"spec": {"type": "ExternalName", "externalName": "example.com"}}),
        (SERVICES, {"spec": {"clusterIP": "None", "clusterIPs": ["None"], "selector": {"a": "b"}}}),
        (NAMESPACES, {}),
        (NODES, {}),
        (CONFIG_MAPS, {"data": {"a.b": "c"}}),
        (CRON_JOBS, {"spec": {"schedule": "*/5 * * jan mon-fri", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [CONTAINER]}}}}}}),
        (NETWORK_POLICIES, {"spec": {"ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": "http"}]}]}}),
        (PERSISTENT_VOLUME_CLAIMS, {"spec": {"accessModes": ["ReadWriteOnce"],
                                             "resources": {"requests": {"storage": "1Gi"}}}}),
    ],
)  # fmt: skip
def test_good_objects_pass(kind: Kind, fields: Object) -> None:
    assert faults(kind, **fields) == []
    assert changed(kind, fields, lambda new: None) == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"containers": []}, ["spec.containers: Required value"]),
        ({"containers": [{"name": "c"}]}, ["spec.containers[0].image: Required value"]),
        ({"containers": [CONTAINER, CONTAINER]}, ['spec.containers[1].name: Duplicate value: "c"']),
        (
            {"containers": [{**CONTAINER, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]},
            ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
        ),
        (
            {"containers": [{**CONTAINER, "ports": [{"containerPort": 70000}]}]},
            ["spec.containers[0].ports[0].containerPort: Invalid value: 70000: "
             "must be between 1 and 65535, inclusive"],
        ),
        (
            {"containers": [{**CONTAINER, "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}]},
            ['spec.containers[0].resources.requests: Invalid value: "2": '
             "must be less than or equal to cpu limit of 1"],
        ),
        (
            {"containers": [CONTAINER], "restartPolicy": "Sometimes"},
            ['spec.restartPolicy: Unsupported value: "Sometimes": '
             'supported values: "Always", "OnFailure", "Never"'],
        ),
        (
            {"containers": [{**CONTAINER, "livenessProbe": {}}]},
            ["spec.containers[0].livenessProbe: Required value: must specify a handler type"],
        ),
        (
            {"containers": [CONTAINER], "tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
            ['spec.tolerations[0].operator: Invalid value: "b": '
             "value must be empty when `operator` is 'Exists'"],
        ),
        (
            {"containers": [CONTAINER], "volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]},
            ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
        ),
        (
            {"containers": [CONTAINER], "initContainers": [{"name": "i", "image": "i", "livenessProbe": {
                "exec": {"command": ["x"]}}}]},
            ["spec.initContainers[0].livenessProbe: Forbidden: "
             "may not be set for init containers without restartPolicy=Always"],
        ),
        (
            {"containers": [CONTAINER], "hostNetwork": True, "securityContext": {"sysctls": [
                {"name": "a..", "value": "1"}, {"name": "a-b", "value": "1"}, {"name": "a-b", "value": "1"},
                {"name": "net/ipv4.ip_forward", "value": "1"}]}},
            ['spec.securityContext.sysctls[0].name: Invalid value: "a..": must have at most 253 characters and match '
             r"regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
             'spec.securityContext.sysctls[2].name: Duplicate value: "a-b"',
             'spec.securityContext.sysctls[3].name: Invalid value: "net/ipv4.ip_forward": '
             "may not be specified when 'hostNetwork' is true"],
        ),
        (
            {"containers": [
                {**CONTAINER, "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]}
            ]},
            ['spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported '
             'values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", '
             '"spec.serviceAccountName", '
             '"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'],
        ),
    ],
)  # fmt: skip
def test_bad_pods(spec: Object, words: list[str]) -> None:
    assert faults(PODS, spec=spec) == words


def test_metadata() -> None:
    spec = {"containers": [CONTAINER]}
    assert faults(PODS, {"name": "A_b"}, spec=spec)[0].startswith(
        'metadata.name: Invalid value: "A_b": a lowercase'
    )
    assert faults(PODS, {"name": ""}, spec=spec) == [
        "metadata.name: Required value: name or generateName is required"
    ]
    assert faults(NAMESPACES, {"namespace": "a"}) == [
        "metadata.namespace: Forbidden: not allowed on this type"
    ]
    big = {"a": "x" * (256 * 1024)}
    assert faults(PODS, {"annotations": big}, spec=spec) == [
        "metadata.annotations: Too long: may not be more than 262144 bytes"
    ]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p"}
    assert faults(PODS, {"ownerReferences": [owner]}, spec=spec) == [
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty'
    ]


def test_of_a_running_pod_only_the_image_and_few_other_fields_may_change() -> None:
    obj = {"spec": {"containers": [CONTAINER]}}

    def image(new: Object) -> None:
        new["spec"]["containers"][0]["image"] = "nginx:2"
        new["spec"].setdefault("tolerations", []).append({"operator": "Exists"})

    def command(new: Object) -> None:
        new["spec"]["containers"][0]["command"] = ["x"]

    def more(new: Object) -> None:
        new["spec"]["containers"].append({**new["spec"]["containers"][0], "name": "d"})

    assert changed(PODS, obj, image) == []
    assert changed(PODS, obj, command)[0].startswith(
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
        "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
    )
    assert changed(PODS, obj, command)[0].endswith(
        '    "Image": "nginx:1",\n-   "Command": null,\n+   "Command": [\n+    "x"\n+   ],\n    "Args": null,\n'
        '    "WorkingDir": "",\n    "Ports": null,\n'
    )
    assert changed(PODS, obj, more) == [
        "spec.containers: Forbidden: pod updates may not add or remove containers"
    ]


def test_workloads() -> None:
    assert faults(DEPLOYMENTS, spec={**WORKLOAD, "selector": {"matchLabels": {"app": "y"}}}) == [
        'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'
    ]
    never = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
    assert faults(DEPLOYMENTS, spec={**WORKLOAD, "template": never}) == [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'
    ]
    assert (
        changed(
            DEPLOYMENTS, {"spec": WORKLOAD}, lambda new: new["spec"]["selector"]["matchLabels"].update(b="c")
        )[-1]
        == 'spec.selector: Invalid value: {"matchLabels":{"app":"x","b":"c"}}: field is immutable'
    )
    assert changed(
        STATEFUL_SETS, {"spec": WORKLOAD}, lambda new: new["spec"].update(serviceName="other")
    ) == [
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
        "are forbidden"
    ]
    assert 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"' in faults(
        JOBS, spec={"template": TEMPLATE}
    )
    bad = {"schedule": "61 * * * *", "jobTemplate": {"spec": {"template": never}}}
    assert faults(CRON_JOBS, spec=bad) == [
        'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61'
    ]


def test_services() -> None:
    assert faults(SERVICES, spec={}) == ["spec.ports: Required value"]
    assert faults(SERVICES, spec={"ports": [{"port": 80}, {"port": 81, "name": "b"}]}) == [
        "spec.ports[0].name: Required value"
    ]
    assert faults(SERVICES, spec={"ports": [{"port": 80, "nodePort": 30000}]}) == [
        "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"
    ]
    addressed = {"spec": {"ports": [{"port": 80}], "clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.5"]}}
    other = {"clusterIP": "10.96.0.6", "clusterIPs": ["10.96.0.6"]}
    assert changed(SERVICES, addressed, lambda new: new["spec"].update(other)) == [
        'spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set'
    ]


def test_immutable_config() -> None:
    assert changed(CONFIG_MAPS, {"immutable": True, "data": {"a": "b"}}, lambda new: new.update(data={})) == [
        "data: Forbidden: field is immutable when `immutable` is set"
    ]
    assert changed(SECRETS, {}, lambda new: new.update(type="x/y")) == [
        'type: Invalid value: "x/y": field is immutable'
    ]
    assert faults(SECRETS, type="kubernetes.io/tls") == [
        "data[tls.crt]: Required value",
        "data[tls.key]: Required value",
    ]


def test_roles_and_bindings() -> None:
    assert faults(ROLES, rules=[{}]) == [
        "rules[0].verbs: Required value: verbs must contain at least one value",
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[0].resources: Required value: resource rules must supply at least one resource",
    ]
    binding = {"roleRef": {"kind": "ClusterRole", "name": "a"}, "subjects": [{"kind": "User", "name": "u"}]}
    assert faults(CLUSTER_ROLE_BINDINGS, **binding) == []
    assert changed(CLUSTER_ROLE_BINDINGS, binding, lambda new: new["roleRef"].update(name="b")) == [
        'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"b"}: '
        "cannot change roleRef"
    ]


def test_other_kinds() -> None:
    assert faults(INGRESSES, spec={}) == [
        "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"
    ]
    assert faults(PRIORITY_CLASSES, value=2_000_000_000) == [
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
    ]
    assert faults(ENDPOINT_SLICES, addressType="IPv4", endpoints=[{"addresses": ["x"]}]) == [
        'endpoints[0].addresses[0]: Invalid value: "x": must be a valid IP address, '
        "(e.g. 10.9.8.7 or 2001:db8::ffff)"
    ]
    claim = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    assert changed(
        PERSISTENT_VOLUME_CLAIMS, claim, lambda new: new["spec"].update(accessModes=["ReadWriteMany"])
    )[0].startswith("spec: Forbidden: spec is immutable after creation except resources.requests and")
    taint = {"key": "a", "effect": "Never"}
    assert faults(NODES, spec={"taints": [taint]}) == [
        'metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", '
        '"NoExecute"'
    ]


def token_pod(volume: str, mounted: str) -> Object:
    mounts = [{"name": mounted, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]
    return {
        "containers": [{**CONTAINER, "volumeMounts": mounts}],
        "volumes": [{"name": volume, "emptyDir": {}}],
    }


def test_pods_of_one_template_are_judged_alike_and_others_by_themselves() -> None:
    for suffix in ("abcde", "fghij"):
        name = f"kube-api-access-{suffix}"
        assert faults(PODS, spec=token_pod(name, name)) == []
        wrong = faults(PODS, spec=token_pod(name, "kube-api-access-00000"))
        assert wrong == ['spec.containers[0].volumeMounts[0].name: Not found: "kube-api-access-00000"']
    for _ in range(2):
        assert faults(PODS, spec={"containers": [{"name": "c"}]}) == [
            "spec.containers[0].image: Required value"
        ]
