"""Which way to each peer, as a function of the nodes and of this machine's interfaces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from overlay_objects import node

from pybernetes.network.overlay import plan as overlay
from pybernetes.network.overlay.plan import (
    AddDevice,
    DeleteDevice,
    Operation,
    Plan,
    Present,
    SetDevice,
    SetRoute,
    Way,
    mac_of,
)
from pybernetes.network.overlay.rtnetlink import Address, Link

SETTINGS = overlay.Settings(139, 8472, 1500)
OWN = node("a", "10.1.0.11", "10.244.0.0/24")
BESIDE = node("b", "10.1.0.12", "10.244.1.0/24")
BEYOND = node("c", "10.2.0.13", "10.244.2.0/24")
LINKS = {
    1: Link(1, "lo", 65536, True, ""),
    2: Link(2, "eth0", 1500, True, "02:00:00:00:00:01"),
    3: Link(3, "veth1", 1500, True, ""),
}
HERE = Present(
    links=LINKS,
    addresses=[
        Address(1, "127.0.0.1/8"),
        Address(1, "10.96.0.10/32"),
        Address(2, "10.1.0.11/24"),
        Address(2, "fe80::1/64"),
        Address(3, "10.244.0.1/32"),
    ],
)


def test_a_peer_in_the_same_subnet_is_a_gateway_and_nothing_is_wrapped() -> None:
    found = overlay.plan([OWN, BESIDE], OWN, HERE, SETTINGS)
    assert found == Plan(pod_mtu=1500, routes={"10.244.1.0/24": Way("10.1.0.12")})


def test_a_peer_in_another_subnet_is_reached_by_the_vxlan() -> None:
    found = overlay.plan([OWN, BESIDE, BEYOND], OWN, HERE, SETTINGS)
    assert found.routes == {
        "10.244.1.0/24": Way("10.1.0.12"),
        "10.244.2.0/24": Way("10.244.2.0", overlay=True),
    }
    assert found.neighbours == {"10.244.2.0": mac_of("10.2.0.13")}
    assert found.forwarding == {mac_of("10.2.0.13"): "10.2.0.13"}
    assert found.device == Link(0, "pyb-overlay", 1450, True, mac_of("10.1.0.11"), 139, 8472, "10.1.0.11")
    assert found.addresses == ("10.244.0.0/32",)
    assert found.pod_mtu == 1450


def test_both_ends_agree_on_macs_and_addresses() -> None:
    there = Present(links=LINKS, addresses=[Address(2, "10.2.0.13/24")])
    one, other = (
        overlay.plan([OWN, BEYOND], OWN, HERE, SETTINGS),
        overlay.plan([OWN, BEYOND], BEYOND, there, SETTINGS),
    )
    assert one.device is not None and other.device is not None
    for ours, theirs in ((one, other), (other, one)):
        (gateway,) = ours.neighbours
        assert theirs.device is not None
        assert ours.neighbours[gateway] == theirs.device.mac
        assert theirs.addresses == (f"{gateway}/32",)
        assert ours.forwarding[theirs.device.mac] == theirs.device.local


def test_a_mac_is_one_that_nobody_sells() -> None:
    first = int(mac_of("10.1.0.11").partition(":")[0], 16)
    assert first & 2 and not first & 1
    assert mac_of("10.1.0.11") != mac_of("10.1.0.12")


def test_nodes_without_pods_or_without_an_address_have_no_way() -> None:
    found = overlay.plan(
        [OWN, node("x", "10.1.0.9", None), node("y", None, "10.244.9.0/24")], OWN, HERE, SETTINGS
    )
    assert found.routes == {}
    assert found.unreachable == ("y",)


def test_an_interface_that_is_down_has_no_neighbours() -> None:
    down = replace(HERE, links={**LINKS, 2: LINKS[2]._replace(up=False)})
    assert overlay.plan([OWN, BESIDE], OWN, down, SETTINGS).routes["10.244.1.0/24"].overlay


def test_a_subnet_of_a_second_interface_counts_too() -> None:
    links = {**LINKS, 4: Link(4, "eth1", 1500, True, "")}
    two = replace(HERE, links=links, addresses=[*HERE.addresses, Address(4, "10.2.0.99/24")])
    assert overlay.plan([OWN, BEYOND], OWN, two, SETTINGS).routes == {"10.244.2.0/24": Way("10.2.0.13")}


def test_the_mtu_is_that_of_the_interface_with_the_nodes_address() -> None:
    narrow = replace(HERE, links={**LINKS, 2: LINKS[2]._replace(mtu=1400)})
    assert overlay.plan([OWN, BESIDE], OWN, narrow, SETTINGS).pod_mtu == 1400
    assert overlay.plan([OWN, BEYOND], OWN, narrow, SETTINGS).pod_mtu == 1350


def test_a_node_whose_address_is_not_its_machines_own_leaves_the_source_to_the_kernel() -> None:
    public = node("a", "203.0.113.1", "10.244.0.0/24")
    found = overlay.plan([public, BEYOND], public, HERE, SETTINGS)
    assert found.device is not None and found.device.local == ""


def test_pods_of_both_families_go_through_one_vxlan() -> None:
    own = node("a", "10.1.0.11 fd01::11", "10.244.0.0/24 fd00:0:0:0::/64")
    beyond = node("c", "10.2.0.13 fd02::13", "10.244.2.0/24 fd00:0:0:2::/64")
    found = overlay.plan([own, beyond], own, HERE, SETTINGS)
    assert found.routes == {
        "10.244.2.0/24": Way("10.244.2.0", True),
        "fd00:0:0:2::/64": Way("fd00:0:0:2::", True),
    }
    assert found.addresses == ("10.244.0.0/32", "fd00::/128")
    assert set(found.neighbours) == {"10.244.2.0", "fd00:0:0:2::"}
    assert list(found.forwarding.values()) == ["10.2.0.13"]


def test_machines_of_ipv6_wrap_in_ipv6() -> None:
    own, beyond = node("a", "fd01::11", "10.244.0.0/24"), node("c", "fd02::13", "10.244.2.0/24")
    here = replace(HERE, addresses=[Address(2, "fd01::11/64")])
    found = overlay.plan([own, beyond], own, here, SETTINGS)
    assert found.device is not None
    assert found.device.local == "fd01::11" and found.device.mtu == 1430
    beside = node("b", "fd01::12", "10.244.1.0/24 fd00:0:0:1::/64")
    ways = overlay.plan([own, beside], own, here, SETTINGS).routes
    assert ways == {"10.244.1.0/24": Way("10.244.1.0", True), "fd00:0:0:1::/64": Way("fd01::12")}


def test_somebody_beside_a_node_reaches_its_pods_through_it() -> None:
    dual = node("d", "10.209.0.15", "10.244.0.0/24 fd00::/64")
    assert overlay.to_node(dual) == {"10.244.0.0/24": Way("10.209.0.15")}


# Changes


def act(now: Present, operations: list[Operation]) -> Present:
    """What the kernel has after the operations; it complains as the kernel does."""
    device = now.device
    own = [one.text for one in now.addresses if device is not None and one.interface == device.interface]
    others = [one for one in now.addresses if device is None or one.interface != device.interface]
    routes, neighbours, forwarding = dict(now.routes), dict(now.neighbours), dict(now.forwarding)
    for operation in operations:
        kind = type(operation).__name__
        data: Any = tuple(operation)
        if kind == "AddDevice":
            assert device is None
            device = data[0]._replace(interface=9)
            continue
        if kind == "DeleteDevice":
            assert device is not None
            device, own, neighbours, forwarding = None, [], {}, {}
            routes = {one: way for one, way in routes.items() if not way.overlay}
            continue
        if "Route" not in kind or (kind == "SetRoute" and data[1].overlay):
            assert device is not None, operation
        match kind:
            case "SetDevice":
                device = data[0]._replace(interface=9)
            case "SetAddress":
                own.append(*data)
            case "DeleteAddress":
                own.remove(*data)
            case "SetRoute":
                assert not data[1].overlay or data[1].gateway in neighbours
                routes[data[0]] = data[1]
            case "DeleteRoute":
                del routes[data[0]]
            case "SetNeighbour":
                neighbours[data[0]] = data[1]
            case "DeleteNeighbour":
                assert neighbours.pop(data[0]) == data[1]
            case "SetForwarding":
                forwarding[data[0]] = data[1]
            case "DeleteForwarding":
                assert forwarding.pop(data[0]) == data[1]
    return Present(
        now.links, [*others, *(Address(9, one) for one in own)], device, routes, neighbours, forwarding
    )


PEERS = st.lists(
    st.builds(
        node,
        st.sampled_from(["b", "c", "d"]),
        st.sampled_from(["10.1.0.12", "10.1.0.13", "10.2.0.13", "10.3.0.14", None]),
        st.sampled_from(["10.244.1.0/24", "10.244.2.0/24", None]),
    ),
    unique_by=lambda one: one["metadata"]["name"],
)
OWNS = st.sampled_from([OWN, node("a", "10.1.0.99", "10.244.7.0/24")])


@given(st.lists(st.tuples(PEERS, OWNS), max_size=5))
def test_changes_lead_to_the_plan_and_then_there_are_none(
    history: list[tuple[list[dict[str, Any]], Any]],
) -> None:
    now = HERE
    for peers, own in history:
        wanted = overlay.plan([own, *peers], own, now, SETTINGS)
        now = act(now, overlay.changes(wanted, now))
        assert overlay.changes(overlay.plan([own, *peers], own, now, SETTINGS), now) == []
        assert (now.device is None) == (wanted.device is None)
        assert (now.routes, now.neighbours, now.forwarding) == (
            wanted.routes,
            wanted.neighbours,
            wanted.forwarding,
        )


def test_the_last_distant_peer_takes_the_vxlan_with_it() -> None:
    now = act(HERE, overlay.changes(overlay.plan([OWN, BESIDE, BEYOND], OWN, HERE, SETTINGS), HERE))
    assert overlay.changes(overlay.plan([OWN, BESIDE], OWN, now, SETTINGS), now) == [DeleteDevice()]


@pytest.mark.parametrize(
    ("damage", "mended"),
    [
        ({"mtu": 1500}, SetDevice),
        ({"up": False}, SetDevice),
        ({"port": 4789}, AddDevice),
        ({"mac": "02:00:00:00:00:99"}, AddDevice),
    ],
)
def test_a_vxlan_that_somebody_changed_is_put_right(damage: dict[str, Any], mended: type) -> None:
    wanted = overlay.plan([OWN, BEYOND], OWN, HERE, SETTINGS)
    now = act(HERE, overlay.changes(wanted, HERE))
    assert now.device is not None
    found = overlay.changes(wanted, replace(now, device=now.device._replace(**damage)))
    assert mended in map(type, found)
    assert (SetRoute in map(type, found)) == (mended is AddDevice)
