"""The doors of services and of host ports."""

from dataclasses import replace

from service_objects import PLACE, endpoint, service, slice_of

from pybernetes.network.services.model import (
    ALWAYS,
    DROP,
    KEEP,
    NOTHING,
    OWN,
    REJECT,
    Door,
    HealthCheck,
    desired,
    host_ports,
)

HERE = endpoint("10.244.1.2")
THERE = endpoint("10.244.2.2", "n2")
NODE_PORT = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]


def test_a_cluster_ip_leads_to_all_endpoints() -> None:
    wanted = desired(service("a", "10.96.0.5"), [slice_of("a", HERE, THERE)], PLACE)
    entry = wanted.entries[Door("10.96.0.5", "tcp", 80)]
    assert [one.address for one in entry.targets] == ["10.244.1.2", "10.244.2.2"]
    assert (entry.masquerade, entry.closed, entry.inside) == (KEEP, "", None)
    assert wanted.local == {"10.244.1.2"}


def test_a_service_without_endpoints_rejects() -> None:
    wanted = desired(service("a", "10.96.0.5", type="NodePort", ports=NODE_PORT), [], PLACE)
    assert {entry.closed for entry in wanted.entries.values()} == {REJECT}
    assert wanted.entries.keys() == {Door("10.96.0.5", "tcp", 80), Door("10.209.0.11", "tcp", 30080)}


def test_internal_policy_local_drops_where_the_node_has_no_endpoint() -> None:
    here = desired(
        service("a", "10.96.0.5", internalTrafficPolicy="Local"), [slice_of("a", HERE, THERE)], PLACE
    )
    assert [one.address for one in here.entries[Door("10.96.0.5", "tcp", 80)].targets] == ["10.244.1.2"]
    there = desired(service("a", "10.96.0.5", internalTrafficPolicy="Local"), [slice_of("a", THERE)], PLACE)
    assert there.entries[Door("10.96.0.5", "tcp", 80)].closed == DROP


def test_external_doors_hide_the_source_unless_the_policy_is_local() -> None:
    spec = {
        "type": "LoadBalancer",
        "ports": NODE_PORT,
        "externalIPs": ["192.0.2.1"],
        "ingress": ["192.0.2.9"],
        "loadBalancerSourceRanges": [" 10.0.0.0/8"],
    }
    pieces = [slice_of("a", HERE, THERE)]
    wanted = desired(service("a", "10.96.0.5", **spec), pieces, PLACE)
    outer = {door: entry for door, entry in wanted.entries.items() if door.address != "10.96.0.5"}
    assert {door.address for door in outer} == {"192.0.2.1", "192.0.2.9", "10.209.0.11"}
    assert {entry.masquerade for entry in outer.values()} == {ALWAYS}
    assert wanted.entries[Door("192.0.2.9", "tcp", 80)].allowed == ("10.0.0.0/8",)
    assert wanted.entries[Door("192.0.2.1", "tcp", 80)].allowed == ()
    local = desired(service("a", "10.96.0.5", **spec, externalTrafficPolicy="Local"), pieces, PLACE)
    entry = local.entries[Door("10.209.0.11", "tcp", 30080)]
    assert entry.masquerade == OWN
    assert [one.address for one in entry.targets] == ["10.244.1.2"]
    assert entry.inside is not None and [one.address for one in entry.inside] == ["10.244.1.2", "10.244.2.2"]


def test_external_policy_local_drops_from_outside_and_serves_pods() -> None:
    one = service("a", "10.96.0.5", type="NodePort", ports=NODE_PORT, externalTrafficPolicy="Local")
    entry = desired(one, [slice_of("a", THERE)], PLACE).entries[Door("10.209.0.11", "tcp", 30080)]
    assert (entry.targets, entry.closed) == ((), DROP)
    assert entry.inside is not None and [target.address for target in entry.inside] == ["10.244.2.2"]


def test_a_health_check_port_counts_ready_endpoints_on_this_node() -> None:
    one = service(
        "a",
        "10.96.0.5",
        type="LoadBalancer",
        ports=NODE_PORT,
        externalTrafficPolicy="Local",
        healthCheckNodePort=32000,
    )
    pieces = [slice_of("a", HERE, endpoint("10.244.1.3", ready=False), THERE)]
    assert desired(one, pieces, PLACE).health == HealthCheck(32000, "default/a", 1)


def test_session_affinity_has_its_timeout() -> None:
    one = service("a", "10.96.0.5", sessionAffinity="ClientIP")
    assert desired(one, [slice_of("a", HERE)], PLACE).entries[Door("10.96.0.5", "tcp", 80)].affinity == 10800
    one["spec"]["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 5}}
    assert desired(one, [slice_of("a", HERE)], PLACE).entries[Door("10.96.0.5", "tcp", 80)].affinity == 5


def test_headless_external_names_and_others_services_have_no_doors() -> None:
    assert desired(service("a", "None"), [slice_of("a", HERE)], PLACE) is NOTHING
    assert desired(service("a", "", type="ExternalName"), [], PLACE) is NOTHING
    other = service("a", "10.96.0.5")
    other["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "mine"}
    assert desired(other, [slice_of("a", HERE)], PLACE) is NOTHING


def test_the_dns_service_is_left_to_the_node_until_it_has_endpoints() -> None:
    one = service("kube-dns", "10.96.0.10")
    assert desired(one, [], PLACE).entries == {}
    assert Door("10.96.0.10", "tcp", 80) in desired(one, [slice_of("kube-dns", HERE)], PLACE).entries


def test_a_load_balancer_that_proxies_is_not_short_cut() -> None:
    one = service("a", "10.96.0.5", type="LoadBalancer", ports=NODE_PORT)
    one["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9", "ipMode": "Proxy"}]}}
    assert Door("192.0.2.9", "tcp", 80) not in desired(one, [slice_of("a", HERE)], PLACE).entries


def test_the_other_family_has_its_own_doors() -> None:
    one = service("a", "10.96.0.5", clusterIPs=["10.96.0.5", "fd00:1::5"])
    place = replace(PLACE, family=6)
    pieces = [slice_of("a", HERE), slice_of("a", endpoint("fd00::2"), family="IPv6")]
    entries = desired(one, pieces, place).entries
    assert [door.address for door in entries] == ["fd00:1::5"]
    assert [one.address for one in entries[Door("fd00:1::5", "tcp", 80)].targets] == ["fd00::2"]


def test_host_ports_are_doors_until_the_pod_has_ended() -> None:
    ports = [
        {"containerPort": 8080, "hostPort": 54321},
        {"containerPort": 8080, "hostPort": 54321, "protocol": "UDP", "hostIP": "127.0.0.1"},
        {"containerPort": 8081},
    ]
    pod = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "ports": ports}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.244.1.2"}]},
    }
    wanted = host_ports(pod, PLACE)
    assert wanted.entries.keys() == {Door("10.209.0.11", "tcp", 54321), Door("127.0.0.1", "udp", 54321)}
    assert wanted.local == {"10.244.1.2"}
    assert host_ports({**pod, "status": {**pod["status"], "phase": "Failed"}}, PLACE) is NOTHING
    assert host_ports({**pod, "status": {}}, PLACE) is NOTHING
