"""Scheduling cycles: filters and their words, scores and their choices."""

from __future__ import annotations

from collections import Counter

import pytest
from scheduling_objects import World, node, pod

from pybernetes.scheduler.surroundings import Surroundings

NO_SCHEDULE = {"key": "dedicated", "value": "x", "effect": "NoSchedule"}


def test_without_nodes_the_message_says_so() -> None:
    assert World().why_not(pod()) == "no nodes available to schedule pods"


def test_each_reason_is_counted_and_the_reasons_are_sorted() -> None:
    world = World(node("a", cpu="1"), node("b", cpu="1"), node("c", taints=[NO_SCHEDULE]))
    assert world.why_not(pod(cpu="2")) == (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu."
    )


def test_a_node_can_lack_several_things_at_once() -> None:
    world = World(node("a", cpu="1", memory="1Gi", pods="0"))
    refused = world.why_not(pod(cpu="2", memory="2Gi", requests={"example.com/gpu": "1"}))
    assert refused == (
        "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu, "
        "1 Insufficient memory, 1 Too many pods."
    )


def test_pods_already_there_use_up_room() -> None:
    world = World(node("a", cpu="2"))
    world.put(pod(cpu="1500m"), "a")
    assert "Insufficient cpu" in world.why_not(pod(cpu="600m"))
    assert world.place(pod(cpu="500m")) == "a"


def test_extended_resources_are_counted() -> None:
    world = World(node("a", example_gpu="1"))
    wanted = {"example/gpu": "1"}
    assert world.place(pod(requests=wanted)) == "a"
    assert "1 Insufficient example/gpu" in world.why_not(pod(requests=wanted))


def test_cordoned_nodes_take_only_pods_that_tolerate_it() -> None:
    world = World(node("a", unschedulable=True))
    assert "1 node(s) were unschedulable" in world.why_not(pod())
    tolerations = [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]
    assert world.place(pod(tolerations=tolerations)) == "a"


def test_tolerated_taints_do_not_matter() -> None:
    world = World(node("a", taints=[NO_SCHEDULE]))
    tolerations = [{"key": "dedicated", "operator": "Equal", "value": "x", "effect": "NoSchedule"}]
    assert world.place(pod(tolerations=tolerations)) == "a"


def test_a_preference_against_a_taint_is_kept_while_there_is_a_choice() -> None:
    disliked = {"key": "k", "effect": "PreferNoSchedule"}
    world = World(node("a", taints=[disliked]), node("b"))
    assert [world.place(pod()) for _ in range(3)] == ["b"] * 3


def test_node_selectors_must_match() -> None:
    world = World(node("a", labels={"disk": "ssd"}), node("b"))
    assert world.feasible(pod(nodeSelector={"disk": "ssd"})) == {"a"}
    assert "2 node(s) didn't match Pod's node affinity/selector" in world.why_not(
        pod(nodeSelector={"disk": "tape"})
    )


def test_preferred_node_affinity_decides_between_equal_nodes() -> None:
    world = World(node("a"), node("b", labels={"disk": "ssd"}), node("c"))
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    preferred = [{"weight": 100, "preference": term}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    assert world.place(pod(affinity=affinity)) == "b"


def test_a_host_port_is_taken_only_once_a_node() -> None:
    world = World(node("a"), node("b"))
    ports = [{"containerPort": 80, "hostPort": 8080}]
    assert {world.place(pod(ports=ports)), world.place(pod(ports=ports))} == {"a", "b"}
    assert "2 node(s) didn't have free ports for the requested pod ports" in world.why_not(pod(ports=ports))
    udp = [{"containerPort": 80, "hostPort": 8080, "protocol": "UDP"}]
    assert world.feasible(pod(ports=udp)) == {"a", "b"}


def test_the_emptier_node_is_better() -> None:
    world = World(node("a"), node("b"))
    world.put(pod(cpu="2", memory="4Gi"), "a")
    assert world.place(pod(cpu="1", memory="2Gi")) == "b"


def test_a_large_image_draws_pods_to_nodes_that_have_it() -> None:
    images = {"web:latest": 900 * 1024 * 1024}
    world = World(node("a"), node("b", images=images), node("c", images=images))
    assert world.place(pod(image="web")) in ("b", "c")


def replica(name: str = "") -> dict:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "rs"}
    return pod(name, labels={"app": "web"}, owner=owner)


def test_replicas_spread_over_nodes_and_zones_by_default() -> None:
    selector = {"spec": {"selector": {"matchLabels": {"app": "web"}}}}
    around = Surroundings(owner=lambda kind, namespace, name: selector)
    world = World(
        *(node(f"n{number}", zone=f"z{number % 3}", cpu="64", memory="256Gi") for number in range(6)),
        around=around,
    )
    assert set(Counter(world.place(replica()) for _ in range(12)).values()) == {2}


def test_a_hard_constraint_holds_the_skew() -> None:
    world = World(*(node(f"n{number}", zone=f"z{number // 2}") for number in range(4)))
    constraint = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }

    def spread() -> dict:
        return pod(labels={"app": "web"}, topologySpreadConstraints=[constraint])

    world.put(pod(labels={"app": "web"}), "n0")
    assert world.feasible(spread()) == {"n2", "n3"}
    world.place(spread())
    assert world.feasible(spread()) == {"n0", "n1", "n2", "n3"}
    world.snapshot.set_node(node("nowhere"))
    assert "nowhere" not in world.feasible(spread())


def test_a_hard_constraint_that_no_node_meets_is_named() -> None:
    world = World(node("a", zone="z1"), node("b"))
    constraint = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
        "minDomains": 2,
    }
    world.put(pod(labels={"app": "web"}), "a")
    assert world.why_not(pod(labels={"app": "web"}, topologySpreadConstraints=[constraint])) == (
        "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, "
        "1 node(s) didn't match pod topology spread constraints (missing required label)."
    )


def term(app: str, key: str = "kubernetes.io/hostname") -> dict:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}


def required(kind: str, *terms: object) -> dict:
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def test_anti_affinity_keeps_pods_apart_both_ways() -> None:
    world = World(node("a"), node("b"))
    alone = required("podAntiAffinity", term("web"))
    world.put(pod(labels={"app": "web"}, affinity=alone), "a")
    assert world.feasible(pod(labels={"app": "web"})) == {"b"}
    assert world.feasible(pod(labels={"app": "web"}, affinity=alone)) == {"b"}
    world.put(pod(labels={"app": "web"}), "b")
    assert world.why_not(pod(labels={"app": "web"}, affinity=alone)) == (
        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."
    )
    assert "1 node(s) didn't satisfy existing pods anti-affinity rules" in World.why_not(
        _full_world(alone), pod(labels={"app": "web"})
    )


def _full_world(affinity: dict) -> World:
    world = World(node("a"))
    world.put(pod(labels={"app": "web"}, affinity=affinity), "a")
    return world


def test_affinity_needs_a_pod_that_matches_nearby_except_for_the_first() -> None:
    world = World(node("a", zone="z1"), node("b", zone="z1"), node("c", zone="z2"))
    near = required("podAffinity", term("web", "topology.kubernetes.io/zone"))
    assert "3 node(s) didn't match pod affinity rules" in world.why_not(pod(affinity=near))
    first = pod(labels={"app": "web"}, affinity=near)
    assert world.feasible(first) == {"a", "b", "c"}
    world.put(first, "a")
    assert world.feasible(pod(affinity=near)) == {"a", "b"}


def test_preferred_affinity_draws_and_preferred_anti_affinity_repels() -> None:
    world = World(node("a"), node("b"), node("c"))
    world.put(pod(labels={"app": "cache"}), "b")
    weighted = [{"weight": 100, "podAffinityTerm": term("cache")}]
    near = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}
    assert world.place(pod(affinity=near)) == "b"
    away = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}
    assert "b" not in {world.place(pod(affinity=away)) for _ in range(4)}


def test_affinity_terms_reach_other_namespaces_only_when_told() -> None:
    labels = {"metadata": {"labels": {"team": "red"}}}
    world = World(node("a"), around=Surroundings(namespace=lambda name: labels))
    world.put(pod(labels={"app": "web"}, namespace="other"), "a")
    here = required("podAffinity", term("web"))
    assert world.feasible(pod(affinity=here)) == set()
    there = required("podAffinity", {**term("web"), "namespaces": ["other"]})
    assert world.feasible(pod(affinity=there)) == {"a"}
    red = {**term("web"), "namespaceSelector": {"matchLabels": {"team": "red"}}}
    assert world.feasible(pod(affinity=required("podAffinity", red))) == {"a"}


def claim_volume(name: str) -> list[dict]:
    return [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (None, 'persistentvolumeclaim "data" not found'),
        ({"metadata": {"name": "data"}, "spec": {}}, "pod has unbound immediate PersistentVolumeClaims"),
        (
            {"metadata": {"name": "data", "deletionTimestamp": "now"}, "spec": {}},
            'persistentvolumeclaim "data" is being deleted',
        ),
    ],
)
def test_a_claim_that_is_not_ready_holds_the_pod(claim: dict | None, message: str) -> None:
    world = World(node("a"), around=Surroundings(claim=lambda namespace, name: claim))
    assert world.why_not(pod(volumes=claim_volume("data"))) == f"0/1 nodes are available: {message}."


def test_a_bound_claim_draws_the_pod_to_its_volumes_node() -> None:
    claim = {
        "metadata": {"name": "data", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"volumeName": "pv1"},
    }
    match = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["b"]}]}
    volume = {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [match]}}}}
    around = Surroundings(claim=lambda namespace, name: claim, volume=lambda name: volume)
    assert World(node("a"), node("b"), around=around).feasible(pod(volumes=claim_volume("data"))) == {"b"}


def test_answers_follow_changes_of_a_node() -> None:
    world = World(node("a", cpu="1"))
    wanted = pod(cpu="2")
    assert "Insufficient cpu" in world.why_not(wanted)
    world.snapshot.set_node(node("a", cpu="2"))
    assert world.place(wanted) == "a"
    world.snapshot.remove_pod("default/" + wanted["metadata"]["name"])
    world.snapshot.remove_node("a")
    assert "no nodes available" in world.why_not(wanted)


def test_a_nominated_pods_room_is_kept_for_it() -> None:
    from pybernetes.scheduler.podinfo import PodInfo

    world = World(node("a", cpu="2"))
    important = pod(cpu="2", priority=10, status={"nominatedNodeName": "a"})
    world.snapshot.nominate(PodInfo(important), "a")
    assert "Insufficient cpu" in world.why_not(pod(cpu="1"))
    assert world.place(pod(cpu="1", priority=20)) == "a"


def test_large_clusters_are_searched_in_turn() -> None:
    world = World(*(node(f"n{number}") for number in range(300)))
    chosen = {world.place(pod(cpu="100m")) for _ in range(60)}
    assert len(chosen) > 30
