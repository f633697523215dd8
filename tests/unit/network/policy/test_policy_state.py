"""A transaction leads to exactly the table that would be written anew."""

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from nft_kernel import Kernel
from policy_objects import app, namespaces, pod, policy

from pybernetes.network.policy.model import Pod, Policy, pod_of, policy_of
from pybernetes.network.policy.state import Policies

Object = dict[str, Any]

LABELS = {
    "default": {"kubernetes.io/metadata.name": "default"},
    "shop": {"team": "shop"},
    "ops": {"team": "ops"},
}
PODS = [
    pod("web", "10.244.0.2 fd00:244::2"),
    pod("db", "10.244.0.3 fd00:244::3", http=5432),
    pod("lonely", "10.244.0.4 fd00:244::4"),
    pod("web-2", "10.244.1.2 fd00:244:0:1::2", "n2", labels={"app": "web"}),
    pod("monitor", "10.244.1.3 fd00:244:0:1::3", "n2", "ops"),
    pod("on-the-node", "10.209.0.11", spec={"hostNetwork": True}),
]
POLICIES = [
    policy("to-db", {"app": "db"}, ingress=[{"from": [app("web")], "ports": [{"port": "http"}]}]),
    policy(
        "watched",
        ingress=[
            {"from": [namespaces(team="ops")], "ports": [{"port": 9100, "endPort": 9110}, {"port": 443}]}
        ],
    ),
    policy(
        "web-goes-out",
        {"app": "web"},
        egress=[
            {"to": [app("db")]},
            {
                "to": [
                    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.0.2.7/32"]}},
                    {"ipBlock": {"cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"]}},
                ],
                "ports": [{"port": 443}, {"protocol": "UDP"}, {"protocol": "SCTP", "port": 7}],
            },
        ],
    ),
    policy("elsewhere", namespace="ops", ingress=[]),
]


def key(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def pods(*objects: Object) -> dict[str, Pod | None]:
    return {key(obj): pod_of(obj, "n1") for obj in objects}


def policies(*objects: Object) -> dict[str, Policy | None]:
    return {key(obj): policy_of(obj) for obj in objects}


def example(family: int = 4) -> Policies:
    state = Policies(family)
    state.update(policies(*POLICIES), LABELS, pods(*PODS))
    return state


def kernel_of(state: Policies) -> Kernel:
    kernel = Kernel()
    kernel.run(state.full())
    return kernel


def test_the_whole_table(golden: Callable[[str, str], None]) -> None:
    text = example().full()
    golden("policies.nft", text)
    Kernel().run(text)


def test_the_table_of_the_other_family(golden: Callable[[str, str], None]) -> None:
    golden("policies6.nft", example(6).full())


def test_one_pod_more_elsewhere_is_one_element_more(golden: Callable[[str, str], None]) -> None:
    state = example()
    golden(
        "one-pod-more.nft",
        state.update({}, {}, pods(pod("web-3", "10.244.1.9", "n2", labels={"app": "web"}))),
    )


def test_without_a_policy_for_a_pod_of_this_node_there_is_nothing_in_the_table() -> None:
    state = Policies(4)
    assert state.update(policies(policy("a", namespace="ops", ingress=[])), LABELS, pods(*PODS)) == ""
    assert not state.isolates
    kernel = kernel_of(state)
    assert not any(kernel.elements.values())
    assert set(kernel.chains) == {"leaving", "arriving"}


def test_what_is_said_again_changes_nothing() -> None:
    state = example()
    assert state.isolates
    assert state.update(policies(*POLICIES), LABELS, pods(*PODS)) == ""


def test_a_policy_that_goes_takes_its_chains_and_sets_with_it() -> None:
    state = example()
    kernel = kernel_of(state)
    kernel.run(state.update(dict.fromkeys(map(key, POLICIES)), {}, {}))
    assert set(kernel.chains) == {"leaving", "arriving"}
    assert {name for name, found in kernel.elements.items()} == {"ingress", "egress", "self"}
    assert not any(kernel.elements.values())


def test_a_rule_that_changes_is_the_only_thing_written() -> None:
    state = example()
    text = state.update(
        policies(policy("to-db", {"app": "db"}, ingress=[{"ports": [{"port": "http"}]}])), {}, {}
    )
    verbs = [line.split()[:2] for line in text.splitlines()]
    assert verbs == [["flush", "chain"], ["add", "rule"], ["delete", "set"]]


def test_a_label_of_a_namespace_moves_its_pods() -> None:
    state = example()
    text = state.update({}, {"ops": {"team": "other"}}, {})
    assert text.count("\n") == 1 and text.startswith("delete element") and "10.244.1.3" in text
    assert "10.244.1.3" in state.update({}, {"ops": {"team": "ops"}}, {})


def test_an_address_that_two_pods_claim_is_the_younger_ones() -> None:
    state = Policies(4)
    kernel = kernel_of(state)
    isolate = policies(policy("a", {"app": "old"}, ingress=[]), policy("b", {"app": "new"}, egress=[]))
    old = pod("old", "10.244.0.2", created="2026-01-01T00:00:00Z")
    new = pod("new", "10.244.0.2", created="2026-01-01T00:00:09Z")
    kernel.run(state.update(isolate, LABELS, pods(new)))
    kernel.run(state.update({}, {}, pods(old)))
    assert "10.244.0.2" in kernel.elements["egress"] and not kernel.elements["ingress"]
    kernel.run(state.update({}, {}, {"default/new": None}))
    assert "10.244.0.2" in kernel.elements["ingress"] and not kernel.elements["egress"]


SELECTORS = [{}, {"app": "a"}, {"app": "b"}, {"tier": "x"}]
BLOCK = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.244.0.0/24"]}}
peers = st.sampled_from(
    [app("a"), app("b"), namespaces(team="x"), {"namespaceSelector": {}, **app("a")}, BLOCK]
)
port = st.sampled_from([{"port": 80}, {"port": 80, "endPort": 90}, {"port": "http"}, {"protocol": "UDP"}])
rules = st.lists(
    st.builds(
        lambda who, what: {"from": who, "to": who, "ports": what},
        st.lists(peers, max_size=2),
        st.lists(port, max_size=2),
    ),
    max_size=2,
)
some_policy = st.builds(
    lambda name, namespace, select, into, out: policy(name, select, namespace, **into, **out),
    st.sampled_from("pqr"),
    st.sampled_from(["one", "two"]),
    st.sampled_from(SELECTORS),
    rules.map(lambda found: {"ingress": found}) | st.just({}),
    rules.map(lambda found: {"egress": found}) | st.just({}),
)
some_pod = st.builds(
    lambda number, namespace, labels, address, node, http: pod(
        f"pod-{number}", f"10.244.{node}.{address}", f"n{node}", namespace, labels=labels, http=http
    ),
    st.integers(1, 5),
    st.sampled_from(["one", "two"]),
    st.sampled_from(SELECTORS),
    st.integers(2, 5),
    st.integers(1, 2),
    st.sampled_from([80, 8080]),
)
steps = st.lists(
    st.tuples(
        st.lists(st.tuples(some_policy, st.booleans()), max_size=3),
        st.dictionaries(st.sampled_from(["one", "two"]), st.sampled_from([None, {}, {"team": "x"}])),
        st.lists(st.tuples(some_pod, st.booleans()), max_size=4),
    ),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_transactions_add_up_to_the_whole_table(history: Any) -> None:
    state = Policies(4)
    kernel = kernel_of(state)
    seen: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = {}, {}, {}
    for some_policies, labels, some_pods in history:
        step = (
            {key(obj): policy_of(obj) if there else None for obj, there in some_policies},
            labels,
            {key(obj): pod_of(obj, "n1") if there else None for obj, there in some_pods},
        )
        before = copy.deepcopy(kernel.state)
        text = state.update(*step)
        kernel.run(text)
        for known, new in zip(seen, step, strict=True):
            known.update(new)
        anew = Policies(4)
        anew.update(*seen)
        assert kernel.state == kernel_of(state).state == kernel_of(anew).state
        if not text:
            assert kernel.state == before
