"""POST: what the server fills in, what it refuses, and how it says so."""

from __future__ import annotations

import base64

from api_harness import Api

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


async def test_a_new_object_gets_identity_and_defaults(api: Api) -> None:
    pod = await api.pod()
    metadata = pod["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["uid"] and metadata["creationTimestamp"].endswith("Z")
    assert int(metadata["resourceVersion"]) > 0
    assert pod["apiVersion"] == "v1" and pod["kind"] == "Pod"
    assert pod["spec"]["restartPolicy"] == "Always"
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


async def test_what_a_client_may_not_set_is_dropped(api: Api) -> None:
    body = {
        "metadata": {
            "name": "x",
            "uid": "mine",
            "selfLink": "/x",
            "generation": 7,
            "deletionTimestamp": "2020-01-01T00:00:00Z",
        },
        "spec": {"containers": [{"name": "a", "image": "b"}]},
        "status": {"phase": "Running"},
    }
    pod = await api.made("/api/v1/namespaces/default/pods", body)
    assert pod["metadata"]["uid"] != "mine"
    assert "selfLink" not in pod["metadata"] and "deletionTimestamp" not in pod["metadata"]
    assert pod["metadata"]["generation"] == 1
    assert pod["status"]["phase"] == "Pending"


async def test_a_second_object_of_the_same_name_is_refused(api: Api) -> None:
    await api.config_map()
    reply = await api.post(CONFIG_MAPS, {"metadata": {"name": "one"}})
    assert (reply.status, reply.reason) == (409, "AlreadyExists")
    assert reply.message == 'configmaps "one" already exists'
    assert reply.json["details"] == {"name": "one", "kind": "configmaps"}


async def test_generate_name_appends_five_characters(api: Api) -> None:
    made = await api.made(CONFIG_MAPS, {"metadata": {"generateName": "web-"}})
    name = made["metadata"]["name"]
    assert name.startswith("web-") and len(name) == 9
    assert made["metadata"]["generateName"] == "web-"


async def test_a_name_is_required(api: Api) -> None:
    reply = await api.post(CONFIG_MAPS, {"metadata": {}})
    assert reply.status == 422
    assert "metadata.name: Required value: name or generateName is required" in reply.message


async def test_a_bad_name_is_refused_with_a_cause(api: Api) -> None:
    reply = await api.post(CONFIG_MAPS, {"metadata": {"name": "A_B"}})
    assert (reply.status, reply.reason) == (422, "Invalid")
    assert reply.json["details"]["causes"][0]["field"] == "metadata.name"


async def test_an_unknown_field_warns_unless_strict(api: Api) -> None:
    body = {"metadata": {"name": "x"}, "foo": 1}
    warned = await api.post(CONFIG_MAPS, body)
    assert warned.status == 201
    assert warned.headers.get("warning") == '299 - "unknown field \\"foo\\""'
    assert "foo" not in warned.json
    refused = await api.post(CONFIG_MAPS + "?fieldValidation=Strict", body)
    assert refused.status == 400
    assert refused.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"'
    )
    body["metadata"] = {"name": "y"}
    ignored = await api.post(CONFIG_MAPS + "?fieldValidation=Ignore", body)
    assert ignored.status == 201 and "warning" not in ignored.headers


async def test_a_duplicate_field_is_noticed(api: Api) -> None:
    body = b'{"metadata":{"name":"x"},"data":{"a":"1","a":"2"}}'
    reply = await api.post(CONFIG_MAPS + "?fieldValidation=Strict", body)
    assert reply.status == 400 and 'duplicate field "data.a"' in reply.message


async def test_a_value_of_the_wrong_type_is_a_bad_request(api: Api) -> None:
    reply = await api.post(CONFIG_MAPS, {"metadata": {"name": "x"}, "data": {"a": 1}})
    assert reply.status == 400
    assert "cannot unmarshal number into Go struct field" in reply.message


async def test_dry_run_stores_nothing(api: Api) -> None:
    reply = await api.post(CONFIG_MAPS + "?dryRun=All", {"metadata": {"name": "x"}})
    assert reply.status == 201 and reply.json["metadata"]["uid"]
    assert (await api.get(CONFIG_MAPS + "/x")).status == 404
    bad = await api.post(CONFIG_MAPS + "?dryRun=Some", {"metadata": {"name": "x"}})
    assert bad.status == 422
    assert bad.message == (
        'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"'
    )


async def test_yaml_and_protobuf_bodies_are_read(api: Api) -> None:
    from pybernetes.api import protobuf

    reply = await api.post(
        CONFIG_MAPS, b"metadata:\n  name: yes-text\ndata:\n  when: 'now'\n", content_type="application/yaml"
    )
    assert reply.status == 201 and reply.json["data"] == {"when": "now"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"}, "data": {"a": "b"}}
    reply = await api.post(CONFIG_MAPS, protobuf.encode(body), content_type=protobuf.CONTENT_TYPE)
    assert reply.status == 201 and reply.json["data"] == {"a": "b"}


async def test_another_media_type_is_refused(api: Api) -> None:
    reply = await api.post(CONFIG_MAPS, b"x", content_type="text/plain")
    assert (reply.status, reply.reason) == (415, "UnsupportedMediaType")


async def test_the_namespace_must_be_that_of_the_url(api: Api) -> None:
    reply = await api.post(CONFIG_MAPS, {"metadata": {"name": "x", "namespace": "other"}})
    assert reply.status == 400
    assert reply.message == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )


async def test_another_kind_or_version_is_refused(api: Api) -> None:
    reply = await api.post(CONFIG_MAPS, {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x"}})
    assert reply.status == 400
    assert reply.message == (
        'Secret in version "v1" cannot be handled as a ConfigMap: '
        "converting (v1.Secret) to (core.ConfigMap): unknown conversion"
    )
    reply = await api.post(CONFIG_MAPS, {"kind": "ConfigMap", "apiVersion": "v2", "metadata": {"name": "x"}})
    assert reply.status == 400
    assert reply.message == (
        'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version '
        '"v2" in scheme "pkg/api/legacyscheme/scheme.go:30"'
    )


async def test_secrets_take_texts(api: Api) -> None:
    body = {"metadata": {"name": "s"}, "stringData": {"a": "b"}}
    secret = await api.made("/api/v1/namespaces/default/secrets", body)
    assert secret["data"] == {"a": base64.b64encode(b"b").decode()}
    assert "stringData" not in secret


async def test_the_creator_is_booked_as_manager(api: Api) -> None:
    made = await api.post(CONFIG_MAPS + "?fieldManager=me", {"metadata": {"name": "x"}, "data": {"a": "b"}})
    entry = made.json["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"]) == ("me", "Update")
    assert entry["fieldsV1"] == {"f:data": {".": {}, "f:a": {}}}


async def test_a_name_beside_a_prefix_that_is_taken(api: Api) -> None:
    await api.config_map()
    reply = await api.post(CONFIG_MAPS, {"metadata": {"name": "one", "generateName": "x-"}})
    assert (reply.status, reply.reason) == (409, "AlreadyExists")
    assert reply.message == (
        'configmaps "one" already exists, the server was not able to generate a unique name for the object'
    )
    assert reply.json["details"]["retryAfterSeconds"] == 1


async def test_an_account_knows_the_names_of_its_secrets(api: Api) -> None:
    body = {"metadata": {"name": "x"}, "secrets": [{"name": "s", "kind": "Secret", "namespace": "q"}, {}]}
    made = await api.made("/api/v1/namespaces/default/serviceaccounts", body)
    assert made["secrets"] == [{"name": "s"}, {}]
    made["secrets"][1] = {"name": "t", "uid": "u"}
    changed = await api.put("/api/v1/namespaces/default/serviceaccounts/x", made)
    assert changed.json["secrets"] == [{"name": "s"}, {"name": "t"}]


async def test_a_limit_range_needs_no_name(api: Api) -> None:
    made = await api.made("/api/v1/namespaces/default/limitranges", {"spec": {"limits": []}})
    assert len(made["metadata"]["name"]) == 36
