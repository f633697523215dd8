"""What the cluster's domain answers."""

from typing import Any

import pytest

from pybernetes.client.store import ObjectStore
from pybernetes.network.dns import zone
from pybernetes.network.dns.zone import Zone
from pybernetes.semantics.services import HEADLESS, SERVICE_NAME, services_of

Object = dict[str, Any]
SVC = "svc.cluster.local"


def service(name: str, address: str, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": address, "clusterIPs": [address], **spec},
    }


def slice_of(name: str, *endpoints: Object, headless: bool = True) -> Object:
    labels = {SERVICE_NAME: name} | ({HEADLESS: ""} if headless else {})
    return {
        "metadata": {"name": f"{name}-1", "namespace": "default", "labels": labels},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


@pytest.fixture
def cluster() -> Zone:
    services, slices = ObjectStore(), ObjectStore()
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    for obj in (
        service("web", "10.96.0.5", ports=ports),
        service("db", "None", ports=ports),
        service("bare", "None"),
        service("out", "", type="ExternalName", externalName="Example.org."),
        {
            "metadata": {"name": "both", "namespace": "default"},
            "spec": {"clusterIP": "10.96.0.6", "clusterIPs": ["10.96.0.6", "fd00::6"]},
        },
    ):
        services.put(f"default/{obj['metadata']['name']}", obj)
    members = [
        {"addresses": ["10.244.0.2"], "hostname": "db-0", "conditions": {"ready": True}},
        {"addresses": ["10.244.0.3"], "conditions": {}},
        {"addresses": ["10.244.0.4"], "hostname": "db-2", "conditions": {"ready": False}},
    ]
    slices.put("default/db-1", slice_of("db", *members))
    services.add_index(zone.BY_ADDRESS, zone.addresses_of_service)
    slices.add_index(zone.BY_ADDRESS, zone.addresses_of_slice)
    slices.add_index(zone.BY_SERVICE, services_of)
    return Zone("cluster.local", services, slices, ["10.96.0.0/16", "10.244.0.0/16"])


def data(cluster: Zone, name: str, kind: str) -> list[Any]:
    answer = cluster.lookup(name, kind)
    assert answer is not None and answer.exists, name
    return [record.data for record in answer.records]


def test_a_service_has_its_cluster_ips(cluster: Zone) -> None:
    assert data(cluster, f"web.default.{SVC}", "A") == ["10.96.0.5"]
    assert data(cluster, f"web.default.{SVC}", "AAAA") == []
    assert data(cluster, f"both.default.{SVC}", "A") == ["10.96.0.6"]
    assert data(cluster, f"both.default.{SVC}", "AAAA") == ["fd00::6"]
    assert data(cluster, f"web.default.{SVC}", "MX") == []


def test_a_headless_service_has_its_ready_endpoints(cluster: Zone) -> None:
    assert data(cluster, f"db.default.{SVC}", "A") == ["10.244.0.2", "10.244.0.3"]
    assert data(cluster, f"bare.default.{SVC}", "A") == []


def test_endpoints_have_names_by_hostname_or_address(cluster: Zone) -> None:
    assert data(cluster, f"db-0.db.default.{SVC}", "A") == ["10.244.0.2"]
    assert data(cluster, f"10-244-0-3.db.default.{SVC}", "A") == ["10.244.0.3"]
    for gone in (f"db-2.db.default.{SVC}", f"db-0.web.default.{SVC}", f"x.db.default.{SVC}"):
        answer = cluster.lookup(gone, "A")
        assert answer is not None and not answer.exists


def test_ports_are_srv_records_with_the_addresses_beside_them(cluster: Zone) -> None:
    answer = cluster.lookup(f"_http._tcp.web.default.{SVC}", "SRV")
    assert answer is not None
    assert [record.data for record in answer.records] == [(0, 100, 80, f"web.default.{SVC}")]
    assert [(one.name, one.data) for one in answer.extra] == [(f"web.default.{SVC}", "10.96.0.5")]
    answer = cluster.lookup(f"_http._tcp.db.default.{SVC}", "SRV")
    assert answer is not None
    assert [record.data for record in answer.records] == [
        (0, 50, 8080, f"db-0.db.default.{SVC}"),
        (0, 50, 8080, f"10-244-0-3.db.default.{SVC}"),
    ]
    assert data(cluster, f"_dns._udp.web.default.{SVC}", "SRV") == [(0, 100, 53, f"web.default.{SVC}")]
    assert len(data(cluster, f"web.default.{SVC}", "SRV")) == 2
    wrong = cluster.lookup(f"_http._udp.web.default.{SVC}", "SRV")
    assert wrong is not None and not wrong.exists


def test_an_external_name_is_an_alias(cluster: Zone) -> None:
    answer = cluster.lookup(f"out.default.{SVC}", "A")
    assert answer is not None
    assert answer.alias == "example.org"


def test_pods_have_names_by_address(cluster: Zone) -> None:
    assert data(cluster, "10-244-0-9.default.pod.cluster.local", "A") == ["10.244.0.9"]
    assert data(cluster, "fd00--9.default.pod.cluster.local", "AAAA") == ["fd00::9"]
    answer = cluster.lookup("web-0.default.pod.cluster.local", "A")
    assert answer is not None and not answer.exists


def test_addresses_lead_back_to_names(cluster: Zone) -> None:
    assert data(cluster, "5.0.96.10.in-addr.arpa", "PTR") == [f"web.default.{SVC}"]
    assert data(cluster, "2.0.244.10.in-addr.arpa", "PTR") == [f"db-0.db.default.{SVC}"]
    assert data(cluster, ".".join(reversed("fd000000000000000000000000000006")) + ".ip6.arpa", "PTR") == [
        f"both.default.{SVC}"
    ]
    unknown = cluster.lookup("9.9.96.10.in-addr.arpa", "PTR")
    assert unknown is not None and not unknown.exists
    assert cluster.lookup("1.2.0.192.in-addr.arpa", "PTR") is None


def test_names_between_exist_without_records(cluster: Zone) -> None:
    for name in ("cluster.local", SVC, f"default.{SVC}", f"_tcp.web.default.{SVC}"):
        assert data(cluster, name, "A") == []
    assert data(cluster, "dns-version.cluster.local", "TXT") == ["1.1.0"]
    assert data(cluster, "cluster.local", "NS") == ["ns.dns.cluster.local"]


def test_what_is_not_there_does_not_exist(cluster: Zone) -> None:
    for name in (f"no.default.{SVC}", f"web.no.{SVC}", "web.cluster.local", f"a.b.c.d.e.{SVC}", f"no.{SVC}"):
        answer = cluster.lookup(name, "A")
        assert answer is not None and not answer.exists, name


def test_other_names_are_for_others(cluster: Zone) -> None:
    assert cluster.lookup("example.org", "A") is None
    assert cluster.lookup("notcluster.local", "A") is None
    assert cluster.lookup("", "NS") is None
