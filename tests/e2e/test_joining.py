"""A further machine joins with a token; here a network and mount namespace plays the machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, deployment, wait
from joined import Machine

from pybernetes.cluster import host_network, local_node

NAME = "joining"
NUMBER = 100


@pytest.fixture
def machine(cluster: Cluster, scratch: Path) -> Iterator[Machine]:
    """A place on the cluster's bridge with nothing running in it."""
    settings = cluster.settings
    place = local_node.Place(
        bridge=settings.bridge,
        number=NUMBER,
        address=host_network.node_address(settings.subnet, NUMBER),
        prefix_length=settings.subnet.prefixlen,
        gateway=host_network.gateway(settings.subnet),
        mtu=host_network.mtu(),
    )
    machine = Machine(cluster, scratch, NAME, place)
    yield machine
    machine.close()


def test_a_machine_joins_with_a_token_and_runs_pods(
    cluster: Cluster, web: str, namespace: str, machine: Machine
) -> None:
    with machine.node(web.partition("/")[0], "--node-labels", "place=elsewhere"):
        app = deployment("web", web)
        app["spec"]["template"]["spec"]["nodeSelector"] = {"place": "elsewhere"}
        cluster.apply(app, namespace=namespace)
        cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
        (pod,) = cluster.running_pods("app=web", namespace)
        assert pod["spec"]["nodeName"] == NAME
        assert cluster.fetch(pod["status"]["podIP"], "node-1").startswith("v1 ")
        wait(
            lambda: "v1" in cluster.kubectl("logs", "-n", namespace, "deploy/web").stdout,
            "the node's serving certificate is signed",
        )
        cluster.kubectl("delete", "deployment", "web", "-n", namespace)
        wait(lambda: not cluster.items("pods", "-n", namespace), "its pod is gone")


def test_a_machine_that_is_a_node_no_longer_is_as_it_was(
    cluster: Cluster, web: str, namespace: str, machine: Machine
) -> None:
    before = machine.traces()
    with machine.node(web.partition("/")[0], "--node-labels", "place=elsewhere"):
        app = deployment("web", web, 2)
        app["spec"]["template"]["spec"]["nodeSelector"] = {"place": "elsewhere"}
        closed = {"podSelector": {}, "policyTypes": ["Ingress"]}
        policy = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "closed"},
        }
        cluster.apply(app, policy | {"spec": closed}, namespace=namespace)
        cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
        tables = ("pybernetes-policy", "pybernetes-pods", "pybernetes-services")
        assert all(f"table ip {table}" in machine.traces() for table in tables)
        said = machine.run(*machine.cli, "down", "--node", NAME, "--data-dir", machine.data)
        assert f"kubectl delete node {NAME}" in said
    assert machine.traces() == before
    again = machine.run(*machine.cli, "down", "--node", NAME, "--data-dir", machine.data, "--purge")
    assert "is deleted" in again


def test_a_wrong_token_or_ca_is_refused_in_one_line(cluster: Cluster, machine: Machine) -> None:
    join = cluster.cli("token", "create", "--print-join-command").stdout.split()
    assert join[:2] == ["pybernetes", "node"]
    wrong = {
        "cannot prove": ("--token", "abcdef.0123456789abcdef"),
        "is not the one with": ("--ca-cert-hash", "sha256:" + "0" * 64),
    }
    for words, instead in wrong.items():
        command = machine.inside(*machine.cli, *join[1:], *instead)
        command += ["--name", NAME, "--data-dir", str(machine.folder / "refused")]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert result.returncode != 0
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
