"""Routes to pods, as a function of the nodes."""

from typing import Any

from pybernetes.network import cni, masquerade, routes


def node(name: str, address: str | None, cidr: str | None) -> dict[str, Any]:
    obj: dict[str, Any] = {"metadata": {"name": name}, "spec": {}, "status": {}}
    if address:
        obj["status"]["addresses"] = [
            {"type": "Hostname", "address": name},
            {"type": "InternalIP", "address": address},
        ]
    if cidr:
        obj["spec"] = {"podCIDR": cidr, "podCIDRs": [cidr]}
    return obj


NODES = [
    node("a", "10.209.0.11", "10.244.0.0/24"),
    node("b", "10.209.0.12", "10.244.1.0/24"),
    node("unaddressed", None, "10.244.2.0/24"),
    node("unallocated", "10.209.0.14", None),
]


def test_a_node_has_a_route_to_every_other_that_has_both_address_and_pods() -> None:
    assert routes.to_others(NODES, "a") == {"10.244.1.0/24": "10.209.0.12"}
    assert routes.to_others(NODES, "c") == {"10.244.0.0/24": "10.209.0.11", "10.244.1.0/24": "10.209.0.12"}


def test_only_differences_are_changed() -> None:
    listed = [
        {"dst": "10.244.1.0/24", "gateway": "10.209.0.12"},
        {"dst": "10.244.9.0/24", "gateway": "10.209.0.19"},
    ]
    now = routes.present(listed)
    wanted = {"10.244.1.0/24": "10.209.0.12", "10.244.3.0/24": "10.209.0.13"}
    assert routes.changes(wanted, now) == [
        "route replace 10.244.3.0/24 via 10.209.0.13 proto 139",
        "route del 10.244.9.0/24 proto 139",
    ]
    assert routes.changes(now, now) == []
    assert routes.changes({}, now, remove=False) == []


def test_a_node_that_moved_gets_its_route_replaced() -> None:
    assert routes.changes({"10.244.1.0/24": "10.209.0.99"}, {"10.244.1.0/24": "10.209.0.12"}) == [
        "route replace 10.244.1.0/24 via 10.209.0.99 proto 139"
    ]


def test_single_and_dual_pod_cidrs_are_understood() -> None:
    assert routes.pod_cidrs({"spec": {"podCIDR": "10.0.0.0/24"}}) == ["10.0.0.0/24"]
    dual = node("d", "10.209.0.15", None) | {"spec": {"podCIDRs": ["10.0.0.0/24", "fd00::/64"]}}
    assert routes.to_node(dual) == {"10.0.0.0/24": "10.209.0.15"}
    assert routes.pod_cidrs({}) == []


def test_the_cni_configuration_is_of_the_nodes_own_subnet() -> None:
    import json

    config = json.loads(cni.conflist(["10.244.1.0/24"], 1400))
    (link,) = config["plugins"]
    assert link["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    assert link["mtu"] == 1400
    assert link["ipMasq"] is False


def test_pods_are_masqueraded_unless_they_talk_to_pods() -> None:
    text = masquerade.ruleset(["10.244.1.0/24"], "10.244.0.0/16")
    assert "ip saddr { 10.244.1.0/24 } ip daddr != { 10.244.0.0/16, 224.0.0.0/4 } masquerade" in text
