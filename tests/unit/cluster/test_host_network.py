"""Choosing addresses and the text of the host's rules."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

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


def test_the_second_family_has_a_subnet_and_a_table_of_its_own() -> None:
    subnet = host_network.subnet6_of(IPv4Network("10.209.3.0/24"))
    assert str(subnet) == "fd00:10:209:3::/64"
    assert host_network.gateway(subnet) == "fd00:10:209:3::1"
    assert host_network.node_address(subnet, 1) == "fd00:10:209:3::b"
    text = host_network.ruleset("pybernetes", "pyb0", subnet, IPv6Network("fd00:10:244::/56"))
    assert text.startswith("table ip6 pybernetes\ndelete table ip6 pybernetes\n")
    assert "\t\tip6 saddr { fd00:10:209:3::/64, fd00:10:244::/56 } ip6 daddr != {" in text


def test_ipv6_forwarding_is_put_back_and_keeps_an_advertised_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "conf"
    for interface in ("all", "eth0", "eth1"):
        (settings / interface).mkdir(parents=True)
        (settings / interface / "accept_ra").write_text("1\n")
        (settings / interface / "forwarding").write_text("0\n")
    monkeypatch.setattr(host_network, "IPV6_SETTINGS", settings)
    monkeypatch.setattr(
        host_network, "ip_json", lambda *_: [{"dev": "eth0", "protocol": "ra"}, {"dev": "eth1"}]
    )

    def state() -> list[str]:
        files = ("all/forwarding", "eth0/accept_ra", "eth1/accept_ra")
        return [(settings / file).read_text().strip() for file in files]

    memory = tmp_path / "run" / "memory"
    host_network.switch_ipv6_forwarding_on(memory)
    host_network.switch_ipv6_forwarding_on(memory)
    assert state() == ["1", "2", "1"]
    host_network.restore_ipv6_forwarding(memory)
    assert state() == ["0", "1", "1"] and not memory.exists()
