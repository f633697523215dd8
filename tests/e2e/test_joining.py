"""A further machine joins with a token; here a network and mount namespace plays the machine."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, deployment, ready, wait

from pybernetes.cluster import cgroups, host_network, local_node, machine_node, mounts
from pybernetes.cluster.layout import NodePaths

NAME = "joining"
NUMBER = 100


@pytest.fixture
def machine(cluster: Cluster, scratch: Path) -> Iterator[NodePaths]:
    """A place on the cluster's bridge with nothing running in it."""
    settings = cluster.settings
    paths = NodePaths(
        NAME, scratch / NAME, cluster.layout.run / NAME, scratch / NAME, cluster.layout.namespaces
    )
    place = local_node.Place(
        bridge=settings.bridge,
        number=NUMBER,
        address=host_network.node_address(settings.subnet, NUMBER),
        prefix_length=settings.subnet.prefixlen,
        gateway=host_network.gateway(settings.subnet),
        mtu=host_network.mtu(),
    )
    group = f"{cluster.layout.cgroup}/{NAME}"
    cgroups.create_node(group, 1000, 1 << 30)
    local_node.prepare(paths, place, group)
    yield paths
    cgroups.remove(group)
    local_node.forget(paths)
    mounts.unmount_all(scratch / NAME)
    shutil.rmtree(machine_node.RUN_ROOT / NAME, ignore_errors=True)
    with contextlib.suppress(OSError):
        machine_node.RUN_ROOT.rmdir()


def test_a_machine_joins_with_a_token_and_runs_pods(
    cluster: Cluster, web: str, namespace: str, machine: NodePaths
) -> None:
    join = cluster.cli("token", "create", "--print-join-command").stdout.split()
    assert join[:2] == ["pybernetes", "node"]
    group = f"{cluster.layout.cgroup}/{NAME}"
    paths = machine_node.paths_of(NAME, str(machine.data / "data"))
    registry = paths.registries / web.partition("/")[0]
    registry.mkdir(parents=True)
    from pybernetes.cluster.containerd import plain_http_registry

    (registry / "hosts.toml").write_text(plain_http_registry(registry.name))
    command = [
        *local_node.enter(machine),
        *(sys.executable, "-m", "pybernetes.cli", *join[1:]),
        *("--name", NAME, "--data-dir", str(paths.data), "--cgroup-root", group),
        *("--cluster-cidr", cluster.settings.cluster_cidr, "--node-labels", "place=elsewhere"),
        *("--node-status-update-frequency", "2s"),
    ]
    with open(cluster.layout.logs / "joining.log", "wb") as log:
        node = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        wait(lambda: ready(cluster.get("node", NAME)), "the machine is a Ready node")
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
    finally:
        node.terminate()
        node.wait(20)
        cluster.kubectl("delete", "node", NAME, check=False)


def test_a_wrong_token_or_ca_is_refused_in_one_line(cluster: Cluster, machine: NodePaths) -> None:
    join = cluster.cli("token", "create", "--print-join-command").stdout.split()
    wrong = {
        "cannot prove": [*join[:5], "abcdef.0123456789abcdef"],
        "is not the one with": [*join[:-1], "sha256:" + "0" * 64],
    }
    for words, arguments in wrong.items():
        command = [*local_node.enter(machine), sys.executable, "-m", "pybernetes.cli", *arguments[1:]]
        command += ["--name", NAME, "--data-dir", str(machine.data / "refused")]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert result.returncode != 0
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
