"""Ways of single groups' kinds: generations, what deleting says and leaves, warnings, reviews, what may be granted."""

from __future__ import annotations

from typing import Any

import pytest
from api_harness import Api, deployment

Object = dict[str, Any]

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
STORAGE = "/apis/storage.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def job(name: str = "one") -> Object:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}
    return {"metadata": {"name": name}, "spec": {"template": {"spec": pod}}}


async def generation(api: Api, path: str, patch: Object) -> int | None:
    found: int | None = (await api.patch(path, patch)).json["metadata"].get("generation")
    return found


async def test_generations_count_what_upstream_counts(api: Api) -> None:
    await api.made(DEPLOYMENTS, deployment("web"))
    assert await generation(api, DEPLOYMENTS + "/web", {"metadata": {"labels": {"a": "b"}}}) == 1
    assert await generation(api, DEPLOYMENTS + "/web", {"metadata": {"annotations": {"a": "b"}}}) == 2
    await api.made(SLICES, {"metadata": {"name": "one"}, "addressType": "IPv4", "endpoints": []})
    assert await generation(api, SLICES + "/one", {"metadata": {"annotations": {"a": "b"}}}) == 1
    assert await generation(api, SLICES + "/one", {"metadata": {"labels": {"a": "b"}}}) == 2


async def test_drivers_have_a_generation_once_they_change_and_priorities_keep_theirs(api: Api) -> None:
    made = await api.made(STORAGE + "/csidrivers", {"metadata": {"name": "a.example.com"}, "spec": {}})
    assert "generation" not in made["metadata"]
    path = STORAGE + "/csidrivers/a.example.com"
    assert await generation(api, path, {"metadata": {"labels": {"a": "b"}}}) is None
    assert await generation(api, path, {"spec": {"requiresRepublish": True}}) == 1
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    await api.made(path, {"metadata": {"name": "high"}, "value": 7})
    assert await generation(api, path + "/high", {"description": "for few"}) == 1


async def test_deleting_a_job_leaves_its_pods_and_says_so(api: Api) -> None:
    await api.made(JOBS, job())
    reply = await api.delete(JOBS + "/one")
    assert reply.status == 200
    assert "child pods are preserved by default when jobs are deleted" in str(reply.headers.get("warning"))
    await api.made(JOBS, job("two"))
    reply = await api.delete(JOBS + "/two?propagationPolicy=Background")
    assert not reply.headers.get("warning")


async def test_what_is_deleted_at_once_is_shown_or_named(api: Api) -> None:
    await api.made(STORAGE + "/storageclasses", {"metadata": {"name": "fast"}, "provisioner": "a.b/c"})
    assert (await api.delete(STORAGE + "/storageclasses/fast")).json["kind"] == "StorageClass"
    await api.made(DEPLOYMENTS, deployment("web"))
    reply = await api.delete(DEPLOYMENTS + "/web")
    assert (reply.json["kind"], reply.json["details"]["name"]) == ("Status", "web")


async def test_the_labels_of_a_job_are_those_of_its_pods(api: Api) -> None:
    made = await api.made(JOBS, job())
    assert made["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"]
    reply = await api.post(JOBS, job("Bad_"))
    assert [cause["field"] for cause in reply.json["details"]["causes"]].count("metadata.labels") == 0


async def test_a_lease_is_put_with_its_version_or_anew(api: Api) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    lease: Object = {"metadata": {"name": "one"}, "spec": {"holderIdentity": "me"}}
    assert (await api.put(path + "/one", lease)).status == 201
    reply = await api.put(path + "/one", lease)
    assert reply.status == 422
    assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in reply.message


@pytest.mark.parametrize(("audiences", "good"), [([], True), (["vault"], False)])
async def test_tokens_are_good_for_their_audiences(api: Api, audiences: list[str], good: bool) -> None:
    spec = {"token": api.server.access.loopback_token, "audiences": audiences}
    reply = await api.post("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": spec})
    assert reply.json["status"].get("authenticated", False) is good
    assert list(reply.json)[:3] == ["kind", "apiVersion", "metadata"]


async def test_a_review_of_rules_shows_nothing_but_them(api: Api) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    reply = await api.post(path, {"metadata": {"name": "x"}, "spec": {"namespace": "default"}})
    assert (reply.json["metadata"], reply.json["spec"]) == ({}, {})
    assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in reply.json["status"]["resourceRules"]


async def test_a_local_review_is_for_its_namespace(api: Api) -> None:
    path = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews"
    reply = await api.post(path, {"metadata": {"namespace": "other"}, "spec": {"user": "jane"}})
    assert (reply.status, reply.reason) == (400, "BadRequest")


async def test_a_binding_to_a_role_that_is_not_there(api: Api) -> None:
    rules = [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"], "verbs": ["*"]}]
    await api.made(RBAC + "/namespaces/default/roles", {"metadata": {"name": "binder"}, "rules": rules})
    own: Object = {
        "metadata": {"name": "binder"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "binder"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
    }
    path = RBAC + "/namespaces/default/rolebindings"
    await api.made(path, own)
    other = {"metadata": {"name": "x"}, "roleRef": {**own["roleRef"], "kind": "ClusterRole", "name": "none"}}
    reply = await api.post(path, other, impersonate_user="jane")
    assert (reply.status, reply.json["details"]["name"]) == (404, "none")
