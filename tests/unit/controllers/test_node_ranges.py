"""The ranges that nodes get their parts from."""

import pytest

from pybernetes.controllers.nodes.ipam import ranges_of
from pybernetes.controllers.options import Options

TWO = "10.244.0.0/16,fd00:10:244::/56"


def test_each_family_has_a_range_and_a_size_of_its_own() -> None:
    ranges = ranges_of(Options(cluster_cidr=TWO, node_cidr_mask_size_ipv4=25, node_cidr_mask_size_ipv6=72))
    assert [one.allocate("a") for one in ranges] == ["10.244.0.0/25", "fd00:10:244::/72"]
    assert [one.allocate("b") for one in ranges] == ["10.244.0.128/25", "fd00:10:244:0:100::/72"]


def test_the_default_sizes_are_24_and_64() -> None:
    assert [one.node_mask for one in ranges_of(Options(cluster_cidr=TWO))] == [24, 64]
    assert [one.node_mask for one in ranges_of(Options(node_cidr_mask_size=26))] == [26]


def test_a_size_that_does_not_fit_names_its_flag() -> None:
    with pytest.raises(ValueError, match="--node-cidr-mask-size-ipv6=48 does not fit"):
        ranges_of(Options(cluster_cidr=TWO, node_cidr_mask_size_ipv6=48))
