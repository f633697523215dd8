"""EndpointSlices and Endpoints: the plans on values, and the shells on a fake API."""

from __future__ import annotations

from pybernetes.api.kinds import ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES
from pybernetes.controllers.endpoints import members, slices, subsets

from .builders import node, pod

SLICES, OLD, MIRROR = "endpointslice-controller", "endpoints-controller", "endpointslice-mirroring-controller"


def service(name="web", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "uid": "svc-uid", "labels": {"a": "b"}},
        "spec": {
            "selector": {"app": "web"},
            "clusterIP": "10.96.0.9",
            "ipFamilies": ["IPv4"],
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
            **spec,
        },
    }


def pods(count, **more):
    return [pod(f"p{number}", ip=f"10.244.0.{number + 1}", **more) for number in range(count)]


def plan(existing=(), svc=None, members=(), limit=100):
    return slices.plan(svc or service(), members, {"n1": "z1"}, existing, limit)


def stored(new, name):
    return {**new, "metadata": {**new["metadata"], "name": name, "uid": f"{name}-uid"}}


def addresses(one):
    return [endpoint["addresses"][0] for endpoint in one["endpoints"]]


def test_a_slice_says_all_about_its_endpoints():
    (made,) = plan(members=pods(1)).create
    assert made["addressType"] == "IPv4"
    assert made["metadata"]["generateName"] == "web-"
    assert made["metadata"]["labels"] == {
        "a": "b",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert made["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    (endpoint,) = made["endpoints"]
    assert endpoint["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert (endpoint["nodeName"], endpoint["zone"]) == ("n1", "z1")
    assert endpoint["targetRef"]["name"] == "p0"


def test_a_pod_on_its_way_out_serves_but_is_not_ready():
    (made,) = plan(members=pods(1, deleting=True)).create
    assert made["endpoints"][0]["conditions"] == {"ready": False, "serving": True, "terminating": True}


def test_not_ready_addresses_can_be_published():
    made = plan(svc=service(publishNotReadyAddresses=True), members=pods(1, ready=False)).create[0]
    assert made["endpoints"][0]["conditions"] == {"ready": True, "serving": False, "terminating": False}


def test_finished_pods_and_pods_without_address_are_no_endpoints():
    made = plan(members=[*pods(1, phase="Succeeded"), pod("x")]).create[0]
    assert made["endpoints"] == []


def test_a_service_without_pods_has_one_empty_slice():
    (made,) = plan().create
    assert made["endpoints"] == [] and made["ports"] == []
    again = plan(existing=[stored(made, "s")])
    assert not (again.create or again.update or again.delete)


def test_an_empty_slice_is_used_when_pods_come():
    empty = stored(plan().create[0], "s")
    changes = plan(existing=[empty], members=pods(1))
    assert len(changes.create) + len(changes.update) - len(changes.delete) in (0, 1)
    assert sum(len(one["endpoints"]) for one in (*changes.create, *changes.update)) == 1


def test_endpoints_are_spread_over_slices_of_limited_size():
    changes = plan(members=pods(7), limit=3)
    assert sorted(len(one["endpoints"]) for one in changes.create) == [1, 3, 3]


def test_one_changed_pod_changes_one_slice():
    made = [stored(one, f"s{index}") for index, one in enumerate(plan(members=pods(6), limit=3).create)]
    changed = pods(6)
    changed[4] = pods(5, ready=False)[4]
    changes = plan(existing=made, members=changed, limit=3)
    # The builder gives every pod a new uid: keep those of the first round.
    assert len(changes.update) <= 2


def test_endpoints_stay_where_they_are():
    all_pods = pods(6)
    made = [stored(one, f"s{index}") for index, one in enumerate(plan(members=all_pods, limit=3).create)]
    changes = plan(existing=made, members=all_pods[1:], limit=3)
    assert len(changes.update) == 1 and not changes.create and not changes.delete
    assert addresses(changes.update[0]) == ["10.244.0.2", "10.244.0.3"]


def test_nothing_changes_when_nothing_changed():
    all_pods = pods(6)
    made = [stored(one, f"s{index}") for index, one in enumerate(plan(members=all_pods, limit=3).create)]
    changes = plan(existing=made, members=all_pods, limit=3)
    assert not (changes.create or changes.update or changes.delete)


def test_a_new_pod_goes_into_a_slice_with_room():
    all_pods = pods(5)
    made = [stored(one, f"s{index}") for index, one in enumerate(plan(members=all_pods[:4], limit=3).create)]
    changes = plan(existing=made, members=all_pods, limit=3)
    assert len(changes.update) == 1 and not changes.create


def test_pods_with_different_named_ports_are_in_different_slices():
    first, second = pods(2)
    for one, number in ((first, 80), (second, 81)):
        one["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": number}]
    svc = service(ports=[{"port": 80, "targetPort": "web"}])
    assert sorted(one["ports"][0]["port"] for one in plan(svc=svc, members=[first, second]).create) == [
        80,
        81,
    ]


def test_both_families_have_their_slices():
    (one,) = pods(1)
    one["status"]["podIPs"] = [{"ip": "10.244.0.1"}, {"ip": "fd00::1"}]
    made = plan(svc=service(ipFamilies=["IPv4", "IPv6"]), members=[one]).create
    assert {(slice_["addressType"], *addresses(slice_)) for slice_ in made} == {
        ("IPv4", "10.244.0.1"),
        ("IPv6", "fd00::1"),
    }


def test_headless_services_are_labelled_and_know_hostnames():
    (one,) = pods(1)
    one["spec"].update(hostname="db-0", subdomain="web")
    (made,) = plan(svc=service(clusterIP="None"), members=[one]).create
    assert made["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    assert made["endpoints"][0]["hostname"] == "db-0"


def test_traffic_that_stays_close_gets_hints():
    (made,) = plan(svc=service(trafficDistribution="PreferClose"), members=pods(1)).create
    assert made["endpoints"][0]["hints"] == {"forZones": [{"name": "z1"}]}


def test_old_endpoints_tell_ready_from_not_ready():
    found = subsets.subsets(service(), [*pods(1), pod("q", ip="10.244.0.9", ready=False)])
    assert [one["ip"] for one in found[0]["addresses"]] == ["10.244.0.1"]
    assert [one["ip"] for one in found[0]["notReadyAddresses"]] == ["10.244.0.9"]
    assert found[0]["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]


def test_old_endpoints_are_cut_at_a_thousand():
    many = [pod(f"p{n}", ip=f"10.{n // 250}.0.{n % 250 + 1}") for n in range(1100)]
    wanted = subsets.wanted(service(), many, None)
    assert len(wanted["subsets"][0]["addresses"]) == 1000
    assert wanted["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] == "truncated"


def test_a_target_port_of_nothing_is_the_port_itself():
    assert members.port_number(pod(), {"port": 80}) == 80


async def test_slices_and_endpoints_follow_pods(run):
    cluster = await run(SLICES, OLD)
    cluster.api.put(NODES, node("n1"))
    await cluster.api.create(SERVICES, service())
    await cluster.settle()
    cluster.api.put(PODS, pod("p", ip="10.244.0.7"))
    await cluster.settle()
    (one,) = cluster.api.all(ENDPOINT_SLICES)
    assert addresses(one) == ["10.244.0.7"]
    assert cluster.api.one(ENDPOINTS, "default/web")["subsets"][0]["addresses"][0]["ip"] == "10.244.0.7"
    cluster.api.change(PODS, "default/p", {"status": {"conditions": []}})
    await cluster.settle()
    assert cluster.api.all(ENDPOINT_SLICES)[0]["endpoints"][0]["conditions"]["ready"] is False
    assert "addresses" not in cluster.api.one(ENDPOINTS, "default/web")["subsets"][0]
    cluster.api.remove(PODS, "default/p")
    await cluster.settle()
    assert [one["endpoints"] for one in cluster.api.all(ENDPOINT_SLICES)] == [[]]
    version = cluster.api.version
    await cluster.settle(100)
    assert cluster.api.version == version
    cluster.api.remove(SERVICES, "default/web")
    await cluster.settle()
    assert not cluster.api.all(ENDPOINTS)


async def test_a_deleted_slice_is_made_again(run):
    cluster = await run(SLICES)
    cluster.api.put(PODS, pod("p", ip="10.244.0.7"))
    await cluster.api.create(SERVICES, service())
    await cluster.settle()
    name = cluster.api.all(ENDPOINT_SLICES)[0]["metadata"]["name"]
    cluster.api.remove(ENDPOINT_SLICES, f"default/{name}")
    await cluster.settle()
    assert addresses(cluster.api.all(ENDPOINT_SLICES)[0]) == ["10.244.0.7"]


async def test_hand_made_endpoints_are_mirrored(run):
    cluster = await run(MIRROR)
    without = service()
    del without["spec"]["selector"]
    await cluster.api.create(SERVICES, without)
    ports = [{"port": 5432}]
    made = {
        "metadata": {"name": "web", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": ports}],
    }
    cluster.api.put(ENDPOINTS, made)
    await cluster.settle()
    (one,) = cluster.api.all(ENDPOINT_SLICES)
    assert addresses(one) == ["192.0.2.1"]
    made["subsets"][0]["addresses"].append({"ip": "192.0.2.2"})
    cluster.api.put(ENDPOINTS, made)
    await cluster.settle()
    assert addresses(cluster.api.all(ENDPOINT_SLICES)[0]) == ["192.0.2.1", "192.0.2.2"]
    cluster.api.remove(ENDPOINTS, "default/web")
    await cluster.settle()
    assert not cluster.api.all(ENDPOINT_SLICES)
