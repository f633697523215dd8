"""ResourceQuotas: what counts, and the shell on a fake API."""

from __future__ import annotations

import pytest

from pybernetes.api.kinds import CONFIG_MAPS, PODS, RESOURCE_QUOTAS
from pybernetes.controllers import quota

from .builders import pod


def asking(name="p", cpu="100m", memory="64Mi", phase="Running", **more):
    one = pod(name, phase=phase, **more)
    requests = {"cpu": cpu, "memory": memory}
    one["spec"]["containers"][0]["resources"] = {"requests": requests, "limits": {"cpu": "1"}}
    return one


def a_quota(hard, **spec):
    return {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": hard, **spec}}


def test_pods_are_added_up():
    used = quota.pod_usage([asking(), asking()], ["pods", "cpu", "requests.memory", "limits.cpu"])
    assert used == {"pods": "2", "cpu": "200m", "requests.memory": "128Mi", "limits.cpu": "2"}


@pytest.mark.parametrize(
    "scope, expected",
    [("BestEffort", False), ("NotBestEffort", True), ("Terminating", False), ("NotTerminating", True)],
)
def test_scopes(scope, expected):
    assert quota.in_scope(asking(), a_quota({}, scopes=[scope])) is expected


@pytest.mark.parametrize(
    "operator, values, expected", [("In", ["high"], True), ("NotIn", ["high"], False), ("Exists", [], True)]
)
def test_priority_class_scopes(operator, values, expected):
    one = asking()
    one["spec"]["priorityClassName"] = "high"
    expression = {"scopeName": "PriorityClass", "operator": operator, "values": values}
    assert quota.in_scope(one, a_quota({}, scopeSelector={"matchExpressions": [expression]})) is expected


def test_services_and_claims():
    services = [
        {"spec": {"type": "NodePort", "ports": [{}, {}]}},
        {"spec": {"type": "LoadBalancer", "ports": [{}]}},
    ]
    assert quota.service_usage(services, "services") == "2"
    assert quota.service_usage(services, "services.nodeports") == "3"
    assert quota.service_usage(services, "services.loadbalancers") == "1"
    claims = [{"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}}]
    assert quota.claim_usage(claims * 2, "requests.storage") == "2Gi"
    assert quota.claim_usage(claims, "slow.storageclass.storage.k8s.io/persistentvolumeclaims") == "0"


async def test_usage_follows_what_comes_and_goes(run):
    cluster = await run("resourcequota-controller")
    cluster.api.put(PODS, asking("a"))
    cluster.api.put(PODS, asking("done", phase="Succeeded"))
    cluster.api.put(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "default"}})
    hard = {"pods": "10", "requests.cpu": "4", "count/configmaps": "5", "count/deployments.apps": "3"}
    await cluster.api.create(RESOURCE_QUOTAS, a_quota(hard))
    await cluster.settle()
    status = cluster.api.one(RESOURCE_QUOTAS, "default/q")["status"]
    assert status["hard"] == hard
    expected = {"pods": "1", "requests.cpu": "100m", "count/configmaps": "1", "count/deployments.apps": "0"}
    assert status["used"] == expected
    cluster.api.remove(PODS, "default/a")
    await cluster.settle()
    assert cluster.api.one(RESOURCE_QUOTAS, "default/q")["status"]["used"]["pods"] == "0"
    cluster.api.remove(CONFIG_MAPS, "default/c")
    await cluster.settle(301)
    assert cluster.api.one(RESOURCE_QUOTAS, "default/q")["status"]["used"]["count/configmaps"] == "0"
