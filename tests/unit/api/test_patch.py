from typing import Any

import pytest

from pybernetes.api.kinds import DEPLOYMENTS, PODS, SERVICES
from pybernetes.api.patch import MalformedPatch, UnfitPatch, json_patch, merge_patch, strategic_merge_patch
from pybernetes.api.schema import schema_for


def test_merge_patches_follow_the_rfc() -> None:
    old = {"a": {"b": 1, "c": 2}, "d": [1]}
    new = merge_patch.apply(old, {"a": {"b": None, "e": {"f": None}}, "d": [2], "g": 1})
    assert new == {"a": {"c": 2, "e": {}}, "d": [2], "g": 1}
    assert old == {"a": {"b": 1, "c": 2}, "d": [1]}
    assert merge_patch.apply(old, merge_patch.diff(old, new)) == new


def test_json_patches_apply_in_order() -> None:
    old = {"a": {"b/c": [1, 2]}, "x": 1}
    new = json_patch.apply(
        old,
        [
            {"op": "test", "path": "/x", "value": 1},
            {"op": "add", "path": "/a/b~1c/1", "value": 9},
            {"op": "add", "path": "/a/b~1c/-", "value": 3},
            {"op": "replace", "path": "/x", "value": {"y": 1}},
            {"op": "copy", "from": "/x", "path": "/z"},
            {"op": "move", "from": "/x/y", "path": "/w"},
            {"op": "remove", "path": "/a/b~1c/0"},
            {"op": "test", "path": "/nothing", "value": None},
        ],
    )
    assert new == {"a": {"b/c": [9, 2, 3]}, "x": {}, "z": {"y": 1}, "w": 1}
    assert old == {"a": {"b/c": [1, 2]}, "x": 1}


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({"op": "test", "path": "/a", "value": 2}, "testing value /a failed: test failed"),
        (
            {"op": "remove", "path": "/b"},
            "error in remove for path: '/b': Unable to remove nonexistent key: b: missing value",
        ),
        (
            {"op": "add", "path": "/b/c", "value": 1},
            'add operation does not apply: doc is missing path: "/b/c": missing value',
        ),
        ({"op": "jump", "path": "/a"}, "Unexpected kind: jump"),
    ],
)
def test_json_patches_that_do_not_fit_are_unprocessable(operation: dict[str, Any], why: str) -> None:
    with pytest.raises(UnfitPatch) as caught:
        json_patch.apply({"a": 1}, [operation])
    assert caught.value.why == why
    assert caught.value.status["code"] == 422


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        ({"op": "replace", "path": "/c", "value": 2}, {"a": [1, 2], "c": 2}),
        ({"op": "add", "path": "/c"}, {"a": [1, 2], "c": None}),
        ({"op": "add", "path": "/a/-1", "value": 3}, {"a": [1, 2, 3]}),
        ({"op": "remove", "path": "/a/-2"}, {"a": [2]}),
        ({"op": "test", "path": "/a/-1", "value": 2}, {"a": [1, 2]}),
    ],
)
def test_json_patches_may_be_lax(operation: dict[str, Any], left: dict[str, Any]) -> None:
    assert json_patch.apply({"a": [1, 2]}, [operation]) == left


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": {"containers": list(containers), **spec}}


def patched(old: dict[str, Any], **spec: Any) -> dict[str, Any]:
    result: dict[str, Any] = strategic_merge_patch.apply(old, {"spec": spec}, schema_for(PODS))["spec"]
    return result


def test_containers_merge_by_name() -> None:
    old = pod({"name": "a", "image": "1"}, {"name": "b", "image": "1"})
    new = patched(old, containers=[{"name": "b", "image": "2"}, {"name": "c", "image": "3"}])
    assert new["containers"] == [
        {"name": "a", "image": "1"},
        {"name": "b", "image": "2"},
        {"name": "c", "image": "3"},
    ]
    assert old["spec"]["containers"][1]["image"] == "1"


def test_items_are_deleted_and_lists_replaced_by_directive() -> None:
    old = pod({"name": "a"}, {"name": "b"})
    assert patched(old, containers=[{"name": "a", "$patch": "delete"}])["containers"] == [{"name": "b"}]
    assert patched(old, containers=[{"$patch": "replace"}, {"name": "c"}])["containers"] == [{"name": "c"}]
    assert patched(old, **{"$patch": "replace", "nodeName": "n"}) == {"nodeName": "n"}


def test_kubectl_apply_states_the_order_of_items() -> None:
    old = pod({"name": "a"}, {"name": "b"}, {"name": "c"})
    order = [{"name": "d"}, {"name": "b"}, {"name": "a"}]
    new = patched(old, **{"$setElementOrder/containers": order, "containers": [{"name": "d", "image": "1"}]})
    assert [one["name"] for one in new["containers"]] == ["d", "b", "a", "c"]
    order = [{"name": "b"}, {"name": "d"}]
    new = patched(old, **{"$setElementOrder/containers": order, "containers": [{"name": "d", "image": "1"}]})
    assert [one["name"] for one in new["containers"]] == ["a", "b", "d", "c"]


def test_items_that_a_patch_adds_come_before_those_that_it_does_not_name() -> None:
    old = pod({"name": "a"}, {"name": "b"})
    new = patched(old, containers=[{"name": "b", "image": "2"}, {"name": "c", "image": "1"}])
    assert [one["name"] for one in new["containers"]] == ["a", "b", "c"]
    new = patched(old, containers=[{"name": "c", "image": "1"}])
    assert [one["name"] for one in new["containers"]] == ["c", "a", "b"]


def test_primitive_lists_merge_and_shrink() -> None:
    old = {"metadata": {"finalizers": ["a/a", "b/b"]}}
    schema = schema_for(PODS)
    new = strategic_merge_patch.apply(old, {"metadata": {"finalizers": ["c/c", "a/a"]}}, schema)
    assert sorted(new["metadata"]["finalizers"]) == ["a/a", "b/b", "c/c"]
    gone = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/a"]}}
    assert strategic_merge_patch.apply(old, gone, schema)["metadata"]["finalizers"] == ["b/b"]


def test_volumes_keep_only_the_retained_keys() -> None:
    old = pod(volumes=[{"name": "v", "emptyDir": {}}])
    change = {"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}
    assert patched(old, volumes=[change])["volumes"] == [{"name": "v", "hostPath": {"path": "/x"}}]
    deployment = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    recreate = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    new = strategic_merge_patch.apply(deployment, recreate, schema_for(DEPLOYMENTS))
    assert new["spec"]["strategy"] == {"type": "Recreate"}


def test_nulls_delete_and_atomic_lists_are_replaced() -> None:
    old = pod({"name": "a", "args": ["1", "2"]}, nodeSelector={"a": "b", "c": "d"})
    new = patched(old, containers=[{"name": "a", "args": ["3"]}], nodeSelector={"a": None})
    assert new == {"containers": [{"name": "a", "args": ["3"]}], "nodeSelector": {"c": "d"}}


def test_service_ports_merge_by_port() -> None:
    old = {"spec": {"ports": [{"port": 80, "name": "a"}]}}
    new = strategic_merge_patch.apply(
        old, {"spec": {"ports": [{"port": 80, "nodePort": 30000}]}}, schema_for(SERVICES)
    )
    assert new["spec"]["ports"] == [{"port": 80, "name": "a", "nodePort": 30000}]


def test_broken_strategic_patches() -> None:
    with pytest.raises(MalformedPatch, match=r"unknown patch type: burn in map: map\[\$patch:burn\]"):
        patched(pod(), **{"$patch": "burn"})
    with pytest.raises(
        MalformedPatch, match=r"map: map\[image:x\] does not contain declared merge key: name"
    ):
        patched(pod({"name": "a"}), containers=[{"image": "x"}])
