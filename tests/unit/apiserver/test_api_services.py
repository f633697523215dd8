"""Cluster addresses and node ports: taken, kept, refused, given back."""

from __future__ import annotations

import asyncio
from typing import Any

from api_harness import Api, Reply

SERVICES = "/api/v1/namespaces/default/services"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"


async def service(api: Api, name: str = "web", **spec: Any) -> Reply:
    spec.setdefault("ports", [{"port": 80}])
    return await api.post(
        SERVICES, {"metadata": {"name": name}, "spec": {"selector": {"app": "web"}, **spec}}
    )


async def addresses(api: Api) -> list[str]:
    return [item["metadata"]["name"] for item in (await api.get(ADDRESSES)).json["items"]]


async def test_a_service_gets_an_address_of_the_range(api: Api) -> None:
    made = (await service(api)).json["spec"]
    assert made["clusterIP"].startswith("10.96.") and made["clusterIPs"] == [made["clusterIP"]]
    assert made["ipFamilies"] == ["IPv4"] and made["ipFamilyPolicy"] == "SingleStack"
    entry = (await api.get(f"{ADDRESSES}/{made['clusterIP']}")).json
    assert entry["spec"]["parentRef"] == {
        "resource": "services",
        "namespace": "default",
        "name": "web",
    }


async def test_addresses_are_given_back(api: Api) -> None:
    made = (await service(api)).json
    assert await addresses(api) == [made["spec"]["clusterIP"]]
    await api.delete(SERVICES + "/web")
    assert await addresses(api) == []


async def test_an_address_can_be_chosen_once(api: Api) -> None:
    assert (await service(api, clusterIP="10.96.0.10")).json["spec"]["clusterIP"] == "10.96.0.10"
    taken = await service(api, "two", clusterIP="10.96.0.10")
    assert taken.status == 422
    assert taken.message == (
        'Service "two" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: '
        "failed to allocate IP 10.96.0.10: provided IP is already allocated"
    )
    outside = await service(api, "two", clusterIP="192.168.0.1")
    assert "the provided network does not match the current range" in outside.message
    body = {"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}], "clusterIP": "192.168.0.1"}}
    tried = await api.post(SERVICES + "?dryRun=All", body)
    assert tried.message.endswith(
        "the provided IP (192.168.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16"
    )


async def test_headless_and_external_services_take_none(api: Api) -> None:
    headless = (await service(api, "a", clusterIP="None")).json["spec"]
    assert headless["clusterIP"] == "None" and headless["clusterIPs"] == ["None"]
    external = (await service(api, "b", type="ExternalName", externalName="example.com")).json["spec"]
    assert "clusterIP" not in external
    assert await addresses(api) == []


async def test_an_update_keeps_address_and_ports(api: Api) -> None:
    made = (await service(api, type="NodePort")).json["spec"]
    port = made["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    body = {
        "metadata": {"name": "web"},
        "spec": {"type": "NodePort", "selector": {"app": "x"}, "ports": [{"port": 80}]},
    }
    updated = (await api.put(SERVICES + "/web", body)).json["spec"]
    assert updated["clusterIP"] == made["clusterIP"]
    assert updated["ports"][0]["nodePort"] == port


async def test_a_node_port_can_be_chosen_once(api: Api) -> None:
    chosen = [{"port": 80, "nodePort": 30080}]
    assert (await service(api, type="NodePort", ports=chosen)).status == 201
    taken = await service(api, "two", type="NodePort", ports=chosen)
    assert taken.status == 422
    assert taken.message == (
        'Service "two" is invalid: spec.ports[0].nodePort: Invalid value: 30080: '
        "provided port is already allocated"
    )
    assert len(await addresses(api)) == 1, "the address of the refused service is given back"
    await api.delete(SERVICES + "/web")
    assert (await service(api, "two", type="NodePort", ports=chosen)).status == 201
    outside = await service(api, "three", type="NodePort", ports=[{"port": 80, "nodePort": 80}])
    assert "The range of valid ports is 30000-32767" in outside.message


async def test_changing_the_type_takes_and_gives_back(api: Api) -> None:
    await service(api)
    opened = await api.patch(SERVICES + "/web", {"spec": {"type": "NodePort"}})
    port = opened.json["spec"]["ports"][0]["nodePort"]
    closed = await api.patch(SERVICES + "/web", {"spec": {"type": "ClusterIP"}})
    assert "nodePort" not in closed.json["spec"]["ports"][0]
    again = await service(api, "two", type="NodePort", ports=[{"port": 80, "nodePort": port}])
    assert again.status == 201
    named = {
        "spec": {"type": "ExternalName", "externalName": "example.com", "clusterIP": None, "clusterIPs": None}
    }
    external = await api.patch(SERVICES + "/web", named)
    assert external.status == 200 and "clusterIP" not in external.json["spec"]
    assert len(await addresses(api)) == 1


async def test_dry_run_takes_nothing(api: Api) -> None:
    body = {"metadata": {"name": "web"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    reply = await api.post(SERVICES + "?dryRun=All", body)
    assert reply.json["spec"]["clusterIP"]
    assert await addresses(api) == []


async def test_many_at_once_all_differ(api: Api) -> None:
    replies = await asyncio.gather(*(service(api, f"s{number}", type="NodePort") for number in range(20)))
    specs = [reply.json["spec"] for reply in replies]
    assert len({spec["clusterIP"] for spec in specs}) == 20
    assert len({spec["ports"][0]["nodePort"] for spec in specs}) == 20


async def test_one_port_of_two_protocols_has_one_node_port(api: Api) -> None:
    ports = [
        {"name": "t", "port": 53, "protocol": "TCP"},
        {"name": "u", "port": 53, "protocol": "UDP"},
    ]
    made = (await service(api, type="NodePort", ports=ports)).json["spec"]["ports"]
    assert made[0]["nodePort"] == made[1]["nodePort"]
