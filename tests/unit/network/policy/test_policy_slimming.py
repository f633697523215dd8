"""What is kept of other nodes' pods is all that policies ask for."""

import copy

from policy_objects import pod

from pybernetes.network.policy.model import pod_of
from pybernetes.network.policy.slimming import PodSlimmer


def test_a_slim_pod_means_the_same_to_policies() -> None:
    sidecar = {
        "name": "s",
        "image": "x",
        "restartPolicy": "Always",
        "ports": [{"name": "side", "containerPort": 1}],
    }
    for obj in (
        pod("a", "10.244.0.2", spec={"initContainers": [sidecar]}, env="x" * 100),
        pod("b", "10.244.0.3 fd00::3", "n2"),
        pod("host", "10.209.0.11", spec={"hostNetwork": True}),
        pod("over", "10.244.0.4", phase="Failed"),
        pod("early", ""),
    ):
        slim = PodSlimmer().slim(copy.deepcopy(obj), None)
        assert pod_of(slim, "n1") == pod_of(obj, "n1")


def test_images_environments_and_conditions_are_not_kept() -> None:
    obj = pod("a", "10.244.0.2", spec={"volumes": [{"name": "v"}]})
    obj["spec"]["containers"][0]["image"] = "web:1"
    obj["status"]["conditions"] = [{"type": "Ready"}]
    obj["metadata"]["annotations"] = {"a": "b"}
    slim = PodSlimmer().slim(obj, None)
    assert slim["spec"] == {
        "nodeName": "n1",
        "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}],
    }
    assert set(slim["status"]) == {"phase", "podIPs"}
    assert "annotations" not in slim["metadata"]


def test_replicas_share_what_is_equal() -> None:
    slimmer = PodSlimmer()
    first = slimmer.slim(pod("a", "10.244.0.2", labels={"app": "x"}), None)
    second = slimmer.slim(pod("b", "10.244.0.3", labels={"app": "x"}), None)
    assert first["metadata"]["labels"] is second["metadata"]["labels"]
    assert first["spec"] is second["spec"]
