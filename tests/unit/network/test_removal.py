"""What is taken off a machine that is a node no longer."""

from pybernetes.network.removal import commands


def test_every_table_route_link_and_address_of_ours_goes() -> None:
    found = [" ".join(command) for command in commands(["10.96.0.10", "fd00:96::a"])]
    for family in ("ip", "ip6"):
        for table in ("services", "policy", "pods"):
            assert f"nft delete table {family} pybernetes-{table}" in found
    assert "ip -4 route flush proto 139" in found and "ip -6 route flush proto 139" in found
    assert "ip link del pyb-overlay" in found
    assert "ip addr del 10.96.0.10/32 dev lo" in found and "ip addr del fd00:96::a/128 dev lo" in found
