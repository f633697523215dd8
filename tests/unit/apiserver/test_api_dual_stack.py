"""Services on a cluster with two service ranges: families, policies, addresses, and what may change of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_harness import Api, Reply, start, stop

from pybernetes.apiserver.options import Options

SERVICES = "/api/v1/namespaces/default/services"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
SIX = "fd00:10:96::"


async def _started(ranges: str) -> Api:
    api = await start(Options(bootstrap=False, service_cidr=ranges))
    await api.made("/api/v1/namespaces", {"metadata": {"name": "default"}})
    return api


@pytest.fixture
async def dual() -> AsyncIterator[Api]:
    api = await _started("10.96.0.0/16,fd00:10:96::/112")
    yield api
    await stop(api)


async def service(api: Api, name: str = "web", **spec: Any) -> Reply:
    given = {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec}
    return await api.post(SERVICES, {"metadata": {"name": name}, "spec": given})


async def change(api: Api, name: str = "web", **spec: Any) -> Reply:
    return await api.patch(f"{SERVICES}/{name}", {"spec": spec})


async def taken(api: Api) -> list[str]:
    return sorted(item["metadata"]["name"] for item in (await api.get(ADDRESSES)).json["items"])


async def test_a_service_that_says_nothing_has_the_first_family(dual: Api) -> None:
    spec = (await service(dual)).json["spec"]
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("SingleStack", ["IPv4"])
    assert spec["clusterIPs"] == [spec["clusterIP"]] and spec["clusterIP"].startswith("10.96.")


@pytest.mark.parametrize("policy", ["PreferDualStack", "RequireDualStack"])
async def test_a_dual_stack_service_has_an_address_of_each_family(dual: Api, policy: str) -> None:
    spec = (await service(dual, ipFamilyPolicy=policy)).json["spec"]
    assert spec["ipFamilies"] == ["IPv4", "IPv6"]
    four, six = spec["clusterIPs"]
    assert spec["clusterIP"] == four and six.startswith(SIX)
    assert await taken(dual) == [four, six]
    entry = (await dual.get(f"{ADDRESSES}/{six}")).json
    assert entry["metadata"]["labels"]["ipaddress.kubernetes.io/ip-family"] == "IPv6"
    await dual.delete(SERVICES + "/web")
    assert await taken(dual) == []


async def test_the_families_order_is_the_services_own(dual: Api) -> None:
    spec = (await service(dual, ipFamilyPolicy="PreferDualStack", ipFamilies=["IPv6"])).json["spec"]
    assert spec["ipFamilies"] == ["IPv6", "IPv4"] and spec["clusterIP"].startswith(SIX)
    only = (await service(dual, "six", ipFamilies=["IPv6"])).json["spec"]
    assert only["clusterIPs"] == [only["clusterIP"]] and only["clusterIP"].startswith(SIX)


async def test_families_follow_from_chosen_addresses(dual: Api) -> None:
    chosen = {"clusterIP": "fd00:10:96::7", "clusterIPs": ["fd00:10:96::7", "10.96.0.7"]}
    spec = (await service(dual, ipFamilyPolicy="RequireDualStack", **chosen)).json["spec"]
    assert spec["ipFamilies"] == ["IPv6", "IPv4"] and spec["clusterIPs"] == chosen["clusterIPs"]
    again = await service(
        dual,
        "two",
        ipFamilyPolicy="PreferDualStack",
        clusterIP="10.96.0.8",
        clusterIPs=["10.96.0.8", SIX + "7"],
    )
    assert "failed to allocate IP fd00:10:96::7: provided IP is already allocated" in again.message
    assert "10.96.0.8" not in await taken(dual), "what was taken before is given back"


async def test_a_service_gets_and_loses_its_second_address(dual: Api) -> None:
    four = (await service(dual)).json["spec"]["clusterIP"]
    spec = (await change(dual, ipFamilyPolicy="PreferDualStack")).json["spec"]
    assert spec["clusterIPs"][0] == four and spec["ipFamilies"] == ["IPv4", "IPv6"]
    assert await taken(dual) == sorted(spec["clusterIPs"])
    spec = (await change(dual, ipFamilyPolicy="SingleStack")).json["spec"]
    assert (spec["clusterIPs"], spec["ipFamilies"]) == ([four], ["IPv4"])
    assert await taken(dual) == [four]


async def test_an_external_name_gives_up_both_addresses(dual: Api) -> None:
    await service(dual, ipFamilyPolicy="RequireDualStack")
    spec = (await change(dual, type="ExternalName", externalName="example.com")).json["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & spec.keys()
    assert await taken(dual) == []


async def test_headless_services_have_families_and_no_addresses(dual: Api) -> None:
    spec = (await service(dual, clusterIP="None", ipFamilyPolicy="PreferDualStack")).json["spec"]
    assert (spec["clusterIPs"], spec["ipFamilies"]) == (["None"], ["IPv4", "IPv6"])
    free = (await service(dual, "free", clusterIP="None", selector=None)).json["spec"]
    assert (free["ipFamilyPolicy"], free["ipFamilies"]) == ("RequireDualStack", ["IPv4", "IPv6"])
    assert await taken(dual) == []


async def test_what_contradicts_itself_is_refused(dual: Api) -> None:
    for spec, why in (
        ({"ipFamilies": ["IPv5"]}, 'spec.ipFamilies[0]: Unsupported value: "IPv5"'),
        ({"ipFamilies": ["IPv6", "IPv6"]}, 'spec.ipFamilies[1]: Duplicate value: "IPv6"'),
        ({"ipFamilyPolicy": "Dual"}, 'spec.ipFamilyPolicy: Unsupported value: "Dual"'),
        (
            {"ipFamilies": ["IPv4", "IPv6"]},
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
        ),
        (
            {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", SIX + "7"]},
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified",
        ),
        (
            {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "10.96.0.8"]},
            "may specify no more than one IP for each IP family",
        ),
        (
            {"clusterIP": SIX + "7", "ipFamilies": ["IPv4"]},
            "expected an IPv4 value as indicated by `ipFamilies[0]`",
        ),
        ({"clusterIPs": ["10.96.0.7"]}, "must be empty when `clusterIP` is not specified"),
        ({"clusterIP": "10.96.0.7", "clusterIPs": [SIX + "7"]}, "first value must match `clusterIP`"),
    ):
        refused = await service(dual, **spec)
        assert refused.status == 422 and why in refused.message, spec


async def test_first_address_and_family_stay(dual: Api) -> None:
    spec = (await service(dual, ipFamilyPolicy="PreferDualStack")).json["spec"]
    swapped = await change(dual, ipFamilies=["IPv6", "IPv4"])
    assert "expected an IPv6 value as indicated by `ipFamilies[0]`" in swapped.message
    fewer = await change(dual, clusterIPs=spec["clusterIPs"][:1])
    assert "must be set to 'SingleStack' when releasing the secondary clusterIP" in fewer.message
    fewer = await change(dual, ipFamilies=["IPv4"])
    assert "must be set to 'SingleStack' when releasing the secondary ipFamily" in fewer.message


async def test_a_cluster_of_one_family_says_so(api: Api) -> None:
    preferred = (await service(api, ipFamilyPolicy="PreferDualStack")).json["spec"]
    assert preferred["ipFamilies"] == ["IPv4"] and len(preferred["clusterIPs"]) == 1
    refused = await service(api, "a", ipFamilyPolicy="RequireDualStack")
    assert refused.message == (
        'Service "a" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": '
        "this cluster is not configured for dual-stack services"
    )
    refused = await service(api, "a", ipFamilies=["IPv6"])
    assert 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster' in refused.message
    refused = await service(api, "a", clusterIP="fd00::7")
    assert "IPv6 is not configured on this cluster" in refused.message


async def test_a_service_that_prefers_two_families_stays_as_it_is(dual: Api) -> None:
    await service(dual, ipFamilyPolicy="PreferDualStack")
    del dual.server.addresses["IPv6"]
    kept = (await change(dual, selector={"app": "other"})).json["spec"]
    assert kept["ipFamilies"] == ["IPv4", "IPv6"] and len(kept["clusterIPs"]) == 2
