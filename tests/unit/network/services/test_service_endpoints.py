"""Which endpoints get a service's traffic."""

from service_objects import Object, endpoint, slice_of

from pybernetes.network.services.endpoints import Choice, Endpoint, choose, of_port


def chosen(*endpoints: Object, node: str = "n1", zone: str = "z1") -> tuple[list[str], list[str]]:
    found = of_port([slice_of("a", *endpoints)], "", "TCP", 4, node)
    choice = choose(found.values(), node, zone)
    return [one.address for one in choice.everywhere], [one.address for one in choice.here]


def test_ready_endpoints_everywhere_and_those_on_this_node() -> None:
    assert chosen(endpoint("10.0.0.1"), endpoint("10.0.0.2", "n2"), endpoint("10.0.0.3", ready=False)) == (
        ["10.0.0.1", "10.0.0.2"],
        ["10.0.0.1"],
    )


def test_an_endpoint_without_conditions_is_ready() -> None:
    assert chosen(endpoint("10.0.0.1"))[0] == ["10.0.0.1"]


def test_terminating_endpoints_that_serve_are_the_last_resort() -> None:
    ending = endpoint("10.0.0.1", ready=False, serving=True, terminating=True)
    ended = endpoint("10.0.0.2", ready=False, serving=False, terminating=True)
    assert chosen(ending, ended) == (["10.0.0.1"], ["10.0.0.1"])
    assert chosen(ending, endpoint("10.0.0.3", "n2")) == (["10.0.0.3"], ["10.0.0.1"])


def test_hints_for_zones_are_followed_if_all_endpoints_have_them() -> None:
    here = endpoint("10.0.0.1", "n2", hints={"forZones": [{"name": "z1"}]})
    there = endpoint("10.0.0.2", "n3", hints={"forZones": [{"name": "z2"}]})
    bare = endpoint("10.0.0.3", "n4")
    assert chosen(here, there)[0] == ["10.0.0.1"]
    assert chosen(here, there, zone="z3")[0] == ["10.0.0.1", "10.0.0.2"]
    assert chosen(here, there, zone="")[0] == ["10.0.0.1", "10.0.0.2"]
    assert chosen(here, there, bare)[0] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_hints_for_nodes_come_before_hints_for_zones() -> None:
    own = endpoint("10.0.0.1", "n1", hints={"forZones": [{"name": "z1"}], "forNodes": [{"name": "n1"}]})
    other = endpoint("10.0.0.2", "n2", hints={"forZones": [{"name": "z1"}], "forNodes": [{"name": "n2"}]})
    assert chosen(own, other)[0] == ["10.0.0.1"]
    assert chosen(own, other, node="n3")[0] == ["10.0.0.1", "10.0.0.2"]


def test_ports_are_matched_by_name_and_protocol() -> None:
    piece = slice_of("a", endpoint("10.0.0.1"))
    piece["ports"] = [
        {"name": "http", "port": 80, "protocol": "TCP"},
        {"name": "http", "port": 81, "protocol": "UDP"},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    ]
    assert [one.port for one in of_port([piece], "http", "TCP", 4, "n1")] == [80]
    assert [one.port for one in of_port([piece], "dns", "UDP", 4, "n1")] == [53]
    assert not of_port([piece], "dns", "TCP", 4, "n1")


def test_an_endpoint_in_two_slices_counts_once_and_is_ready_if_one_says_so() -> None:
    pieces = [slice_of("a", endpoint("10.0.0.1", ready=False)), slice_of("a", endpoint("10.0.0.1"))]
    found = of_port(pieces, "", "TCP", 4, "n1")
    assert [one.ready for one in found.values()] == [True]


def test_slices_of_the_other_family_and_loopback_addresses_do_not_count() -> None:
    assert not of_port([slice_of("a", endpoint("fd00::1"), family="IPv6")], "", "TCP", 4, "n1")
    assert not of_port([slice_of("a", endpoint("127.0.0.1"))], "", "TCP", 4, "n1")


def test_nothing_comes_of_nothing() -> None:
    none: list[Endpoint] = []
    assert choose(none, "n1", "z1") == Choice((), (), False)
