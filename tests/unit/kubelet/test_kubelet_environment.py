"""Variables, fields, names: what a container sees."""

from __future__ import annotations

import base64

import pytest

from pybernetes.kubelet.environment import names, variables
from pybernetes.kubelet.environment.expansion import expand
from pybernetes.kubelet.environment.fields import FieldUnknown, pod_field, resource_field

POD = {
    "metadata": {"name": "web-0", "namespace": "shop", "uid": "u", "labels": {"app": "web", "b": 'q"q'}},
    "spec": {
        "nodeName": "n1",
        "containers": [
            {"name": "main", "resources": {"requests": {"cpu": "1500m"}, "limits": {"memory": "64Mi"}}}
        ],
    },
}
AROUND = {"ips": ("10.1.0.1", "fd00::1"), "host_ips": ("10.0.0.1",)}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$(A)", "1"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(NONE)", "$(NONE)"),
        ("a $(A) b $B $", "a 1 b $B $"),
        ("$(A", "$(A"),
    ],
)
def test_references_are_replaced_where_they_are_known(text, wanted):
    assert expand(text, {"A": "1"}) == wanted


def test_fields_of_the_pod():
    def field(path):
        return pod_field(POD, path, **AROUND)

    assert field("metadata.name") == "web-0"
    assert field("metadata.labels['app']") == "web"
    assert field("metadata.labels") == 'app="web"\nb="q\\"q"'
    assert field("status.podIPs") == "10.1.0.1,fd00::1"
    assert field("spec.serviceAccountName") == "default"
    with pytest.raises(FieldUnknown):
        field("spec.containers")


def test_resource_fields_are_rounded_up_to_the_divisor():
    def resource(name, divisor="1"):
        return resource_field(
            POD, {"resource": name, "divisor": divisor}, "main", {"cpu": 2000, "memory": 1 << 30}
        )

    assert resource("requests.cpu") == "2"
    assert resource("requests.cpu", "1m") == "1500"
    assert resource("limits.memory", "1Mi") == "64"
    assert resource("limits.cpu") == "2", "without a limit it is the node's"
    assert resource("requests.memory") == "0"


def build(container, objects=None, services=(), pod=POD):
    found = objects or {}
    return variables.build(
        pod, container, lambda kind, name: found.get((kind, name)), services, allocatable={}, **AROUND
    )


def test_the_order_of_sources():
    objects = {("configmap", "c"): {"data": {"A": "config", "B": "config"}}}
    container = {
        "name": "main",
        "envFrom": [{"configMapRef": {"name": "c"}}, {"configMapRef": {"name": "c"}, "prefix": "P_"}],
        "env": [{"name": "A", "value": "own"}, {"name": "C", "value": "$(A)/$(B)"}],
    }
    assert build(container, objects) == {
        "A": "own",
        "B": "config",
        "P_A": "config",
        "P_B": "config",
        "C": "own/config",
    }


def test_optional_sources_may_be_missing_and_others_may_not():
    optional = {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}
    assert build({"name": "main", "env": [{"name": "A", "valueFrom": optional}]}) == {}
    needed = {"secretKeyRef": {"name": "s", "key": "k"}}
    container = {"name": "main", "env": [{"name": "A", "valueFrom": needed}]}
    with pytest.raises(variables.ConfigurationMissing, match=r'^secret "s" not found$'):
        build(container)
    objects = {("secret", "s"): {"data": {"other": base64.b64encode(b"x").decode()}}}
    with pytest.raises(variables.ConfigurationMissing, match=r"^couldn't find key k in Secret shop/s$"):
        build(container, objects)


def service(name, namespace, ip="10.96.0.9"):
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip, "ports": ports}}


def test_services_of_the_namespace_become_variables():
    services = [
        service("my-db", "shop"),
        service("kubernetes", "default", "10.96.0.1"),
        service("x", "other"),
        service("h", "shop", "None"),
    ]
    found = build({"name": "main"}, services=services)
    assert found["MY_DB_SERVICE_HOST"] == "10.96.0.9"
    assert found["MY_DB_SERVICE_PORT_HTTP"] == "80"
    assert found["MY_DB_PORT_80_TCP"] == "tcp://10.96.0.9:80"
    assert found["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert not [name for name in found if name.startswith(("X_", "H_"))]
    without = {**POD, "spec": {**POD["spec"], "enableServiceLinks": False}}
    kept = build({"name": "main"}, services=services, pod=without)
    assert "MY_DB_SERVICE_HOST" not in kept
    assert "KUBERNETES_SERVICE_HOST" in kept


def test_the_resolver_follows_the_dns_policy():
    host = names.parse_resolv_conf("nameserver 1.1.1.1\nsearch corp.example\noptions ndots:2 edns0\n")
    cluster = names.resolver(POD, host, ("10.96.0.10",), "cluster.local")
    assert cluster.servers == ("10.96.0.10",)
    assert cluster.searches == (
        "shop.svc.cluster.local",
        "svc.cluster.local",
        "cluster.local",
        "corp.example",
    )
    assert cluster.options == ("ndots:5",)
    default = {**POD, "spec": {"dnsPolicy": "Default"}}
    assert names.resolver(default, host, ("10.96.0.10",), "cluster.local") == host
    own = {"nameservers": ["9.9.9.9"], "options": [{"name": "ndots", "value": "1"}]}
    none = {**POD, "spec": {"dnsPolicy": "None", "dnsConfig": own}}
    assert names.resolver(none, host, ("10.96.0.10",), "x") == names.Resolver(("9.9.9.9",), (), ("ndots:1",))
    on_host = {**POD, "spec": {"hostNetwork": True}}
    assert names.resolver(on_host, host, ("10.96.0.10",), "x") == host


def test_host_name_and_hosts_file():
    pod = {
        **POD,
        "spec": {
            "hostname": "db",
            "subdomain": "sub",
            "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}],
        },
    }
    assert names.hostname(POD, "node", "cluster.local") == "web-0"
    assert names.hostname(pod, "node", "cluster.local") == "db"
    fqdn = {**pod, "spec": {**pod["spec"], "setHostnameAsFQDN": True}}
    assert names.hostname(fqdn, "node", "cluster.local") == "db.sub.shop.svc.cluster.local"
    text = names.hosts_file(pod, ("10.1.0.1",), "cluster.local")
    assert text.startswith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
    assert "10.1.0.1\tdb.sub.shop.svc.cluster.local\tdb\n" in text
    assert text.endswith("# Entries added by HostAliases.\n1.2.3.4\ta\n")
