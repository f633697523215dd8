"""What Nodes say about addresses, and what follows for CNI and masquerading."""

import json

from overlay_objects import node

from pybernetes.network import cni, masquerade, routes


def test_single_and_dual_pod_cidrs_are_understood() -> None:
    assert routes.pod_cidrs({"spec": {"podCIDR": "10.0.0.0/24"}}) == ["10.0.0.0/24"]
    assert routes.pod_cidrs(node("d", None, "10.0.0.0/24 fd00::/64")) == ["10.0.0.0/24", "fd00::/64"]
    assert routes.pod_cidrs({}) == []


def test_a_nodes_addresses_are_its_internal_ones_of_a_family() -> None:
    dual = node("d", "10.209.0.15 fd00::15", None)
    assert routes.node_address(dual) == "10.209.0.15"
    assert routes.node_addresses(dual, 6) == ("fd00::15",)
    assert routes.node_address({}) is None


def test_the_cni_configuration_is_of_the_nodes_own_subnet() -> None:
    config = json.loads(cni.conflist(["10.244.1.0/24"], 1400))
    (link,) = config["plugins"]
    assert link["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    assert link["mtu"] == 1400
    assert link["ipMasq"] is False


def test_pods_of_two_families_have_an_address_and_a_default_route_of_each() -> None:
    (link,) = json.loads(cni.conflist(["10.244.1.0/24", "fd00:1::/64"], 1400))["plugins"]
    assert link["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:1::/64"}]]
    assert link["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]


def test_pods_are_masqueraded_unless_they_talk_to_pods() -> None:
    found = masquerade.rulesets(["10.244.1.0/24"], ["10.244.0.0/16"])
    assert found.keys() == {4}
    assert "ip saddr { 10.244.1.0/24 } ip daddr != { 10.244.0.0/16, 224.0.0.0/4 } masquerade" in found[4]


def test_each_family_of_pods_is_masqueraded_by_a_table_of_its_own() -> None:
    found = masquerade.rulesets(["10.244.1.0/24", "fd00:0:0:1::/64"], ["10.244.0.0/16", "fd00::/48"])
    assert "fd00" not in found[4]
    assert "ip6 saddr { fd00:0:0:1::/64 } ip6 daddr != { fd00::/48, ff00::/8 } masquerade" in found[6]
