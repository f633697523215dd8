from typing import Any

import msgspec
import pytest

from pybernetes.api.kinds import BUILTIN_KINDS
from pybernetes.api.openapi import v2_document, v3_document, v3_index, v3_paths


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


def decoded(found: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return whole


def document(path: str) -> dict[str, Any]:
    found = v3_document(path, BUILTIN_KINDS)
    assert found is not None
    return decoded(found)


@pytest.mark.parametrize("path", v3_paths(BUILTIN_KINDS))
def test_every_reference_leads_somewhere(path: str) -> None:
    found = document(path)
    known = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    assert references(found) <= known
    names = [
        operation["operationId"]
        for item in found["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    assert len(names) == len(set(names))


def test_the_index_has_every_group_and_version() -> None:
    index = v3_index(BUILTIN_KINDS)["paths"]
    assert index["api/v1"]["serverRelativeURL"].startswith("/openapi/v3/api/v1?hash=")
    assert {"apis/apps/v1", "apis/rbac.authorization.k8s.io/v1"} <= set(index)
    assert v3_document("apis/nothing/v1", BUILTIN_KINDS) is None


def test_writes_state_field_validation_and_their_kind() -> None:
    paths = document("apis/apps/v1")["paths"]
    item = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    patch = item["patch"]
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} == {
        one["name"] for one in patch["parameters"]
    }
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "apps",
        "kind": "Deployment",
        "version": "v1",
    }
    assert patch["operationId"] == "patchAppsV1NamespacedDeployment"
    assert item["delete"]["x-kubernetes-action"] == "delete"
    everywhere = paths["/apis/apps/v1/deployments"]["get"]
    assert everywhere["operationId"] == "listAppsV1DeploymentForAllNamespaces"
    scale = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["put"]
    assert scale["x-kubernetes-group-version-kind"]["kind"] == "Scale"


def test_types_keep_what_merging_and_explaining_need() -> None:
    schemas = document("api/v1")["components"]["schemas"]
    spec = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]
    assert spec["containers"]["x-kubernetes-patch-merge-key"] == "name"
    assert spec["containers"]["description"].startswith("List of containers belonging to the pod.")
    assert schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]["protocol"]["default"] == "TCP"
    assert schemas["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["format"] == "int-or-string"
    assert spec["affinity"]["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.core.v1.Affinity"}]
    kinds = schemas["io.k8s.api.core.v1.Pod"]["x-kubernetes-group-version-kind"]
    assert {"group": "", "kind": "Pod", "version": "v1"} in kinds


def test_version_2_is_one_document() -> None:
    found = decoded(v2_document(BUILTIN_KINDS))
    assert references(found) <= {f"#/definitions/{name}" for name in found["definitions"]}
    create = found["paths"]["/api/v1/namespaces/{namespace}/pods"]["post"]
    assert create["parameters"][0]["in"] == "body"
    assert found["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"] == "string"
