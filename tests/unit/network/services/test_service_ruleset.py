"""A transaction leads to exactly the table that would be written anew."""

import copy
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from nft_kernel import Kernel
from service_objects import PLACE, Object, endpoint, service, slice_of

from pybernetes.network.services.delta import Services, arrange, stale
from pybernetes.network.services.endpoints import Target
from pybernetes.network.services.model import NOTHING, Door, Entry, Wanted, desired

NODE_PORT = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]


def pods(*numbers: int, nodes: int = 2) -> list[Object]:
    return [endpoint(f"10.244.{number % nodes + 1}.{number}", f"n{number % nodes + 1}") for number in numbers]


def one(name: str, number: int, *endpoints: Object, **spec: object) -> Wanted:
    return desired(service(name, f"10.96.0.{number}", **spec), [slice_of(name, *endpoints)], PLACE)


EXAMPLES = {
    "default/plain": one("plain", 5, *pods(2, 3, 4)),
    "default/single": one("single", 6, *pods(2)),
    "default/empty": one("empty", 7, type="NodePort", ports=[{"port": 80, "nodePort": 30081}]),
    "default/sticky": one("sticky", 8, *pods(2, 3), sessionAffinity="ClientIP"),
    "default/local": one(
        "local",
        9,
        *pods(2, 3, 4),
        type="LoadBalancer",
        externalTrafficPolicy="Local",
        ports=NODE_PORT,
        ingress=["10.209.0.200"],
        loadBalancerSourceRanges=["192.0.2.0/24", "198.51.100.0/24"],
    ),
    "default/outer": one("outer", 11, *pods(2, 3), externalIPs=["203.0.113.5"]),
}


def test_the_whole_table(golden: Callable[[str, str], None]) -> None:
    services = Services(PLACE)
    services.update(EXAMPLES)
    text = services.full()
    golden("services.nft", text)
    Kernel().run(text)


def test_one_endpoint_less_is_a_small_transaction(golden: Callable[[str, str], None]) -> None:
    services = Services(PLACE)
    services.update(EXAMPLES)
    text, _ = services.update(
        {
            "default/plain": one("plain", 5, *pods(3, 4)),
            "default/sticky": one("sticky", 8, *pods(3), sessionAffinity="ClientIP"),
        }
    )
    golden("one-endpoint-less.nft", text)


def test_without_a_change_there_is_no_transaction() -> None:
    services = Services(PLACE)
    services.update(EXAMPLES)
    assert services.update({"default/plain": one("plain", 5, *pods(4, 3, 2))}) == ("", [])


def test_the_table_of_the_other_family(golden: Callable[[str, str], None]) -> None:
    from dataclasses import replace

    place = replace(
        PLACE, family=6, addresses=("fd00:9::b",), pods=("fd00:244::/48",), services=("fd00:96::/108",)
    )
    obj = service("a", "fd00:96::5", type="NodePort", ports=NODE_PORT, sessionAffinity="ClientIP")
    pieces = [slice_of("a", endpoint("fd00:244:1::2"), endpoint("fd00:244:2::2", "n2"), family="IPv6")]
    services = Services(place)
    services.update({"default/a": desired(obj, pieces, place)})
    golden("services6.nft", services.full())


def test_two_claims_of_one_door_are_settled_by_name_and_the_other_follows() -> None:
    first = one("a", 5, *pods(2), externalIPs=["203.0.113.5"])
    second = one("b", 6, *pods(3), externalIPs=["203.0.113.5"])
    door = Door("203.0.113.5", "tcp", 80)
    services = Services(PLACE)
    services.update({"default/b": second})
    services.update({"default/a": first})
    assert services.doors[door] == first.entries[door]
    services.update({"default/a": NOTHING})
    assert services.doors[door] == second.entries[door]


def test_endpoints_that_stay_keep_their_numbers() -> None:
    a, b, c, d, e = (Target(f"10.0.0.{number}", 80) for number in range(1, 6))
    assert arrange((a, b, c, d), (b, c, d)) == (d, b, c) or arrange((a, b, c, d), (b, c, d))[1:] == (b, c)
    assert arrange((a, b, c), (a, b, c, d)) == (a, b, c, d)
    assert arrange((a, b, c), (a, c, e)) == (a, e, c)
    assert arrange((), (b, a)) == (b, a)


def test_connections_to_endpoints_that_went_are_forgotten_for_udp_only() -> None:
    a, b = Target("10.0.0.1", 53), Target("10.0.0.2", 53)
    door = Door("10.96.0.9", "udp", 53)
    both, single, none = Entry("p", (a, b)), Entry("p", (a,)), Entry("p", (), closed="reject")
    assert stale([(door, both, single)]) == {door: {b}}
    assert stale([(door, single, both)]) == {}
    assert stale([(door, none, single)]) == {door: None}
    assert stale([(door, None, single)]) == {door: None}
    assert stale([(door, both, None)]) == {door: {a, b}}
    assert stale([(door._replace(protocol="tcp"), both, None)]) == {}


changes = st.lists(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]),
        st.tuples(
            st.sets(st.integers(2, 9)),
            st.sampled_from(["", "NodePort", "Local", "sticky", "sticky-local", "ranges", "gone", "shared"]),
        ),
        min_size=1,
    ),
    max_size=6,
)


def variant(name: str, members: set[int], kind: str) -> Wanted:
    number = ord(name)
    ports = [{"port": 80, "nodePort": 30000 + number, "protocol": "TCP"}]
    more: dict[str, object] = {}
    if kind == "gone":
        return NOTHING
    if kind in ("NodePort", "Local", "sticky-local"):
        more |= {"type": "NodePort", "ports": ports}
    if kind in ("Local", "sticky-local"):
        more["externalTrafficPolicy"] = "Local"
    if kind.startswith("sticky"):
        more["sessionAffinity"] = "ClientIP"
    if kind == "ranges":
        more |= {"type": "LoadBalancer", "ingress": [f"192.0.2.{number}"]}
        more["loadBalancerSourceRanges"] = ["10.0.0.0/8"]
    if kind == "shared":
        more["externalIPs"] = ["203.0.113.5"]
    return one(name, number, *pods(*sorted(members)), **more)


@settings(max_examples=200, deadline=None)
@given(changes)
def test_transactions_add_up_to_the_whole_table(history: list[dict[str, tuple[set[int], str]]]) -> None:
    services = Services(PLACE)
    kernel = Kernel()
    kernel.run(services.full())
    for step in history:
        before = copy.deepcopy(kernel.state)
        text, _ = services.update({name: variant(name, *how) for name, how in step.items()})
        kernel.run(text)
        anew = Kernel()
        anew.run(services.full())
        assert kernel.state == anew.state
        if not text:
            assert kernel.state == before
