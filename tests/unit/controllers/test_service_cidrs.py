"""ServiceCIDRs become ready and protected, and wait for the addresses that only they have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pybernetes.api.kinds import IP_ADDRESSES, SERVICE_CIDRS
from pybernetes.controllers.service_cidrs import FINALIZER, can_go

from .conftest import Running

Object = dict[str, Any]
Run = Callable[..., Awaitable[Running]]


def service_cidr(name: str, *cidrs: str) -> Object:
    return {
        "apiVersion": SERVICE_CIDRS.api_version,
        "kind": "ServiceCIDR",
        "metadata": {"name": name},
        "spec": {"cidrs": list(cidrs)},
    }


def address(name: str) -> Object:
    labels = {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
    return {
        "apiVersion": IP_ADDRESSES.api_version,
        "kind": "IPAddress",
        "metadata": {"name": name, "labels": labels},
    }


def condition(running: Running, name: str) -> tuple[str, str]:
    found = running.api.one(SERVICE_CIDRS, name)["status"]["conditions"][0]
    return found["status"], found["reason"]


@pytest.mark.parametrize(
    ("others", "used", "may"),
    [
        ([], [], True),
        ([], ["10.97.0.3"], False),
        ([], ["10.98.0.3"], True),
        (["10.96.0.0/12"], ["10.97.0.3"], True),
        (["10.97.0.0/28"], ["10.97.0.3"], True),
        (["10.97.0.0/28"], ["10.97.0.3", "10.97.0.33"], False),
        (["10.97.0.0/28"], ["10.97.0.15"], False),
    ],
)
def test_a_range_goes_when_its_addresses_are_of_others_too(
    others: list[str], used: list[str], may: bool
) -> None:
    one = service_cidr("one", "10.97.0.0/24")
    assert can_go(one, [one, *(service_cidr(cidr, cidr) for cidr in others)], used) is may


async def test_a_new_range_is_ready_and_protected(run: Run) -> None:
    running = await run("service-cidr-controller")
    await running.api.create(SERVICE_CIDRS, service_cidr("one", "10.97.0.0/24"))
    await running.settle()
    assert running.api.one(SERVICE_CIDRS, "one")["metadata"]["finalizers"] == [FINALIZER]
    assert condition(running, "one") == ("True", "")


async def test_deletion_waits_for_addresses_in_use(run: Run) -> None:
    running = await run("service-cidr-controller")
    await running.api.create(SERVICE_CIDRS, service_cidr("one", "10.97.0.0/24"))
    await running.api.create(IP_ADDRESSES, address("10.97.0.3"))
    await running.settle()
    await running.api.delete(SERVICE_CIDRS, None, "one")
    await running.settle(60)
    assert condition(running, "one") == ("False", "Terminating")
    await running.api.delete(IP_ADDRESSES, None, "10.97.0.3")
    await running.settle(60)
    assert not running.api.all(SERVICE_CIDRS)
