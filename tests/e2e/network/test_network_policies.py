"""Network policies on a real cluster: pods on one node and on two, services, and pods that come under a policy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cluster import Cluster, wait

Object = dict[str, Any]

SOON = 1.0
"""Seconds within which a policy is to be in force."""


def pod(name: str, image: str, node: str, **spec: Any) -> Object:
    container = {"name": "web", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 1,
            "containers": [{**container, **spec.pop("container", {})}],
            **spec,
        },
    }


def policy(name: str, app: str, **rules: Any) -> Object:
    types = [word.capitalize() for word in rules]
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": types, **rules}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def app(name: str) -> Object:
    return {"podSelector": {"matchLabels": {"app": name}}}


class Pods:
    """`web` and `near` on one node, `far` on the other; `stranger` in another namespace."""

    def __init__(self, cluster: Cluster, namespace: str, image: str) -> None:
        self.cluster, self.namespace, self.image = cluster, namespace, image
        cluster.apply(
            pod("web", image, "node-1"),
            pod("near", image, "node-1"),
            pod("far", image, "node-2"),
            namespace=namespace,
        )
        self.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")

    def kubectl(self, *arguments: str, **more: Any) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments, **more).stdout

    def address(self, name: str) -> str:
        return str(self.cluster.get("pod", name, "-n", self.namespace)["status"]["podIP"])

    def reaches(self, name: str, address: str, port: int = 8080) -> bool:
        shell = f"nc -w 1 {address} {port} </dev/null >/dev/null 2>&1 && echo yes || echo no"
        return self.kubectl("exec", name, "--", "sh", "-c", shell).strip() == "yes"

    def apply(self, *objects: Object) -> None:
        self.cluster.apply(*objects, namespace=self.namespace)

    def comes_about(self, name: str, address: str, reaches: bool, port: int = 8080) -> None:
        """Within a second of now, apart from what one try takes."""
        what = f"{name} {'reaches' if reaches else 'does not reach'} {address}"
        since = time.monotonic()
        while True:
            asked = time.monotonic()
            if self.reaches(name, address, port) == reaches:
                return
            assert asked - since < SOON, f"not within {SOON:g} s: {what}"


@pytest.fixture
def pods(cluster: Cluster, namespace: str, web: str) -> Iterator[Pods]:
    yield Pods(cluster, namespace, web)


def test_policies_open_and_close_ways_between_pods_within_a_second(pods: Pods) -> None:
    web = pods.address("web")
    for name in ("near", "far"):
        assert pods.reaches(name, web)
    pods.apply(policy("closed", "web", ingress=[]))
    for name in ("near", "far"):
        pods.comes_about(name, web, False)
    assert pods.reaches("web", pods.address("near")), "a pod that nobody may reach reaches others"
    assert pods.reaches("web", web)

    pods.apply(policy("from-far", "web", ingress=[{"from": [app("far")], "ports": [{"port": "http"}]}]))
    pods.comes_about("far", web, True)
    assert not pods.reaches("near", web)
    assert not pods.reaches("far", web, 8081)
    pods.kubectl("label", "pod", "near", "app=far", "--overwrite")
    pods.comes_about("near", web, True)
    pods.kubectl("delete", "networkpolicy", "--all")
    pods.comes_about("far", web, True)


def test_services_lead_only_where_policies_let_them(pods: Pods) -> None:
    pods.kubectl("expose", "pod", "web", "--port=80", "--target-port=8080")
    service = pods.cluster.get("service", "web", "-n", pods.namespace)["spec"]["clusterIP"]
    for name in ("near", "far"):
        wait(lambda name=name: pods.reaches(name, service, 80), "the service answers", 10)
    pods.apply(policy("from-near", "web", ingress=[{"from": [app("near")]}]))
    pods.comes_about("far", service, False, 80)
    assert pods.reaches("near", service, 80)


def test_egress_holds_pods_back_but_not_from_their_node_and_its_dns(pods: Pods) -> None:
    pods.apply(policy("stay", "near", egress=[{"to": [app("far")]}]))
    pods.comes_about("near", pods.address("web"), False)
    assert pods.reaches("near", pods.address("far"))
    found = pods.kubectl(
        "exec", "near", "--", "/bin/busybox", "nslookup", "kubernetes.default.svc.cluster.local."
    )
    assert "10.96.0.1" in found


def test_probes_of_an_isolated_pod_go_on(pods: Pods) -> None:
    pods.apply(policy("closed", "probed", ingress=[], egress=[]))
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    pods.apply(
        pod("probed", pods.image, "node-2", container={"readinessProbe": probe, "livenessProbe": probe})
    )
    pods.kubectl("wait", "--for=condition=Ready", "pod/probed", "--timeout=30s")


def test_a_pod_is_isolated_before_its_first_container_runs(pods: Pods) -> None:
    pods.apply(policy("stay", "new", egress=[]))
    script = f"nc -w 1 {pods.address('web')} 8080 </dev/null && echo reached || echo held"
    inits = [{"name": "init", "image": pods.image, "command": ["sh", "-c", script]}]
    pods.apply(
        pod(
            "new",
            pods.image,
            "node-1",
            restartPolicy="Never",
            initContainers=inits,
            container={"command": ["true"]},
        )
    )
    pods.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/new", "--timeout=60s")
    assert pods.kubectl("logs", "new", "-c", "init").splitlines()[-1] == "held"


def test_nodes_without_isolated_pods_have_no_table(pods: Pods) -> None:
    def tables(node: str) -> list[str]:
        listed = json.loads(pods.cluster.on_node(node, "nft", "-j", "list", "tables"))["nftables"]
        return [one["table"]["name"] for one in listed if "table" in one]

    pods.apply(policy("closed", "web", ingress=[]))
    pods.comes_about("near", pods.address("web"), False)
    assert "pybernetes-policy" in tables("node-1")
    assert "pybernetes-policy" not in tables("node-2")
    pods.kubectl("delete", "networkpolicy", "--all")
    wait(lambda: "pybernetes-policy" not in tables("node-1"), "the table is gone", 5)
