"""The ranges of services and pods: one family or two, and what is refused."""

import pytest

from pybernetes.cluster.address_ranges import check, networks
from pybernetes.cluster.failure import Failure

MASKS = {4: 24, 6: 64}
SERVICES, PODS = "10.96.0.0/16,fd00:10:96::/112", "10.244.0.0/16,fd00:10:244::/56"


def test_one_network_or_one_of_each_family() -> None:
    assert [one.version for one in networks("--cluster-cidr", "10.244.0.0/16")] == [4]
    assert [str(one) for one in networks("--cluster-cidr", PODS)] == PODS.split(",")
    check("10.96.0.0/16", "10.244.0.0/16", MASKS)
    check(SERVICES, PODS, MASKS)
    check("10.96.0.0/16", PODS, MASKS)


@pytest.mark.parametrize(
    ("services", "pods", "why"),
    [
        ("10.96.0.0", PODS, "is too small"),
        ("fd00:10:96::/112", PODS, "give an IPv4 network such as 10.96.0.0/16, or two"),
        ("fd00:10:96::/112,10.96.0.0/16", PODS, "give an IPv4 network such as"),
        ("10.96.0.0/16,10.97.0.0/16", PODS, "give an IPv4 network such as"),
        ("10.96.0.0/16,elsewhere", PODS, "elsewhere is not a network"),
        (SERVICES, "10.244.0.0/16", "has IPv6 and --cluster-cidr 10.244.0.0/16 has not"),
        ("10.96.0.0/16,fd00:10:244::/112", PODS, "overlap: choose two apart"),
        (SERVICES, "10.244.0.0/16,fd00:10:244::/112", "--node-cidr-mask-size-ipv6=64 does not fit"),
    ],
)
def test_what_cannot_work_says_what_to_give(services: str, pods: str, why: str) -> None:
    with pytest.raises(Failure, match=why):
        check(services, pods, MASKS)
