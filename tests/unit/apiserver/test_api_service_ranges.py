"""Several ServiceCIDRs: a second one is used when the first is full, one that is not ready or ends is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_harness import Api, Reply, start, stop

from pybernetes.apiserver.options import Options

SERVICES = "/api/v1/namespaces/default/services"
RANGES = "/apis/networking.k8s.io/v1/servicecidrs"


@pytest.fixture
async def small() -> AsyncIterator[Api]:
    """Two addresses, of which nobody has any yet."""
    api = await start(Options(bootstrap=False, service_cidr="10.96.0.0/30"))
    await api.made("/api/v1/namespaces", {"metadata": {"name": "default"}})
    yield api
    await stop(api)


async def service(api: Api, name: str, **spec: Any) -> Reply:
    return await api.post(SERVICES, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}})


async def new_range(api: Api, name: str, *cidrs: str) -> None:
    await api.made(RANGES, {"metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}})


async def ready(api: Api, name: str, status: str) -> None:
    condition = {"type": "Ready", "status": status, "reason": "", "message": "", "lastTransitionTime": None}
    reply = await api.patch(f"{RANGES}/{name}/status", {"status": {"conditions": [condition]}})
    assert reply.status == 200, reply.body


async def test_a_second_range_is_used_when_the_first_is_full(small: Api) -> None:
    first = [(await service(small, name)).json["spec"]["clusterIP"] for name in ("a", "b")]
    assert sorted(first) == ["10.96.0.1", "10.96.0.2"]
    full = await service(small, "c")
    assert full.status == 422 and "range is full" in full.json["message"]
    await new_range(small, "more", "10.97.0.0/29")
    assert (await service(small, "c")).json["spec"]["clusterIP"].startswith("10.97.0.")


async def test_a_range_that_is_not_ready_gives_nothing(small: Api) -> None:
    await new_range(small, "more", "10.97.0.0/29")
    await ready(small, "more", "False")
    asked = await service(small, "a", clusterIP="10.97.0.3")
    assert asked.status == 422
    assert (
        "failed to allocate IP 10.97.0.3: the provided network does not match the current range"
        in (asked.json["message"])
    )
    await ready(small, "more", "True")
    assert (await service(small, "a", clusterIP="10.97.0.3")).status == 201


async def test_a_range_that_is_being_deleted_gives_nothing(small: Api) -> None:
    body = {"metadata": {"name": "more", "finalizers": ["x.y/z"]}, "spec": {"cidrs": ["10.97.0.0/29"]}}
    await small.made(RANGES, body)
    await small.delete(f"{RANGES}/more")
    assert (await service(small, "a", clusterIP="10.97.0.3")).status == 422


async def test_network_and_broadcast_addresses_are_nobodys(small: Api) -> None:
    for address in ("10.96.0.0", "10.96.0.3"):
        assert (await service(small, "a", clusterIP=address)).status == 422
