"""What is taken with a warning."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.kinds import (
    DEPLOYMENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    SECRETS,
    SERVICES,
    Kind,
)
from pybernetes.api.warnings import warnings_for

Object = dict[str, Any]


def made(**spec: Any) -> Object:
    return {"metadata": {"name": "web"}, "spec": spec}


def container(**fields: Any) -> Object:
    return {"containers": [{"name": "c", "image": "i", **fields}]}


@pytest.mark.parametrize(
    ("kind", "obj", "words"),
    [
        (PODS, made(**container()), []),
        (
            PODS,
            made(**container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])),
            [
                'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'
            ],
        ),
        (PODS, made(**container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "$(A):2"}])), []),
        (
            PODS,
            made(
                **container(
                    ports=[
                        {"containerPort": 80, "protocol": "TCP", "name": "a"},
                        {"containerPort": 80, "protocol": "TCP", "hostPort": 81, "name": "a"},
                    ]
                )
            ),
            [
                "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]",
                'spec.containers[0].ports[1]: duplicate port name "a" with spec.containers[0].ports[0], services and '
                "probes that select ports by name will use spec.containers[0].ports[0]",
            ],
        ),
        (
            PODS,
            made(**container(), nodeSelector={"beta.kubernetes.io/os": "linux"}),
            [
                "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; "
                'use "kubernetes.io/os" instead'
            ],
        ),
        (
            PODS,
            made(
                **container(),
                volumes=[
                    {
                        "name": "v",
                        "projected": {
                            "sources": [
                                {"secret": {"name": "s", "items": [{"key": "k", "path": "a"}]}},
                                {"configMap": {"name": "c", "items": [{"key": "k", "path": "a/b"}]}},
                            ]
                        },
                    }
                ],
            ),
            ['volume "v" (Projected): overlapping paths: "a/b" (ConfigMap "c") with "a" (Secret "s")'],
        ),
        (
            PODS,
            made(**container(resources={"limits": {"memory": "100m"}})),
            [
                'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, '
                "must be an integer"
            ],
        ),
        (
            DEPLOYMENTS,
            made(template={"spec": {**container(), "terminationGracePeriodSeconds": -1}}),
            [
                "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and "
                "will be treated as 1"
            ],
        ),
        (
            SERVICES,
            made(type="ClusterIP", externalName="x", loadBalancerSourceRanges=["10.0.0.1/8"]),
            [
                'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.1/8" is ambiguous in this context (should be '
                '"10.0.0.0/8" or "10.0.0.1/32"?)',
                'spec.externalName is ignored when spec.type is not "ExternalName"',
            ],
        ),
        (PERSISTENT_VOLUMES, made(rbd={}), ["spec.rbd: deprecated in v1.28, non-functional in v1.31+"]),
        (
            PERSISTENT_VOLUME_CLAIMS,
            made(resources={"requests": {"storage": "1500m"}}),
            [
                'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'
            ],
        ),
        (
            SECRETS,
            {"metadata": {"name": "s"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "YQ=="}},
            ["tls: failed to find any PEM data in certificate input"],
        ),
    ],
)
def test_what_is_warned_of(kind: Kind, obj: Object, words: list[str]) -> None:
    assert list(warnings_for(kind, obj, None, "")) == words


def test_changes_of_pods_are_not_warned_of() -> None:
    pod = made(**container(), terminationGracePeriodSeconds=-1)
    assert warnings_for(PODS, pod, None, "")
    assert not warnings_for(PODS, pod, pod, "")


def test_a_template_that_stays_is_not_warned_of_again() -> None:
    old = made(template={"spec": {**container(), "terminationGracePeriodSeconds": -1}})
    old["metadata"]["generation"] = 1
    assert not warnings_for(DEPLOYMENTS, old, old, "")
    assert warnings_for(DEPLOYMENTS, {**old, "metadata": {"name": "web", "generation": 2}}, old, "")
