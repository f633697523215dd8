"""The form in which objects are written: order, what is always there, what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.decoding import check
from pybernetes.api.kinds import CORE_EVENTS, NODES, PODS, RESOURCE_QUOTAS
from pybernetes.api.schema import schema_for
from pybernetes.api.written import written

POD = schema_for(PODS)


def test_fields_come_in_the_order_of_their_types_and_keys_of_maps_sorted() -> None:
    pod = {
        "spec": {
            "containers": [{"resources": {}, "image": "i", "name": "c"}],
            "nodeSelector": {"b": "", "a": ""},
        },
        "metadata": {"uid": "u", "name": "p"},
    }
    made = written(pod, POD)
    assert list(made) == ["metadata", "spec", "status"]
    assert list(made["metadata"]) == ["name", "uid"]
    assert list(made["spec"]["containers"][0]) == ["name", "image", "resources"]
    assert list(made["spec"]["nodeSelector"]) == ["a", "b"]
    assert list(pod) == ["spec", "metadata"]


def test_what_is_in_form_is_shared() -> None:
    once = written({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}}, POD)
    assert written(once, POD) is once
    changed = {**once, "status": {"phase": "Running", "conditions": []}}
    assert written(changed, POD, once)["spec"] is once["spec"]


@pytest.mark.parametrize(
    ("kind", "obj", "path", "value"),
    [
        (PODS, {}, ("spec", "containers"), None),
        (PODS, {"spec": {"containers": [{}]}}, ("spec", "containers"), [{"name": "", "resources": {}}]),
        (NODES, {"status": {"conditions": [{}]}}, ("status", "conditions", 0, "lastHeartbeatTime"), None),
        (CORE_EVENTS, {}, ("eventTime",), None),
        (RESOURCE_QUOTAS, {}, ("status",), {}),
    ],
)
def test_some_fields_are_written_where_nothing_is_set(
    kind: Any, obj: dict[str, Any], path: tuple[Any, ...], value: Any
) -> None:
    found: Any = written(obj, schema_for(kind))
    for step in path:
        found = found[step]
    assert found == value


def test_zeros_that_say_nothing_are_dropped_when_read() -> None:
    pod = {
        "spec": {
            "hostNetwork": False,
            "nodeName": "",
            "tolerations": [],
            "hostUsers": False,
            "securityContext": {},
            "containers": [{"name": "", "stdin": False}],
        }
    }
    assert check(pod, POD) == []
    assert pod["spec"] == {"hostUsers": False, "securityContext": {}, "containers": [{"name": ""}]}
