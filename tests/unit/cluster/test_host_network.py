"""Choosing addresses and the text of the host's rules."""

from ipaddress import IPv4Network

import pytest

from pybernetes.cluster import host_network
from pybernetes.cluster.failure import Failure


def test_the_first_network_that_overlaps_no_route_is_chosen() -> None:
    pool = host_network.BRIDGE_POOL.subnets(new_prefix=24)
    taken = [IPv4Network("10.209.0.0/24"), IPv4Network("10.209.1.128/25"), IPv4Network("192.168.0.0/16")]
    assert host_network.choose_network(pool, taken, "network") == IPv4Network("10.209.2.0/24")


def test_running_out_of_networks_says_what_to_do() -> None:
    with pytest.raises(Failure, match="take down a cluster"):
        host_network.choose_network([IPv4Network("10.0.0.0/24")], [IPv4Network("10.0.0.0/8")], "network")


def test_bridges_get_the_first_free_number() -> None:
    assert host_network.choose_bridge(["lo", "eth0"]) == "pyb0"
    assert host_network.choose_bridge(["pyb0", "pyb0-1", "pyb2"]) == "pyb1"


def test_the_bridge_has_the_first_address_and_nodes_follow() -> None:
    subnet = IPv4Network("10.209.3.0/24")
    assert host_network.gateway(subnet) == "10.209.3.1"
    assert [host_network.node_address(subnet, n) for n in (1, 2)] == ["10.209.3.11", "10.209.3.12"]


def test_hardware_addresses_are_unicast_and_local() -> None:
    first = int(host_network.hardware_address("10.209.0.1").split(":")[0], 16)
    assert first & 1 == 0
    assert first & 2 == 2


def test_the_ruleset_replaces_the_table_and_masquerades_only_what_leaves() -> None:
    text = host_network.ruleset(
        "pybernetes", "pyb0", IPv4Network("10.209.0.0/24"), IPv4Network("10.244.0.0/16")
    )
    assert text.startswith("table ip pybernetes\ndelete table ip pybernetes\ntable ip pybernetes {\n")
    cluster = "{ 10.209.0.0/24, 10.244.0.0/16 }"
    assert f'ip saddr {cluster} ip daddr != {cluster} oifname != "pyb0" masquerade' in text
