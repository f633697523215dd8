"""A real cluster under test: the command `pybernetes`, kubectl, and what tests ask of both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pybernetes.cluster.layout import Layout
from pybernetes.cluster.local_cluster import ClusterSettings, require
from pybernetes.cluster.waiting import until

KUBECTL = (
    shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}") or "kubectl"
)


FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


class CommandFailed(AssertionError):
    """A command that should have worked did not; both its outputs are in the message."""


def run(
    command: list[str], *, stdin: str | None = None, timeout: float = 120, check: bool = True, **more: Any
) -> subprocess.CompletedProcess[str]:
    given: dict[str, Any] = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **given, **more)
    if check and result.returncode != 0:
        raise CommandFailed(
            f"{' '.join(command)}: exit code {result.returncode}\n{result.stdout}\n{result.stderr}".rstrip()
        )
    return result


class Cluster:
    """One cluster by name and data directory."""

    def __init__(self, name: str, data: Path) -> None:
        self.name = name
        self.layout = Layout.of(name, str(data))

    @property
    def settings(self) -> ClusterSettings:
        return require(self.layout)

    def cli(
        self, *arguments: str, timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """`pybernetes ARGUMENTS` for this cluster."""
        which = ["--name", self.name, "--data-dir", str(self.layout.data)]
        return run([sys.executable, "-m", "pybernetes.cli", *arguments, *which], timeout=timeout, check=check)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        command = [KUBECTL, *arguments]
        return run(command, stdin=stdin, timeout=timeout, check=check, env=self.environment)

    @property
    def environment(self) -> dict[str, str]:
        """For every kubectl: without a HOME it would keep its caches in the working directory."""
        own = {"KUBECONFIG": str(self.layout.admin_kubeconfig), "HOME": str(self.layout.data)}
        return {**os.environ, **own}

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get ARGUMENTS -o json`, decoded."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        return self.get(*arguments)["items"]

    def apply(self, *objects: dict[str, Any], namespace: str = "default") -> None:
        documents = "\n---\n".join(map(json.dumps, objects))
        self.kubectl("apply", "-n", namespace, "-f", "-", stdin=documents)

    def running_pods(self, selector: str, namespace: str) -> list[dict[str, Any]]:
        """The pods that are Ready and not being deleted."""
        pods = self.items("pods", "-n", namespace, "-l", selector)
        return [pod for pod in pods if ready(pod) and "deletionTimestamp" not in pod["metadata"]]

    def ready_nodes(self) -> set[str]:
        return {node["metadata"]["name"] for node in self.items("nodes") if ready(node)}

    def on_node(self, node: str, *command: str, timeout: float = 30, check: bool = True) -> str:
        """Run a command of this machine in a node's network."""
        paths = self.layout.node(node)
        return run(
            ["nsenter", f"--net={paths.network_namespace}", *command], timeout=timeout, check=check
        ).stdout

    def fetch(self, address: str, node: str | None = None) -> str:
        """What a pod answers on port 8080, asked from the host or from a node."""
        command = [sys.executable, "-c", FETCH, f"http://{address}:8080/"]
        return (self.on_node(node, *command) if node else run(command).stdout).strip()

    def tails(self, lines: int = 40) -> str:
        """The ends of all logs, for a test that failed."""
        texts = []
        for path in sorted(self.layout.logs.glob("*.log")):
            content = path.read_text(errors="replace").splitlines()[-lines:]
            texts.append(f"--- {path.name}\n" + "\n".join(content))
        return "\n".join(texts)


def ready(obj: dict[str, Any]) -> bool:
    conditions = obj.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def wait(condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait for something observable; what is not there and a command that fails count as not yet."""

    def held() -> bool:
        try:
            return bool(condition())
        except (CommandFailed, LookupError, ValueError, subprocess.TimeoutExpired):
            return False

    assert until(held, seconds, 0.1), f"not within {seconds:g} s: {what}"


def deployment(name: str, image: str, replicas: int = 1, **container: Any) -> dict[str, Any]:
    """A Deployment of one container that serves on port 8080, with a readiness probe."""
    labels = {"app": name}
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 2,
            "containers": [{"name": "web", "image": image, "readinessProbe": probe, **container}],
        },
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
