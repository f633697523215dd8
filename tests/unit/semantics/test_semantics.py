from datetime import UTC, datetime
from typing import Any

from pybernetes.api.kinds import REPLICA_SETS
from pybernetes.semantics import affinity, owners, pods, resources, tolerations


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [], **spec}}


def container(name: str = "c", cpu: str = "", memory: str = "", **more: Any) -> dict[str, Any]:
    asked = {key: text for key, text in (("cpu", cpu), ("memory", memory)) if text}
    return {"name": name, "resources": {"requests": asked}, **more}


def test_requests_take_the_larger_of_running_together_and_starting_up() -> None:
    subject = pod(
        containers=[container("a", "100m", "1Gi"), container("b", "200m")],
        initContainers=[
            container("side", "50m", restartPolicy="Always"),
            container("init", "1", "512Mi"),
        ],
        overhead={"cpu": "10m"},
    )
    assert resources.pod_requests(subject) == {"cpu": 1060, "memory": 1 << 30}
    assert resources.pod_requests(
        pod(containers=[container(cpu="1")], resources={"requests": {"cpu": "2"}})
    ) == {"cpu": 2000}


def test_a_resize_under_way_counts_the_larger() -> None:
    subject = pod(containers=[container("a", "100m")])
    subject["status"] = {"containerStatuses": [{"name": "a", "allocatedResources": {"cpu": "300m"}}]}
    assert resources.pod_requests(subject, with_status=True) == {"cpu": 300}
    assert resources.pod_requests(subject) == {"cpu": 100}


def test_pods_that_ask_for_nothing_score_with_a_default() -> None:
    assert resources.nonzero_requests(pod(containers=[container()])) == (100, 200 * 1024 * 1024)


def test_qos_classes() -> None:
    both = {"cpu": "1", "memory": "1Gi"}
    assert resources.qos_class(pod(containers=[{"name": "a"}])) == "BestEffort"
    assert resources.qos_class(pod(containers=[container(cpu="1")])) == "Burstable"
    full = {"name": "a", "resources": {"requests": both, "limits": both}}
    assert resources.qos_class(pod(containers=[full])) == "Guaranteed"
    assert resources.qos_class(pod(containers=[full, {"name": "b"}])) == "Burstable"


def test_tolerations() -> None:
    taint = {"key": "k", "value": "v", "effect": "NoExecute"}
    assert tolerations.tolerates({"operator": "Exists"}, taint)
    assert tolerations.tolerates({"key": "k", "value": "v"}, taint)
    assert not tolerations.tolerates({"key": "k", "value": "w"}, taint)
    assert not tolerations.tolerates({"key": "k", "operator": "Exists", "effect": "NoSchedule"}, taint)
    assert tolerations.find_untolerated([taint], []) is taint
    assert tolerations.find_untolerated([taint], [{"operator": "Exists"}]) is None
    assert tolerations.eviction_delay([taint], []) == 0
    assert tolerations.eviction_delay([taint], [{"operator": "Exists"}]) is None
    assert tolerations.eviction_delay([taint], [{"operator": "Exists", "tolerationSeconds": 300}]) == 300


def test_node_selectors_and_affinity() -> None:
    node = {"metadata": {"name": "n1", "labels": {"zone": "a", "size": "5"}}}
    assert affinity.node_matches_pod(pod(nodeSelector={"zone": "a"}), node)
    assert not affinity.node_matches_pod(pod(nodeSelector={"zone": "b"}), node)

    def required(*terms: dict[str, Any]) -> dict[str, Any]:
        return pod(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}
                }
            }
        )

    big = {"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["4"]}]}
    this = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
    assert affinity.node_matches_pod(required(big), node)
    assert affinity.node_matches_pod(required(this), node)
    assert not affinity.node_matches_pod(required({}), node)
    assert not affinity.node_matches_pod(required(), node)


def test_pod_affinity_terms_know_their_namespaces() -> None:
    owner = pod()
    other = {"metadata": {"name": "o", "namespace": "other", "labels": {"app": "web"}}, "spec": {}}
    here = {"metadata": {"name": "h", "namespace": "default", "labels": {"app": "web"}}, "spec": {}}
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}
    assert affinity.PodTerm(term, owner).matches(here)
    assert not affinity.PodTerm(term, owner).matches(other)
    assert affinity.PodTerm({**term, "namespaceSelector": {}}, owner).matches(other)
    labelled = {**term, "namespaceSelector": {"matchLabels": {"team": "a"}}}
    assert affinity.PodTerm(labelled, owner).matches(other, {"team": "a"})
    assert not affinity.PodTerm(labelled, owner).matches(other, {})


def test_owners() -> None:
    owner = {"metadata": {"name": "rs", "uid": "u1"}}
    reference = owners.owner_ref(owner, REPLICA_SETS)
    assert reference == {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "rs",
        "uid": "u1",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    owned = {"metadata": {"name": "p", "ownerReferences": [reference]}}
    assert owners.is_controlled_by(owned, owner)
    assert owners.has_owner(owned, "u1")
    assert owners.without_owner(owned, "u1") == []


def test_readiness_and_conditions() -> None:
    subject = pod()
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    subject["status"] = {"conditions": [ready]}
    assert pods.is_ready(subject)
    assert not pods.is_available(subject, 10, datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC))
    assert pods.is_available(subject, 10, datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC))
    ready["status"] = "False"
    assert not pods.is_ready(subject)


def test_a_condition_keeps_its_time_while_its_status_lasts() -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    assert pods.transition_time(ready, "True", "2026-01-01T00:00:09Z") == "2026-01-01T00:00:00Z"
    assert pods.transition_time(ready, "False", "2026-01-01T00:00:09Z") == "2026-01-01T00:00:09Z"
    assert pods.transition_time(None, "True", "2026-01-01T00:00:09Z") == "2026-01-01T00:00:09Z"


def test_host_ports_know_addresses_and_protocols() -> None:
    ports = [{"containerPort": 80, "hostPort": 80}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP"}]
    assert pods.host_ports(pod(containers=[{"name": "a", "ports": ports}])) == [
        ("", "TCP", 80),
        ("", "UDP", 53),
    ]
