"""`kubectl expose` on a real cluster: by address, by name and from outside, and names of all kinds."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from cluster import FETCH, KUBECTL, Cluster, deployment, run, wait

DOMAIN = "svc.cluster.local"


def fetch(url: str) -> str:
    """What the host is answered."""
    return run([sys.executable, "-c", FETCH, url]).stdout.strip()


class Namespace:
    """A namespace with the deployment `web` of two pods, one a node, and the service `web` in front of it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name

    def kubectl(self, *arguments: str, **more: Any) -> str:
        return self.cluster.kubectl("-n", self.name, *arguments, **more).stdout

    def service(self, name: str) -> dict[str, Any]:
        return self.cluster.get("service", name, "-n", self.name)

    def address(self, name: str) -> str:
        return str(self.service(name)["spec"]["clusterIP"])

    def pods(self) -> dict[str, str]:
        """Node -> the name of its pod."""
        pods = self.cluster.running_pods("app=web", self.name)
        return {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in pods}

    def inside(self, *command: str) -> str:
        """Run in the pod of node-1."""
        return self.kubectl("exec", self.pods()["node-1"], "--", *command)

    def resolve(self, name: str, kind: str = "a") -> list[str]:
        """What nslookup finds in a pod; it follows the search path for names without a dot."""
        kinds = [] if kind == "ptr" else [f"-type={kind}"]
        command = ["/bin/busybox", "nslookup", *kinds, name]
        found = self.cluster.kubectl(
            "exec", "-n", self.name, self.pods()["node-1"], "--", *command, check=False
        )
        _, _, answer = found.stdout.partition("\n\n")
        return re.findall(r"(?:Address: |canonical name = |name = |service = )(.+)", answer)


@pytest.fixture(scope="module")
def web_namespace(cluster: Cluster, web: str) -> Iterator[Namespace]:
    name = "services"
    cluster.kubectl("create", "namespace", name)
    found = Namespace(cluster, name)
    cluster.apply(deployment("web", web, 2), namespace=name)
    found.kubectl("expose", "deployment", "web", "--port=80", "--target-port=8080")
    found.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
    assert found.pods().keys() == {"node-1", "node-2"}
    yield found
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_a_service_answers_pods_and_nodes_by_its_address(web_namespace: Namespace) -> None:
    url = f"http://{web_namespace.address('web')}/"
    wanted = {f"v1 {name}" for name in web_namespace.pods().values()}
    for _ in range(3):
        assert web_namespace.inside("wget", "-q", "-O", "-", url).strip() in wanted
    for node in ("node-1", "node-2"):
        command = [sys.executable, "-c", FETCH, url]
        answers = {web_namespace.cluster.on_node(node, *command).strip() for _ in range(12)}
        assert answers == wanted


def test_services_have_names_in_every_pod(web_namespace: Namespace) -> None:
    address = web_namespace.address("web")
    for name in ("web", f"web.services.{DOMAIN}"):
        assert web_namespace.resolve(name) == [address]
    assert web_namespace.resolve(f"kubernetes.default.{DOMAIN}.") == ["10.96.0.1"]
    assert web_namespace.resolve(f"_https._tcp.kubernetes.default.{DOMAIN}", "srv") == [
        f"0 100 443 kubernetes.default.{DOMAIN}"
    ]
    assert web_namespace.resolve(address, "ptr") == [f"web.services.{DOMAIN}"]
    assert web_namespace.resolve("nobody") == []


def test_a_node_port_and_a_load_balancer_answer_the_host(web_namespace: Namespace) -> None:
    expose = ["expose", "deployment", "web", "--port=80", "--target-port=8080"]
    web_namespace.kubectl(*expose, "--name=outer", "--type=LoadBalancer")
    wanted = {f"v1 {name}" for name in web_namespace.pods().values()}
    wait(lambda: web_namespace.service("outer")["status"]["loadBalancer"]["ingress"], "an address", 10)
    service = web_namespace.service("outer")
    (ingress,) = service["status"]["loadBalancer"]["ingress"]
    port = service["spec"]["ports"][0]["nodePort"]
    nodes = [
        address["address"]
        for node in web_namespace.cluster.items("nodes")
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    ]
    for url in (f"http://{ingress['ip']}/", *(f"http://{node}:{port}/" for node in nodes)):
        wait(lambda url=url: fetch(url) in wanted, f"an answer at {url}", 10)
        assert {fetch(url) for _ in range(16)} == wanted


def test_pods_of_a_headless_service_have_names(web_namespace: Namespace, web: str) -> None:
    labels = {"app": "db"}
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "hostname": name,
                "subdomain": "db",
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "c", "image": web}],
            },
        }
        for name in ("db-0", "db-1")
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "db"},
        "spec": {"clusterIP": "None", "selector": labels, "ports": [{"name": "http", "port": 8080}]},
    }
    web_namespace.cluster.apply(service, *pods, namespace=web_namespace.name)
    web_namespace.kubectl("wait", "--for=condition=Ready", "pod/db-0", "pod/db-1", "--timeout=60s")
    addresses = {
        pod["metadata"]["name"]: pod["status"]["podIP"]
        for pod in web_namespace.cluster.running_pods("app=db", web_namespace.name)
    }
    wait(lambda: len(web_namespace.resolve("db")) == 2, "both addresses", 10)
    assert set(web_namespace.resolve("db")) == set(addresses.values())
    for name, address in addresses.items():
        assert web_namespace.resolve(f"{name}.db.services.{DOMAIN}") == [address]
        assert web_namespace.resolve(address, "ptr") == [f"{name}.db.services.{DOMAIN}"]
    assert len(web_namespace.resolve(f"_http._tcp.db.services.{DOMAIN}", "srv")) == 2
    full = web_namespace.kubectl("exec", "db-0", "--", "cat", "/etc/hosts")
    assert f"db-0.db.services.{DOMAIN}" in full


def test_an_external_name_is_an_alias(web_namespace: Namespace) -> None:
    target = f"kubernetes.default.{DOMAIN}"
    web_namespace.kubectl("create", "service", "externalname", "alias", f"--external-name={target}")
    wait(lambda: web_namespace.resolve("alias"), "the alias", 10)
    assert web_namespace.resolve("alias") == [target, "10.96.0.1"]


def test_dns_policies_make_resolv_conf(web_namespace: Namespace, web: str) -> None:
    search = f"search services.{DOMAIN} {DOMAIN} cluster.local"
    config = {
        "nameservers": ["192.0.2.53"],
        "searches": ["example.org"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    specs: dict[str, dict[str, Any]] = {
        "cluster": {},
        "host": {"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True},
        "plain": {"dnsPolicy": "Default"},
        "none": {"dnsPolicy": "None", "dnsConfig": config},
    }
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"dns-{name}"},
            "spec": {
                "containers": [{"name": "c", "image": web, "command": ["/bin/sleep", "600"]}],
                "terminationGracePeriodSeconds": 1,
                **spec,
            },
        }
        for name, spec in specs.items()
    ]
    web_namespace.cluster.apply(*pods, namespace=web_namespace.name)
    names = [f"pod/dns-{name}" for name in specs]
    web_namespace.kubectl("wait", "--for=condition=Ready", *names, "--timeout=60s")
    found = {
        name: web_namespace.kubectl("exec", f"dns-{name}", "--", "cat", "/etc/resolv.conf").splitlines()
        for name in specs
    }
    for name in ("cluster", "host"):
        assert "nameserver 10.96.0.10" in found[name]
        assert any(line.startswith(search) for line in found[name])
        assert "options ndots:5" in found[name]
    assert "nameserver 10.96.0.10" not in found["plain"]
    assert sorted(found["none"]) == ["nameserver 192.0.2.53", "options ndots:2 edns0", "search example.org"]


def test_a_service_without_endpoints_refuses_and_follows_the_pods(web_namespace: Namespace) -> None:
    web_namespace.kubectl("create", "service", "clusterip", "empty", "--tcp=80:8080")
    address = web_namespace.address("empty")
    probe = f"import socket; s = socket.socket(); s.settimeout(3); print(s.connect_ex(('{address}', 80)))"

    def outcome() -> str:
        return web_namespace.cluster.on_node("node-1", sys.executable, "-c", probe).strip()

    wait(lambda: outcome() == "111", "connections are refused", 10)
    web_namespace.kubectl("patch", "service", "empty", "-p", '{"spec": {"selector": {"app": "web"}}}')
    wait(lambda: outcome() == "0", "connections are answered", 10)


def test_port_forward_to_a_service(web_namespace: Namespace) -> None:
    command = [KUBECTL, "-n", web_namespace.name, "port-forward", "svc/web", ":80"]
    environment = web_namespace.cluster.environment
    forward = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert forward.stdout is not None
        match = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert match is not None
        assert fetch(f"http://127.0.0.1:{match[1]}/").startswith("v1 web-")
    finally:
        forward.terminate()
        forward.wait(10)


def test_host_ports_answer_on_the_pods_node(web_namespace: Namespace, web: str) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "host-port"},
        "spec": {
            "nodeName": "node-2",
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {"name": "c", "image": web, "ports": [{"containerPort": 8080, "hostPort": 54321}]}
            ],
        },
    }
    web_namespace.cluster.apply(pod, namespace=web_namespace.name)
    web_namespace.kubectl("wait", "--for=condition=Ready", "pod/host-port", "--timeout=60s")
    node = web_namespace.cluster.get("pod", "host-port", "-n", web_namespace.name)["status"]["hostIP"]
    wait(lambda: fetch(f"http://{node}:54321/") == "v1 host-port", "an answer at the host port", 10)
