"""Limit ranges, resource quotas and the default storage class."""

from __future__ import annotations

import asyncio
from typing import Any

from api_harness import Api

PODS = "/api/v1/namespaces/default/pods"
QUOTAS = "/api/v1/namespaces/default/resourcequotas"


async def limit_range(api: Api, **limit: Any) -> None:
    body = {"metadata": {"name": "limits"}, "spec": {"limits": [limit]}}
    await api.made("/api/v1/namespaces/default/limitranges", body)


def pod(name: str, **resources: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "nginx", "resources": resources}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


async def test_limit_ranges_fill_in_what_containers_leave_open(api: Api) -> None:
    await limit_range(
        api, type="Container", default={"cpu": "500m"}, defaultRequest={"cpu": "100m", "memory": "64Mi"}
    )
    made = await api.made(PODS, pod("a", requests={"memory": "1Gi"}))
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m"},
        "requests": {"cpu": "100m", "memory": "1Gi"},
    }
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container main; cpu limit for container main"
    )
    assert made["status"]["qosClass"] == "Burstable"


async def test_limit_ranges_bound_what_containers_ask_for(api: Api) -> None:
    await limit_range(api, type="Container", min={"cpu": "100m"}, max={"cpu": "1"})
    refused = await api.post(PODS, pod("a", requests={"cpu": "50m"}, limits={"cpu": "2"}))
    assert refused.status == 403
    assert refused.message == (
        'pods "a" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, '
        "maximum cpu usage per Container is 1, but limit is 2]"
    )
    fitting = await api.post(PODS, pod("a", requests={"cpu": "200m"}, limits={"cpu": "1"}))
    assert fitting.status == 201


async def quota(api: Api, hard: dict[str, str]) -> None:
    await api.made(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    status = {"hard": hard, "used": dict.fromkeys(hard, "0")}
    assert (await api.patch(QUOTAS + "/q/status", {"status": status})).status == 200


async def used(api: Api) -> dict[str, str]:
    return dict((await api.get(QUOTAS + "/q")).json["status"]["used"])


async def test_quotas_count_and_refuse(api: Api) -> None:
    await quota(api, {"pods": "2", "requests.cpu": "1"})
    assert (await api.post(PODS, pod("a", requests={"cpu": "600m"}))).status == 201
    assert await used(api) == {"pods": "1", "requests.cpu": "600m"}
    over = await api.post(PODS, pod("b", requests={"cpu": "600m"}))
    assert over.status == 403
    assert over.message == (
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, '
        "limited: requests.cpu=1"
    )
    silent = await api.post(PODS, pod("c"))
    assert silent.message == 'pods "c" is forbidden: failed quota: q: must specify requests.cpu for: main'
    assert await used(api) == {"pods": "1", "requests.cpu": "600m"}


async def test_what_is_not_created_is_not_charged(api: Api) -> None:
    await quota(api, {"configmaps": "5"})
    await api.config_map("a")
    assert (
        await api.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}})
    ).status == 409
    assert (
        await api.post("/api/v1/namespaces/default/configmaps?dryRun=All", {"metadata": {"name": "b"}})
    ).status == 201
    assert await used(api) == {"configmaps": "1"}


async def test_many_at_once_do_not_overdraw(api: Api) -> None:
    await quota(api, {"count/configmaps": "3"})
    path = "/api/v1/namespaces/default/configmaps"
    replies = await asyncio.gather(*(api.post(path, {"metadata": {"name": f"c{n}"}}) for n in range(8)))
    assert sorted(reply.status for reply in replies) == [201] * 3 + [403] * 5
    assert await used(api) == {"count/configmaps": "3"}


async def test_services_are_charged_for_what_grows(api: Api) -> None:
    await quota(api, {"services": "1", "services.nodeports": "1"})
    path = "/api/v1/namespaces/default/services"
    await api.made(path, {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    assert await used(api) == {"services": "1", "services.nodeports": "0"}
    assert (await api.patch(path + "/web", {"spec": {"type": "NodePort"}})).status == 200
    assert await used(api) == {"services": "1", "services.nodeports": "1"}
    refused = await api.post(path, {"metadata": {"name": "two"}, "spec": {"ports": [{"port": 80}]}})
    assert "exceeded quota: q, requested: services=1" in refused.message


async def test_claims_get_the_default_class(api: Api) -> None:
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    marked = {"storageclass.kubernetes.io/is-default-class": "true"}
    await api.made(classes, {"metadata": {"name": "slow"}, "provisioner": "x"})
    await api.made(classes, {"metadata": {"name": "fast", "annotations": marked}, "provisioner": "x"})
    path = "/api/v1/namespaces/default/persistentvolumeclaims"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = await api.made(path, {"metadata": {"name": "a"}, "spec": spec})
    assert made["spec"]["storageClassName"] == "fast" and made["status"] == {"phase": "Pending"}
    named = await api.made(path, {"metadata": {"name": "b"}, "spec": {**spec, "storageClassName": ""}})
    assert named["spec"]["storageClassName"] == ""
