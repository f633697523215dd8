"""When the files of a pod's volumes have to be written again because the pod itself changed."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.kubelet.pod_volumes import shown_otherwise

FIELDS = {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}
DOWNWARD = {"name": "v", "downwardAPI": FIELDS}
PROJECTED = {"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}, {"downwardAPI": FIELDS}]}}
EMPTY = {"name": "v", "emptyDir": {}}


def pod(volume: dict[str, Any], *, cpu: str = "1", **meta: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "x", "resources": {"limits": {"cpu": cpu}}}
    return {"metadata": {"name": "p", **meta}, "spec": {"containers": [container], "volumes": [volume]}}


@pytest.mark.parametrize("volume", [DOWNWARD, PROJECTED])
def test_new_labels_annotations_and_resources_are_shown_again(volume: dict[str, Any]) -> None:
    before = pod(volume, labels={"a": "1"})
    assert shown_otherwise(before, pod(volume, labels={"a": "2"}))
    assert shown_otherwise(before, pod(volume, labels={"a": "1"}, annotations={"b": "1"}))
    assert shown_otherwise(before, pod(volume, labels={"a": "1"}, cpu="2"))


def test_nothing_is_written_for_other_changes_or_other_volumes() -> None:
    assert not shown_otherwise(pod(DOWNWARD, resourceVersion="1"), pod(DOWNWARD, resourceVersion="2"))
    assert not shown_otherwise(pod(EMPTY, labels={"a": "1"}), pod(EMPTY, labels={"a": "2"}))
