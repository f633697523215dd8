import base64
from typing import Any

import pytest

from pybernetes.api.decoding import check
from pybernetes.api.defaults import apply_defaults
from pybernetes.api.defaults.pods import pull_policy
from pybernetes.api.kinds import (
    BUILTIN_KINDS,
    CLUSTER_ROLE_BINDINGS,
    CRON_JOBS,
    DEPLOYMENTS,
    JOBS,
    LIMIT_RANGES,
    NAMESPACES,
    PODS,
    SECRETS,
    SERVICES,
    Kind,
)
from pybernetes.api.schema import schema_for


def defaulted(kind: Kind, **fields: Any) -> dict[str, Any]:
    obj: dict[str, Any] = {"metadata": {"name": "x"}, **fields}
    apply_defaults(kind, obj)
    return obj


@pytest.mark.parametrize("kind", BUILTIN_KINDS, ids=lambda kind: kind.group_kind)
def test_defaults_of_an_empty_object_fit_its_schema_and_settle(kind: Kind) -> None:
    obj = defaulted(kind)
    assert check(obj, schema_for(kind)) == []
    before = repr(obj)
    apply_defaults(kind, obj)
    assert repr(obj) == before


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
    ],
)
def test_the_tag_decides_when_images_are_pulled(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


def test_pods() -> None:
    container = {
        "name": "c",
        "image": "i",
        "ports": [{"containerPort": 80}],
        "resources": {"limits": {"cpu": "1"}},
        "livenessProbe": {"httpGet": {"port": 80}},
    }
    pod = defaulted(
        PODS, spec={"containers": [container], "volumes": [{"name": "v"}, {"name": "s", "secret": {}}]}
    )
    assert pod["spec"] == {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "imagePullPolicy": "Always",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
                "livenessProbe": {
                    "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                    "timeoutSeconds": 1,
                    "periodSeconds": 10,
                    "successThreshold": 1,
                    "failureThreshold": 3,
                },
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"defaultMode": 420}}],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
    }


def test_templates_do_not_get_requests_from_limits() -> None:
    template = {"spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}}}]}}
    deployment = defaulted(DEPLOYMENTS, spec={"template": template})
    spec = deployment["spec"]
    assert spec["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert spec["template"]["spec"]["restartPolicy"] == "Always"
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)


def test_services() -> None:
    service = defaulted(SERVICES, spec={"ports": [{"port": 80}], "type": "NodePort"})
    assert service["spec"] == {
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "type": "NodePort",
        "sessionAffinity": "None",
        "externalTrafficPolicy": "Cluster",
        "internalTrafficPolicy": "Cluster",
    }


def test_secrets_take_texts() -> None:
    secret = defaulted(SECRETS, stringData={"a": "b"}, data={"c": "ZA=="})
    assert secret["type"] == "Opaque"
    assert secret["data"] == {"c": "ZA==", "a": base64.b64encode(b"b").decode()}
    assert "stringData" not in secret


def test_namespaces_are_labelled_with_their_name() -> None:
    namespace = defaulted(NAMESPACES)
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}
    assert namespace["status"] == {"phase": "Active"}


def test_jobs() -> None:
    assert defaulted(JOBS, spec={})["spec"]["completions"] == 1
    assert "completions" not in defaulted(JOBS, spec={"parallelism": 2})["spec"]
    assert defaulted(CRON_JOBS, spec={"jobTemplate": {}})["spec"]["concurrencyPolicy"] == "Allow"


def test_subjects_of_bindings() -> None:
    binding = defaulted(
        CLUSTER_ROLE_BINDINGS,
        subjects=[{"kind": "User", "name": "a"}, {"kind": "ServiceAccount", "name": "b"}],
    )
    assert binding["subjects"][0]["apiGroup"] == "rbac.authorization.k8s.io"
    assert "apiGroup" not in binding["subjects"][1]


def test_limits_of_containers_imply_requests() -> None:
    limits = defaulted(
        LIMIT_RANGES, spec={"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1"}}]}
    )
    item = limits["spec"]["limits"][0]
    assert item["default"] == {"cpu": "2"}
    assert item["defaultRequest"] == {"cpu": "2", "memory": "1"}
