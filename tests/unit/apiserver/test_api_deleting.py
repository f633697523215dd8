"""DELETE: at once, gracefully, held by finalizers, in collections; namespaces."""

from __future__ import annotations

from api_harness import Api

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


async def test_delete_answers_a_status(api: Api) -> None:
    made = await api.config_map()
    reply = await api.delete(CONFIG_MAPS + "/one")
    assert reply.status == 200
    assert reply.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    assert (await api.get(CONFIG_MAPS + "/one")).status == 404
    assert (await api.delete(CONFIG_MAPS + "/one")).status == 404


async def test_preconditions(api: Api) -> None:
    made = await api.config_map()
    for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
        reply = await api.delete(CONFIG_MAPS + "/one", {"preconditions": wrong})
        assert reply.status == 409
    right = {"uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"]}
    assert (await api.delete(CONFIG_MAPS + "/one", {"preconditions": right})).status == 200


async def test_finalizers_hold_an_object_until_they_are_gone(api: Api) -> None:
    await api.config_map(metadata={"finalizers": ["example.com/hold"]})
    reply = await api.delete(CONFIG_MAPS + "/one")
    metadata = reply.json["metadata"]
    assert reply.status == 200 and reply.json["kind"] == "ConfigMap"
    assert metadata["deletionTimestamp"] and metadata["deletionGracePeriodSeconds"] == 0
    again = await api.delete(CONFIG_MAPS + "/one")
    assert again.json["metadata"]["resourceVersion"] == metadata["resourceVersion"]
    released = await api.patch(CONFIG_MAPS + "/one", {"metadata": {"finalizers": None}})
    assert released.status == 200
    assert (await api.get(CONFIG_MAPS + "/one")).status == 404


async def test_propagation_adds_the_collectors_finalizers(api: Api) -> None:
    await api.config_map("a")
    reply = await api.delete(CONFIG_MAPS + "/a", {"propagationPolicy": "Foreground"})
    assert reply.json["metadata"]["finalizers"] == ["foregroundDeletion"]
    reply = await api.delete(CONFIG_MAPS + "/a?propagationPolicy=Orphan")
    assert reply.json["metadata"]["finalizers"] == ["orphan"]
    reply = await api.delete(CONFIG_MAPS + "/a", {"propagationPolicy": "Background"})
    assert (await api.get(CONFIG_MAPS + "/a")).status == 404
    reply = await api.delete(CONFIG_MAPS + "/a", {"propagationPolicy": "Never"})
    assert reply.status == 422


async def test_a_pod_without_a_node_goes_at_once(api: Api) -> None:
    await api.pod()
    reply = await api.delete(PODS + "/web")
    assert reply.json["kind"] == "Pod"
    assert (await api.get(PODS + "/web")).status == 404


async def test_a_pod_on_a_node_goes_when_its_kubelet_says_so(api: Api) -> None:
    await api.pod()
    await api.bind("web", "n1")
    first = (await api.delete(PODS + "/web")).json["metadata"]
    assert first["deletionGracePeriodSeconds"] == 30
    assert first["generation"] == 2
    longer = (await api.delete(PODS + "/web", {"gracePeriodSeconds": 60})).json["metadata"]
    assert longer["deletionGracePeriodSeconds"] == 30
    shorter = (await api.delete(PODS + "/web", {"gracePeriodSeconds": 5})).json["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] < first["deletionTimestamp"]
    await api.delete(PODS + "/web?gracePeriodSeconds=0")
    assert (await api.get(PODS + "/web")).status == 404


async def test_a_finished_pod_goes_at_once(api: Api) -> None:
    await api.pod()
    await api.bind("web", "n1")
    await api.patch(PODS + "/web/status", {"status": {"phase": "Succeeded"}})
    await api.delete(PODS + "/web")
    assert (await api.get(PODS + "/web")).status == 404


async def test_dry_run_deletes_nothing(api: Api) -> None:
    await api.config_map()
    assert (await api.delete(CONFIG_MAPS + "/one?dryRun=All")).status == 200
    assert (await api.get(CONFIG_MAPS + "/one")).status == 200


async def test_collections_go_by_selector(api: Api) -> None:
    await api.config_map("a", metadata={"labels": {"x": "1"}})
    await api.config_map("b")
    reply = await api.delete(CONFIG_MAPS + "?labelSelector=x%3D1")
    assert [item["metadata"]["name"] for item in reply.json["items"]] == ["a"]
    left = (await api.get(CONFIG_MAPS)).json["items"]
    assert [item["metadata"]["name"] for item in left] == ["b"]


async def test_a_namespace_ends_when_it_has_been_finalized(api: Api) -> None:
    made = await api.made("/api/v1/namespaces", {"metadata": {"name": "foo"}})
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    assert made["status"] == {"phase": "Active"}
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "foo"}
    deleted = (await api.delete("/api/v1/namespaces/foo")).json
    assert deleted["status"]["phase"] == "Terminating" and deleted["metadata"]["deletionTimestamp"]
    refused = await api.post("/api/v1/namespaces/foo/configmaps", {"metadata": {"name": "x"}})
    assert refused.status == 403
    assert refused.message == (
        'configmaps "x" is forbidden: unable to create new content in namespace foo because it is being terminated'
    )
    assert refused.json["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    deleted["spec"]["finalizers"] = []
    assert (await api.put("/api/v1/namespaces/foo/finalize", deleted)).status == 200
    assert (await api.get("/api/v1/namespaces/foo")).status == 404


async def test_some_namespaces_never_go(api: Api) -> None:
    reply = await api.delete("/api/v1/namespaces/default")
    assert reply.status == 403
    assert reply.message == 'namespaces "default" is forbidden: this namespace may not be deleted'


async def test_nothing_is_created_where_there_is_no_namespace(api: Api) -> None:
    reply = await api.post("/api/v1/namespaces/none/configmaps", {"metadata": {"name": "x"}})
    assert reply.status == 404 and reply.message == 'namespaces "none" not found'


async def test_options_in_the_query_count_only_without_a_body(api: Api) -> None:
    await api.config_map("kept")
    assert (await api.delete(f"{CONFIG_MAPS}/kept?dryRun=All")).status == 200
    assert (await api.get(f"{CONFIG_MAPS}/kept")).status == 200
    assert (await api.delete(f"{CONFIG_MAPS}/kept?dryRun=All", {})).status == 200
    assert (await api.get(f"{CONFIG_MAPS}/kept")).status == 404


async def test_preconditions_tell_what_they_found(api: Api) -> None:
    made = (await api.config_map("one"))["metadata"]
    reply = await api.delete(f"{CONFIG_MAPS}/one", {"preconditions": {"uid": "x"}})
    assert (reply.status, reply.message) == (
        409,
        f'Operation cannot be fulfilled on ConfigMap "one": the UID in the precondition (x) does not match the UID in '
        f"record ({made['uid']}). The object might have been deleted and then recreated",
    )
    reply = await api.delete(f"{CONFIG_MAPS}/one", {"propagationPolicy": "Now"})
    assert reply.message == (
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Now": supported values: '
        '"Foreground", "Background", "Orphan", "nil"'
    )
