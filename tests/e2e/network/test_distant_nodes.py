"""Machines in other subnets, behind a router that knows no pods, join: all pods reach each other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, deployment, run, wait
from joined import Machine

from pybernetes.cluster import local_node

DEVICE = "pyb-overlay"
LARGE = 400_000
"""Bytes that take more than one packet."""


class Site:
    """Two subnets, each a bridge of this machine, and a namespace that routes between them and the cluster's."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.bridge = cluster.settings.bridge
        number = int(cluster.settings.bridge_subnet.split(".")[2])
        self.subnets = [f"10.198.{2 * number + one}" for one in (0, 1)]
        self.router = f"pyb-router-{os.getpid()}"
        self.bridges = [f"pyt{number}-{one}" for one in (0, 1)]
        here = str(cluster.settings.subnet[250])
        run(["ip", "netns", "add", self.router])
        self._join(self.bridge, f"{self.bridge}-router", "up0", f"{here}/24")
        self.in_router("ip", "route", "add", "default", "via", str(cluster.settings.subnet[1]))
        self.in_router("sysctl", "-qw", "net.ipv4.ip_forward=1")
        for number, (bridge, subnet) in enumerate(zip(self.bridges, self.subnets, strict=True)):
            run(["ip", "link", "add", bridge, "up", "type", "bridge"])
            self._join(bridge, f"{bridge}-r", f"sub{number}", f"{subnet}.1/24")
            run(["ip", "route", "add", f"{subnet}.0/24", "via", here, "dev", self.bridge])

    def _join(self, bridge: str, outer: str, inner: str, address: str) -> None:
        pair = ["type", "veth", "peer", "name", inner, "netns", self.router]
        run(["ip", "link", "add", outer, "master", bridge, "up", *pair])
        self.in_router("ip", "addr", "add", address, "dev", inner)
        self.in_router("ip", "link", "set", inner, "up")

    def in_router(self, *command: str) -> str:
        return run(["ip", "netns", "exec", self.router, *command]).stdout

    def place(self, number: int) -> local_node.Place:
        subnet = self.subnets[number]
        return local_node.Place(self.bridges[number], 1, f"{subnet}.11", 24, f"{subnet}.1", 1500)

    def close(self) -> None:
        for subnet in self.subnets:
            run(["ip", "route", "del", f"{subnet}.0/24", "dev", self.bridge], check=False)
        run(["ip", "netns", "del", self.router], check=False)
        for name in (f"{self.bridge}-router", *self.bridges):
            run(["ip", "link", "del", name], check=False)


@pytest.fixture
def site(cluster: Cluster) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        site = object.__new__(Site)
        stack.callback(lambda: site.close())
        site.__init__(cluster)  # type: ignore[misc]
        yield site


@pytest.fixture
def machines(cluster: Cluster, site: Site, scratch: Path) -> Iterator[list[Machine]]:
    with contextlib.ExitStack() as stack:
        found = []
        for number in (0, 1):
            machine = Machine(cluster, scratch, f"{site.bridges[number]}-far", site.place(number))
            stack.callback(machine.close)
            found.append(machine)
        yield found


def test_pods_in_three_subnets_reach_each_other(
    cluster: Cluster, web: str, namespace: str, machines: list[Machine]
) -> None:
    registry = web.partition("/")[0]
    first, second = machines
    labels = ("--node-labels", "place=far")
    with first.node(registry, *labels), second.node(registry, *labels):
        app = deployment("web", web, 4)
        term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": app["spec"]["selector"]}
        app["spec"]["template"]["spec"]["affinity"] = {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        }
        cluster.apply(app, namespace=namespace)
        cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
        pods = cluster.running_pods("app=web", namespace)
        assert {pod["spec"]["nodeName"] for pod in pods} == {"node-1", "node-2", first.name, second.name}

        def reached(source: dict[str, object], address: str) -> str:
            name = source["metadata"]["name"]  # type: ignore[index]
            command = ["wget", "-q", "-O", "-", f"http://{address}:8080/"]
            return cluster.kubectl("exec", "-n", namespace, name, "--", *command).stdout.strip()

        for source in pods:
            for other in pods:
                wait(
                    lambda source=source, other=other: (  # type: ignore[misc]
                        reached(source, other["status"]["podIP"]) == f"v1 {other['metadata']['name']}"
                    ),
                    f"the pod on {source['spec']['nodeName']} reaches that on {other['spec']['nodeName']}",
                    15,
                )

        by_node = {pod["spec"]["nodeName"]: pod for pod in pods}
        far = by_node[second.name]
        make = f"dd if=/dev/zero of=/tmp/www/large bs={LARGE} count=1"
        cluster.kubectl("exec", "-n", namespace, far["metadata"]["name"], "--", "sh", "-c", make)
        fetch = (
            f"wget -q -O - http://{far['status']['podIP']}:8080/large | dd of=/dev/null bs=1 2>&1 | head -n 1"
        )
        for node in ("node-1", first.name):
            name = by_node[node]["metadata"]["name"]
            answer = cluster.kubectl("exec", "-n", namespace, name, "--", "sh", "-c", fetch).stdout
            assert answer.startswith(f"{LARGE}+0"), answer

        cluster.kubectl("expose", "deployment", "web", "-n", namespace, "--port=80", "--target-port=8080")
        service = cluster.get("service", "web", "-n", namespace)["spec"]["clusterIP"]
        wanted = {f"v1 {pod['metadata']['name']}" for pod in pods}
        for node in pods:
            found: set[str] = set()

            def all_answer(node: dict[str, object] = node, found: set[str] = found) -> bool:
                name = node["metadata"]["name"]  # type: ignore[index]
                command = ["wget", "-q", "-O", "-", f"http://{service}/"]
                found.add(cluster.kubectl("exec", "-n", namespace, name, "--", *command).stdout.strip())
                return found == wanted

            wait(all_answer, f"all pods answer {node['spec']['nodeName']} by the service", 30)

        # Between subnets by the VXLAN, within one by a route; no node was started anew for it.
        near = cluster.on_node("node-1", "ip", "route", "show", "proto", "139").splitlines()
        assert len(near) == 3 and sum(DEVICE in line for line in near) == 2
        assert all(DEVICE in line for line in first.run("ip", "route", "show", "proto", "139").splitlines())
        assert "mtu 1450" in first.run("ip", "link", "show", DEVICE)
        cluster.kubectl("delete", "deployment", "web", "-n", namespace)
        wait(lambda: not cluster.items("pods", "-n", namespace), "all pods are gone")

    def gone() -> bool:
        left = cluster.on_node("node-1", "ip", "route", "show", "proto", "139").splitlines()
        return len(left) == 1 and DEVICE not in cluster.on_node("node-1", "ip", "link", "show")

    wait(gone, "the nodes that stay forget those that went", 15)
