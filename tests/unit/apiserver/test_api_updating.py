"""PUT and PATCH: optimistic concurrency, what stays, generations, the three patches and apply."""

from __future__ import annotations

import asyncio
from typing import Any

from api_harness import Api, deployment

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"


async def test_put_replaces_and_keeps_identity(api: Api) -> None:
    made = await api.config_map()
    body = {"metadata": {"name": "one", "labels": {"a": "b"}}, "data": {"x": "y"}}
    reply = await api.put(CONFIG_MAPS + "/one", body)
    assert reply.status == 200
    assert reply.json["data"] == {"x": "y"}
    assert reply.json["metadata"]["uid"] == made["metadata"]["uid"]
    assert reply.json["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    assert int(reply.json["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


async def test_a_stale_revision_is_a_conflict(api: Api) -> None:
    made = await api.config_map()
    await api.patch(CONFIG_MAPS + "/one", {"data": {"b": "2"}})
    reply = await api.put(CONFIG_MAPS + "/one", made)
    assert (reply.status, reply.reason) == (409, "Conflict")
    assert reply.message == (
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_another_uid_is_a_conflict(api: Api) -> None:
    await api.config_map()
    reply = await api.put(CONFIG_MAPS + "/one", {"metadata": {"name": "one", "uid": "other"}})
    assert reply.status == 409 and "Precondition failed: UID in precondition: other" in reply.message


async def test_what_changes_nothing_is_not_written(api: Api) -> None:
    made = await api.config_map()
    reply = await api.put(CONFIG_MAPS + "/one", made)
    assert reply.json["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_names_must_match_and_the_object_exist(api: Api) -> None:
    assert (await api.put(CONFIG_MAPS + "/none", {"metadata": {"name": "none"}})).status == 404
    reply = await api.put(CONFIG_MAPS + "/one", {"metadata": {"name": "two"}})
    assert reply.status == 400
    assert reply.message == "the name of the object (two) does not match the name on the URL (one)"


async def test_some_kinds_are_created_by_put_and_need_a_revision_to_change(api: Api) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l"
    made = await api.put(path, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}})
    assert made.status == 201
    reply = await api.put(path, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "you"}})
    assert reply.status == 422
    assert (
        "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in reply.message
        or "0x0" in reply.message
    )


async def test_spec_changes_count_generations_and_keep_status(api: Api) -> None:
    made = await api.deployment()
    assert made["metadata"]["generation"] == 1 and made["status"] == {}
    status = await api.put(DEPLOYMENTS + "/web/status", {**made, "spec": {}, "status": {"replicas": 3}})
    assert status.status == 200 and status.json["status"] == {"replicas": 3}
    assert status.json["spec"] == made["spec"] and status.json["metadata"]["generation"] == 1
    body = deployment(replicas=4)
    body["status"] = {"replicas": 99}
    changed = await api.put(DEPLOYMENTS + "/web", body)
    assert changed.json["metadata"]["generation"] == 2
    assert changed.json["status"] == {"replicas": 3}
    labelled = await api.patch(DEPLOYMENTS + "/web", {"metadata": {"labels": {"a": "b"}}})
    assert labelled.json["metadata"]["generation"] == 2


async def test_merge_patch(api: Api) -> None:
    await api.config_map(data={"a": "1", "b": "2"})
    reply = await api.patch(CONFIG_MAPS + "/one", {"data": {"a": None, "c": "3"}})
    assert reply.json["data"] == {"b": "2", "c": "3"}


async def test_strategic_merge_patch_merges_containers_by_name(api: Api) -> None:
    await api.deployment()
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "x"}]}}}}
    reply = await api.patch(DEPLOYMENTS + "/web", patch, "strategic")
    containers = reply.json["spec"]["template"]["spec"]["containers"]
    assert sorted(one["name"] for one in containers) == ["main", "side"]
    assert all(one["imagePullPolicy"] == "Always" for one in containers)


async def test_json_patch(api: Api) -> None:
    await api.config_map()
    operations = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "add", "path": "/data/b", "value": "2"},
    ]
    assert (await api.patch(CONFIG_MAPS + "/one", operations, "json")).json["data"] == {"a": "1", "b": "2"}
    failed = await api.patch(CONFIG_MAPS + "/one", [{"op": "test", "path": "/data/a", "value": "9"}], "json")
    assert failed.status == 422


async def test_a_patch_with_a_stale_revision_is_a_conflict(api: Api) -> None:
    made = await api.config_map()
    await api.patch(CONFIG_MAPS + "/one", {"data": {"b": "2"}})
    version = made["metadata"]["resourceVersion"]
    reply = await api.patch(
        CONFIG_MAPS + "/one", {"metadata": {"resourceVersion": version}, "data": {"c": "3"}}
    )
    assert reply.status == 409


async def test_patches_at_the_same_time_all_land(api: Api) -> None:
    await api.config_map()
    replies = await asyncio.gather(
        *(api.patch(CONFIG_MAPS + "/one", {"data": {f"k{number}": "x"}}) for number in range(5))
    )
    assert [reply.status for reply in replies] == [200] * 5
    assert len((await api.get(CONFIG_MAPS + "/one")).json["data"]) == 6


async def test_malformed_patches_are_refused(api: Api) -> None:
    await api.config_map()
    path = CONFIG_MAPS + "/one"
    assert (await api.patch(path, b"{")).status == 400
    assert (await api.patch(path, [1])).status == 400
    assert (await api.patch(path, {"a": 1}, "json")).status == 400
    assert (await api.call("PATCH", path, {}, content_type="application/json")).status == 415
    assert (await api.patch(path, {"kind": "Secret"})).status == 422
    assert (await api.patch(path, {"metadata": {"name": "two"}})).status in (400, 422)


async def test_immutable_fields_stay(api: Api) -> None:
    await api.deployment()
    patch = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    reply = await api.patch(DEPLOYMENTS + "/web", patch)
    assert reply.status == 422


async def test_scale_reads_and_writes_replicas_alone(api: Api) -> None:
    await api.deployment(replicas=2)
    scale = (await api.get(DEPLOYMENTS + "/web/scale")).json
    assert scale["kind"] == "Scale" and scale["apiVersion"] == "autoscaling/v1"
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"] == {"replicas": 0, "selector": "app=web"}
    scale["spec"]["replicas"] = 5
    assert (await api.put(DEPLOYMENTS + "/web/scale", scale)).json["spec"] == {"replicas": 5}
    patched = await api.patch(DEPLOYMENTS + "/web/scale", {"spec": {"replicas": 7}})
    assert patched.json["spec"] == {"replicas": 7}
    assert (await api.get(DEPLOYMENTS + "/web")).json["spec"]["replicas"] == 7
    assert (await api.put(DEPLOYMENTS + "/web/scale", scale)).status == 409
    assert (await api.patch(DEPLOYMENTS + "/web/scale", {"spec": {"replicas": -1}})).status == 422


def configuration(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": data}


async def test_apply_creates_merges_and_takes_back(api: Api) -> None:
    path = CONFIG_MAPS + "/one?fieldManager=me"
    made = await api.patch(path, configuration(a="1", b="2"), "apply")
    assert made.status == 201
    await api.patch(CONFIG_MAPS + "/one?fieldManager=other", {"data": {"c": "3"}})
    again = await api.patch(path, configuration(a="1"), "apply")
    assert again.status == 200
    assert again.json["data"] == {"a": "1", "c": "3"}
    managers = {(one["manager"], one["operation"]) for one in again.json["metadata"]["managedFields"]}
    assert managers == {("me", "Apply"), ("other", "Update")}


async def test_apply_conflicts_unless_forced(api: Api) -> None:
    await api.config_map(data={"a": "1"})
    path = CONFIG_MAPS + "/one?fieldManager=me"
    refused = await api.patch(path, configuration(a="2"), "apply")
    assert refused.status == 409
    assert refused.json["details"]["causes"][0]["field"] == ".data.a"
    forced = await api.patch(path + "&force=true", configuration(a="2"), "apply")
    assert forced.json["data"] == {"a": "2"}
    unchanged = await api.patch(path + "&force=true", configuration(a="2"), "apply")
    assert unchanged.json["metadata"]["resourceVersion"] == forced.json["metadata"]["resourceVersion"]


async def test_apply_needs_a_manager_and_no_ledger(api: Api) -> None:
    reply = await api.patch(CONFIG_MAPS + "/one", configuration(a="1"), "apply")
    assert reply.status == 422
    assert "fieldManager: Required value: is required for apply patch" in reply.message
    body = configuration(a="1")
    body["metadata"]["managedFields"] = [{"manager": "x"}]
    reply = await api.patch(CONFIG_MAPS + "/one?fieldManager=me", body, "apply")
    assert reply.message == "metadata.managedFields must be nil"


async def test_a_pods_spec_stays_but_for_a_few_fields(api: Api) -> None:
    await api.pod()
    image = await api.patch(
        PODS + "/web", {"spec": {"containers": [{"name": "main", "image": "x"}]}}, "strategic"
    )
    assert image.status == 200 and image.json["metadata"]["generation"] == 2
    status = await api.patch(
        PODS + "/web/status", {"status": {"phase": "Running"}, "spec": {"nodeName": "x"}}
    )
    assert status.json["status"]["phase"] == "Running"
    assert "nodeName" not in status.json["spec"]
    assert status.json["status"]["qosClass"] == "BestEffort"


async def test_what_is_applied_must_be_declared(api: Api) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "foo": 1}
    refused = await api.patch(CONFIG_MAPS + "/x?fieldManager=m&fieldValidation=Ignore", config, "apply")
    assert refused.status == 400
    assert refused.message == (
        "failed to create typed patch object (/x; /v1, Kind=ConfigMap): .foo: field not declared in schema"
    )
    twice = {"name": "x", "namespace": "default", "finalizers": ["a/b", "a/b"]}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": twice}
    refused = await api.patch(CONFIG_MAPS + "/x?fieldManager=m", config, "apply")
    assert refused.message == (
        "failed to create typed patch object (default/x; /v1, Kind=ConfigMap): .metadata.finalizers: "
        'duplicate entries for key [="a/b"]'
    )
    refused = await api.patch(CONFIG_MAPS + "/x?fieldManager=m", {"metadata": {"name": "x"}}, "apply")
    assert (refused.status, refused.message) == (400, "invalid object type: /, Kind=")
    refused = await api.patch(CONFIG_MAPS + "/x?fieldManager=m", b"[]", "apply")
    assert refused.message == (
        "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go "
        "value of type map[string]interface {}"
    )


async def test_status_is_applied_to_the_status_and_nothing_else_there(api: Api) -> None:
    await api.deployment()
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    path = f"{DEPLOYMENTS}/web"
    config = {**head, "spec": {"replicas": 7}, "status": {"replicas": 3}}
    there = await api.patch(f"{path}/status?fieldManager=s", config, "apply")
    assert (there.json["spec"]["replicas"], there.json["status"]["replicas"]) == (1, 3)
    main = await api.patch(
        f"{path}?fieldManager=m&force=true", {**config, "status": {"replicas": 9}}, "apply"
    )
    assert (main.json["spec"]["replicas"], main.json["status"]["replicas"]) == (7, 3)
    owners = {one["manager"]: list(one["fieldsV1"]) for one in main.json["metadata"]["managedFields"]}
    assert owners["m"] == ["f:spec"] and owners["s"] == ["f:status"]


async def test_only_apply_can_be_forced(api: Api) -> None:
    await api.config_map("one")
    refused = await api.patch(CONFIG_MAPS + "/one?force=true", {})
    assert refused.status == 422
    assert refused.message == (
        'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'
    )


async def test_only_applying_and_putting_make_what_is_missing(api: Api) -> None:
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    for kind, patch in (("merge", {"rules": []}), ("strategic", {"rules": []}), ("json", [])):
        assert (await api.patch(f"{roles}/none", patch, kind)).status == 404
    assert (await api.put(f"{roles}/none", {"metadata": {"name": "none"}})).status == 201
    services = "/api/v1/namespaces/default/services"
    service = {"metadata": {"name": "none"}, "spec": {"ports": [{"port": 80}]}}
    assert (await api.put(f"{services}/none", service)).status == 201


async def test_what_a_writer_may_leave_out_but_not_change(api: Api) -> None:
    made = await api.config_map()
    for field, value in (("uid", "other"), ("deletionTimestamp", "2026-01-01T00:00:00Z")):
        reply = await api.patch(f"{CONFIG_MAPS}/one", {"metadata": {field: value}})
        assert reply.status == 422
        assert reply.message == (
            f'ConfigMap "one" is invalid: metadata.{field}: Invalid value: "{value}": field is immutable'
        )
    reply = await api.patch(f"{CONFIG_MAPS}/one", {"metadata": {"finalizers": ["x"]}})
    assert reply.message.endswith("name is neither a standard finalizer name nor is it fully qualified")
    reply = await api.put(f"{CONFIG_MAPS}/one", {"metadata": {}})
    assert (
        reply.message == "the name of the object (one based on URL) was undeterminable: name must be provided"
    )
    reply = await api.put(f"{CONFIG_MAPS}/one", {"metadata": {"name": "one", "resourceVersion": "0"}})
    assert reply.status == 200 and reply.json["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_writer_who_means_another_object_is_told_its_key(api: Api) -> None:
    node = await api.node()
    reply = await api.put("/api/v1/nodes/n1", {**node, "metadata": {**node["metadata"], "uid": "x"}})
    assert (reply.status, reply.reason) == (409, "Conflict")
    assert "Code: 4, Key: /minions/n1, ResourceVersion: 0" in reply.message
