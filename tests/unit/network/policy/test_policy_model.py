"""Policies and pods as plain values."""

import pytest
from policy_objects import app, namespaces, pod, policy

from pybernetes.api.selectors import EVERYTHING, LabelSelector
from pybernetes.network.policy.model import (
    EGRESS,
    INGRESS,
    Block,
    Group,
    NamedPort,
    Pod,
    Port,
    merged_ports,
    pod_of,
    policy_of,
)


def number(address: str) -> int:
    import ipaddress

    return int(ipaddress.ip_address(address))


def test_what_a_policy_isolates_is_said_by_its_types_or_by_its_rules() -> None:
    assert set(policy_of(policy("a", ingress=[], egress=[])).rules) == {INGRESS, EGRESS}
    assert set(policy_of({"metadata": {"name": "a"}, "spec": {}}).rules) == {INGRESS}
    untyped = {"metadata": {"name": "a"}, "spec": {"egress": [{}]}}
    assert set(policy_of(untyped).rules) == {INGRESS, EGRESS}


def test_an_empty_rule_allows_everything_and_no_rule_nothing() -> None:
    (rule,) = policy_of(policy("a", ingress=[{}])).rules[INGRESS]
    assert rule.groups is None and rule.ports is None
    assert policy_of(policy("a", ingress=[])).rules[INGRESS] == ()


def test_peers_are_of_the_policys_namespace_unless_namespaces_are_selected() -> None:
    both = {**namespaces(team="x"), **app("web")}
    (rule,) = policy_of(policy("a", ingress=[{"from": [app("web"), namespaces(team="x"), both]}])).rules[
        INGRESS
    ]
    web, team = LabelSelector.parse("app=web"), LabelSelector.parse("team=x")
    assert rule.groups == (
        Group("default", EVERYTHING, web),
        Group(None, team, EVERYTHING),
        Group(None, team, web),
    )
    assert rule.groups[1].is_in("other", {"team": "x"}) and not rule.groups[1].is_in("default", {})
    assert len({group.name for group in rule.groups}) == 3


def test_exceptions_are_cut_out_of_a_block() -> None:
    block = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.0.0.0/24", "192.168.0.0/16"]}}
    (rule,) = policy_of(policy("a", egress=[{"to": [block]}])).rules[EGRESS]
    assert rule.groups == ()
    assert rule.blocks == (
        Block(4, number("10.0.1.0"), number("10.0.255.255")),
        Block(4, number("10.2.0.0"), number("10.255.255.255")),
    )


def test_blocks_that_touch_or_overlap_become_one() -> None:
    blocks = [
        {"ipBlock": {"cidr": cidr}} for cidr in ("10.0.1.0/24", "10.0.0.0/24", "10.0.0.5/32", "fd00::/64")
    ]
    (rule,) = policy_of(policy("a", egress=[{"to": blocks}])).rules[EGRESS]
    assert rule.blocks == (
        Block(4, number("10.0.0.0"), number("10.0.1.255")),
        Block(6, number("fd00::"), number("fd00::ffff:ffff:ffff:ffff")),
    )


def test_a_block_that_is_wholly_excepted_allows_nobody() -> None:
    block = {"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.0/16"]}}
    (rule,) = policy_of(policy("a", ingress=[{"from": [block]}])).rules[INGRESS]
    assert rule.groups == () and rule.blocks == ()


def test_ports_are_numbers_ranges_names_or_a_whole_protocol() -> None:
    ports = [
        {"protocol": "TCP", "port": 443},
        {"port": 80, "endPort": 90},
        {"port": 91},
        {"protocol": "UDP"},
        {"protocol": "UDP", "port": 53},
        {"protocol": "SCTP", "port": 7},
        {"port": "http"},
    ]
    (rule,) = policy_of(policy("a", ingress=[{"ports": ports}])).rules[INGRESS]
    assert rule.ports == (
        Port("sctp", 7, 7),
        Port("tcp", 80, 91),
        Port("tcp", 443, 443),
        Port("udp", 0, 65535),
        Port("tcp", 0, 0, "http"),
    )
    assert merged_ports([Port("tcp", 1, 9), Port("tcp", 2, 3)]) == (Port("tcp", 1, 9),)


def test_a_selector_that_nobody_understands_is_an_error() -> None:
    broken = policy("a", ingress=[])
    broken["spec"]["podSelector"] = {"matchExpressions": [{"key": "a", "operator": "Like", "values": ["b"]}]}
    with pytest.raises(ValueError, match="Like"):
        policy_of(broken)


def test_a_pod_counts_from_its_address_to_its_end_unless_it_is_on_the_nodes_network() -> None:
    assert pod_of(pod("a", "10.244.0.2"), "n1") == Pod(
        "default",
        {"app": "a"},
        ("10.244.0.2",),
        (NamedPort("http", "tcp", 8080),),
        True,
        "2026-01-01T00:00:00Z",
    )
    assert pod_of(pod("a", ""), "n1") is None
    assert pod_of(pod("a", "10.244.0.2", phase="Succeeded"), "n1") is None
    assert pod_of(pod("a", "10.209.0.11", spec={"hostNetwork": True}), "n1") is None
    early = pod_of(pod("a", ""), "n1", ("10.244.0.7",))
    assert early is not None and early.addresses == ("10.244.0.7",)
    elsewhere = pod_of(pod("a", "10.244.1.2", "n2"), "n1")
    assert elsewhere is not None and not elsewhere.local


def test_sidecars_have_ports_and_other_init_containers_have_none() -> None:
    inits = [
        {"name": "s", "restartPolicy": "Always", "ports": [{"name": "side", "containerPort": 1}]},
        {"name": "i", "ports": [{"name": "init", "containerPort": 2}]},
    ]
    found = pod_of(pod("a", "10.244.0.2", spec={"initContainers": inits}), "n1")
    assert found is not None
    assert [port.name for port in found.ports] == ["http", "side"]
