"""A cluster with two address families: pods, services and names have addresses of both, and nothing is left of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster, CommandFailed, deployment, run, wait
from machine import traces
from registry import Registry, image

from pybernetes.cluster import host_network
from pybernetes.cluster.local_cluster import IPV6_FORWARDING_MEMORY

SERVICES = "10.96.0.0/16,fd00:10:96::/112"
PODS = "10.251.0.0/16,fd00:10:251::/56"
FORWARDING = Path("/proc/sys/net/ipv6/conf/all/forwarding")

pytestmark = pytest.mark.skipif(not host_network.has_ipv6(), reason="this machine has no IPv6")


@pytest.fixture(scope="module")
def dual(scratch: Path) -> Iterator[Cluster]:
    """Two nodes, with a pod of the deployment `web` on each."""
    cluster = Cluster(f"dual-{os.getpid()}", scratch / "dual")
    forwarding = FORWARDING.read_text()
    registry = None
    bridge = ""
    try:
        ranges = ("--service-cluster-ip-range", SERVICES, "--cluster-cidr", PODS)
        cluster.cli("up", "--nodes", "2", *ranges)
        bridge = cluster.settings.bridge
        address = host_network.gateway(cluster.settings.subnet)
        registry = Registry(scratch / "dual-registry", f"{address}:5000")
        web = deployment("web", registry.push("web", "1", image("web", "v1")), 2)
        spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
        web["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
            {**spread, "labelSelector": {"matchLabels": {"app": "web"}}}
        ]
        cluster.apply(web)
        wait(lambda: len(cluster.running_pods("app=web", "default")) == 2, "two pods")
        yield cluster
    finally:
        if registry is not None:
            registry.close()
        cluster.cli("down", "--purge")
    wait(lambda: not _traces(cluster, bridge), "nothing left behind")
    tables = run(["nft", "list", "tables"]).stdout
    assert cluster.layout.table not in tables.split()
    if not IPV6_FORWARDING_MEMORY.exists():  # another cluster's, otherwise
        assert FORWARDING.read_text() == forwarding


def _traces(cluster: Cluster, bridge: str) -> dict[str, list[str]]:
    try:
        return traces(cluster.layout, bridge)
    except subprocess.CalledProcessError as error:
        # lsns does not take it well that processes of others end while it looks.
        raise CommandFailed(str(error)) from error


def pods(cluster: Cluster) -> list[dict[str, Any]]:
    return cluster.running_pods("app=web", "default")


def six(pod: dict[str, Any]) -> str:
    return str(pod["status"]["podIPs"][1]["ip"])


def inside(cluster: Cluster, pod: dict[str, Any], script: str) -> str:
    return cluster.kubectl("exec", pod["metadata"]["name"], "--", "sh", "-c", script).stdout


def asked(cluster: Cluster, pod: dict[str, Any], address: str, port: int) -> str:
    """What the pod is answered over HTTP; busybox's wget does not take IPv6 literals."""
    request = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {address} {port}"
    return inside(cluster, pod, request).splitlines()[-1]


def service(cluster: Cluster, name: str, **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": 8080}]
    given = {"ipFamilyPolicy": "RequireDualStack", "selector": {"app": "web"}, "ports": ports, **spec}
    cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": given})
    return cluster.get("service", name)["spec"]


def test_nodes_and_pods_have_addresses_of_both_families(dual: Cluster) -> None:
    for node in dual.items("nodes"):
        internal = [one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"]
        assert [":" in one for one in internal] == [False, True]
        assert [cidr.rpartition("/")[2] for cidr in node["spec"]["podCIDRs"]] == ["24", "64"]
    for pod in pods(dual):
        for field in ("podIPs", "hostIPs"):
            assert [":" in one["ip"] for one in pod["status"][field]] == [False, True]


def test_pods_reach_each_other_and_the_host_reaches_them(dual: Cluster) -> None:
    one, other = pods(dual)
    assert asked(dual, one, six(other), 8080) == f"v1 {other['metadata']['name']}"
    assert dual.fetch(f"[{six(one)}]") == f"v1 {one['metadata']['name']}"


def test_a_service_answers_at_both_addresses_and_on_nodes(dual: Cluster) -> None:
    spec = service(dual, "both", type="NodePort")
    assert spec["ipFamilies"] == ["IPv4", "IPv6"]
    names = {f"v1 {pod['metadata']['name']}" for pod in pods(dual)}
    for address in spec["clusterIPs"]:
        wait(lambda at=address: asked(dual, pods(dual)[0], at, 80) in names, f"an answer at {address}")
    slices = dual.items("endpointslices", "-l", "kubernetes.io/service-name=both")
    assert sorted(piece["addressType"] for piece in slices) == ["IPv4", "IPv6"]
    subnet = host_network.subnet6_of(dual.settings.subnet)
    port = spec["ports"][0]["nodePort"]
    for number in (1, 2):
        node = host_network.node_address(subnet, number)
        assert run(["curl", "-sgm", "5", f"http://[{node}]:{port}/"]).stdout.strip() in names


def test_names_have_addresses_of_both_families(dual: Cluster) -> None:
    spec = service(dual, "named")
    service(dual, "headless", clusterIP="None")
    pod = pods(dual)[0]
    wanted = {"named": [spec["clusterIPs"][1]], "headless": sorted(map(six, pods(dual)))}
    for name, addresses in wanted.items():
        query = f"/bin/busybox nslookup -type=aaaa {name}.default.svc.cluster.local fd00:10:96::a"

        def found(query: str = query) -> list[str]:
            lines = inside(dual, pod, query).splitlines()
            return sorted(line.split()[1] for line in lines if line.startswith("Address: "))

        wait(lambda all_of=addresses, found=found: found() == all_of, f"{name}: {addresses}")


def test_a_second_address_comes_and_goes(dual: Cluster) -> None:
    spec = service(dual, "changing", ipFamilyPolicy="SingleStack")
    assert len(spec["clusterIPs"]) == 1
    slices = ("endpointslices", "-l", "kubernetes.io/service-name=changing")
    for policy, count in (("PreferDualStack", 2), ("SingleStack", 1)):
        patch = f'{{"spec": {{"ipFamilyPolicy": "{policy}"}}}}'
        dual.kubectl("patch", "service", "changing", "-p", patch)
        addresses = dual.get("service", "changing")["spec"]["clusterIPs"]
        assert len(addresses) == count and addresses[0] == spec["clusterIP"]
        wait(lambda n=count: len(dual.items(*slices)) == n, f"{count} slices")
