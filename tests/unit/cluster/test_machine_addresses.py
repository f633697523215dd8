"""Which addresses a machine has as a node."""

import pytest

from pybernetes.cluster import server_settings
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.machine_node import node_addresses

SERVER = "192.0.2.1"
TWO = "10.244.0.0/16,fd00:10:244::/56"


@pytest.fixture(autouse=True)
def routes(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Where a route leads -> the machine's address on it."""
    found = {SERVER: "192.0.2.7", "2001:db8::1": "fd00::7"}
    monkeypatch.setattr(server_settings, "own_address", lambda bound, towards: found[towards])
    return found


def test_one_family_has_one_address() -> None:
    assert node_addresses(None, "10.244.0.0/16", SERVER) == ("192.0.2.7", "")
    assert node_addresses("192.0.2.9", "10.244.0.0/16", SERVER) == ("192.0.2.9", "")


def test_two_families_have_two() -> None:
    assert node_addresses(None, TWO, SERVER) == ("192.0.2.7", "fd00::7")
    assert node_addresses("192.0.2.9", TWO, SERVER) == ("192.0.2.9", "fd00::7")
    assert node_addresses("192.0.2.9,fd00::9", TWO, SERVER) == ("192.0.2.9", "fd00::9")


def test_a_machine_without_ipv6_says_what_to_give(routes: dict[str, str]) -> None:
    routes["2001:db8::1"] = "::1"
    with pytest.raises(Failure, match="no way out by it: give --node-ip IPV4,IPV6"):
        node_addresses(None, TWO, SERVER)


@pytest.mark.parametrize("given", ["fd00::9", "fd00::9,192.0.2.9", "192.0.2.9,192.0.2.8", "here"])
def test_other_addresses_will_not_do(given: str) -> None:
    with pytest.raises(Failure, match="will not do: give an IPv4 address, or an IPv4 and an IPv6 address"):
        node_addresses(given, "10.244.0.0/16", SERVER)
