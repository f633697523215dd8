"""What the server says about itself, and what it says to strangers."""

from __future__ import annotations

from api_harness import Api

from pybernetes.api import protobuf

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TEXT = "/api/v1/namespaces/default/pods"


async def test_groups_and_resources(api: Api) -> None:
    assert (await api.get("/api")).json["versions"] == ["v1"]
    groups = {group["name"]: group for group in (await api.get("/apis")).json["groups"]}
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert [one["version"] for one in groups["autoscaling"]["versions"]] == ["v2", "v1"]
    assert (await api.get("/apis/apps")).json["kind"] == "APIGroup"
    resources = {one["name"]: one for one in (await api.get("/api/v1")).json["resources"]}
    assert resources["pods"]["shortNames"] == ["po"] and resources["pods"]["namespaced"]
    assert resources["pods/eviction"]["group"] == "policy"
    assert "deployments/scale" in {one["name"] for one in (await api.get("/apis/apps/v1")).json["resources"]}


async def test_aggregated_discovery(api: Api) -> None:
    reply = await api.get("/apis", accept=AGGREGATED + ",application/json")
    assert reply.headers.get("content-type") == AGGREGATED
    apps = next(item for item in reply.json["items"] if item["metadata"]["name"] == "apps")
    names = [one["resource"] for one in apps["versions"][0]["resources"]]
    assert "deployments" in names
    found = next(one for one in apps["versions"][0]["resources"] if one["resource"] == "deployments")
    assert found["responseKind"] == {"group": "", "version": "", "kind": "Deployment"}
    assert [one["responseKind"] for one in found["subresources"]] == [
        {"group": "autoscaling", "version": "v1", "kind": "Scale"},
        {"group": "", "version": "", "kind": "Deployment"},
    ]
    etag = reply.headers.get("etag")
    again = await api.get("/apis", accept=AGGREGATED, if_none_match=etag)
    assert (again.status, again.body, again.headers.get("cache-control")) == (304, b"", "public")
    older = await api.get("/apis", accept=AGGREGATED.replace("v2", "v2beta1"))
    assert older.status == 406
    assert (await api.get("/api", accept=AGGREGATED)).json["items"][0]["versions"][0]["version"] == "v1"


async def test_discovery_in_protobuf(api: Api) -> None:
    for path, kind in (
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/apis/apps", "APIGroup"),
        ("/apis/apps/v1", "APIResourceList"),
    ):
        reply = await api.get(path, accept=protobuf.CONTENT_TYPE)
        assert reply.headers.get("content-type") == protobuf.CONTENT_TYPE
        assert reply.body.startswith(b"k8s\0") and kind.encode() in reply.body[:40]


async def test_openapi(api: Api) -> None:
    index = (await api.get("/openapi/v3")).json["paths"]
    reply = await api.get(index["api/v1"]["serverRelativeURL"])
    assert reply.json["openapi"].startswith("3.0")
    assert "io.k8s.api.core.v1.Pod" in reply.json["components"]["schemas"]
    pod = reply.json["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]
    assert pod["restartPolicy"]["enum"] == ["Always", "Never", "OnFailure"]
    etag = reply.headers.get("etag")
    assert (await api.get("/openapi/v3/api/v1", if_none_match=etag)).status == 304
    assert (await api.get("/openapi/v3/apis/none/v1")).status == 404


async def test_version_and_root(api: Api) -> None:
    version = (await api.get("/version")).json
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"].startswith("v1.36.")
    assert "/apis/apps/v1" in (await api.get("/")).json["paths"]


async def test_health(api: Api) -> None:
    assert (await api.get("/healthz")).body == b"ok"
    assert (await api.get("/readyz/ping")).body == b"ok"
    assert (await api.get("/livez/none")).status == 404
    verbose = (await api.get("/readyz?verbose")).body.decode()
    assert verbose.endswith("readyz check passed\n") and "[+]ping ok" in verbose
    api.server.health.add("sick", lambda: "has a cold")
    failed = await api.get("/readyz")
    assert failed.status == 500 and b"[-]sick failed: reason withheld" in failed.body
    assert (await api.get("/readyz?exclude=sick")).status == 200
    assert (await api.get("/livez")).status == 200


async def test_metrics(api: Api) -> None:
    await api.pod()
    text = (await api.get("/metrics")).body.decode()
    counted = 'apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="pods"'
    assert counted in text
    assert "apiserver_request_duration_seconds_bucket" in text
    assert 'apiserver_current_inflight_requests{request_kind="readOnly"}' in text
    assert 'apiserver_longrunning_requests{component="apiserver",group="",resource="pods"' in text
    assert 'apiserver_storage_objects{resource="pods"} 1' in text
    assert 'apiserver_watch_cache_events_received_total{group="",resource="pods"} 1' in text
    assert 'etcd_requests_total{group="",operation="create",resource="pods"} 1' in text


async def test_strangers_see_health_and_version_only(bootstrapped: Api) -> None:
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert (await bootstrapped.get(path, authorization="")).status == 200
    refused = await bootstrapped.get(TEXT, authorization="")
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert refused.message == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
        'in the namespace "default"'
    )
    assert refused.json["details"] == {"kind": "pods"}
    path = await bootstrapped.get("/metrics", authorization="")
    assert path.message == 'forbidden: User "system:anonymous" cannot get path "/metrics"'


async def test_unknown_tokens_are_unauthorized(api: Api) -> None:
    reply = await api.get(TEXT, authorization="Bearer nonsense")
    assert (reply.status, reply.reason, reply.message) == (401, "Unauthorized", "Unauthorized")


async def test_roles_decide(bootstrapped: Api) -> None:
    api = bootstrapped
    await api.made("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "bot"}})
    token = (await api.post("/api/v1/namespaces/default/serviceaccounts/bot/token", {"spec": {}})).json
    bearer = f"Bearer {token['status']['token']}"
    assert (await api.get(TEXT, authorization=bearer)).status == 403
    binding = {
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "bot", "namespace": "default"}],
    }
    await api.made("/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", binding)
    assert (await api.get(TEXT, authorization=bearer)).status == 200
    assert (await api.get("/api/v1/namespaces/default/secrets", authorization=bearer)).status == 403


async def test_a_new_cluster_has_its_first_objects(bootstrapped: Api) -> None:
    api = bootstrapped
    names = [one["metadata"]["name"] for one in (await api.get("/api/v1/namespaces")).json["items"]]
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    service = (await api.get("/api/v1/namespaces/default/services/kubernetes")).json
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    endpoints = (await api.get("/api/v1/namespaces/default/endpoints/kubernetes")).json
    assert endpoints["subsets"][0]["addresses"] == [{"ip": "10.0.0.1"}]
    slices = await api.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")
    assert slices.json["endpoints"][0]["addresses"] == ["10.0.0.1"]
    role = (await api.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/admin")).json
    assert role["rules"]
