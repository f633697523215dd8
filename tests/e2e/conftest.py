"""One real cluster of two nodes for all end-to-end tests, made by the real commands on a scratch directory.

Every test gets a namespace of its own. When the session ends the cluster is taken down, and the machine
must be as it was before.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster
from machine import forwarding_alone, traces
from registry import Registry, image

from pybernetes.cluster import doctor, host_network
from pybernetes.cluster.waiting import until

NEEDS = ("docker-registry", "busybox", "lsns")

SHORT_TIMES = (
    *("--node-monitor-grace-period", "8s", "--node-monitor-period", "1s", "--node-eviction-rate", "10"),
    *("--node-status-update-frequency", "2s"),
)


@pytest.fixture(scope="session")
def able() -> None:
    """Skip where nodes cannot be: without root or without the packages that `scripts/test` installs."""
    if os.geteuid() != 0:
        pytest.skip("end-to-end tests need root")
    missing = [*doctor.missing_packages(), *(program for program in NEEDS if shutil.which(program) is None)]
    if missing:
        pytest.skip(f"end-to-end tests need {', '.join(missing)}: run scripts/test")


@pytest.fixture(scope="session")
def scratch(able: None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pybernetes-e2e-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(scratch: Path) -> Iterator[Cluster]:
    cluster = Cluster(f"e2e-{os.getpid()}", scratch / "data")
    forwarding = forwarding_alone()
    try:
        cluster.cli("up", "--nodes", "2", *SHORT_TIMES)
        bridge = cluster.settings.bridge
        assert set(traces(cluster.layout, bridge)) >= {
            "interfaces",
            "mounts",
            "tables",
            "control groups",
            "processes",
        }
        yield cluster
    finally:
        cluster.cli("down", "--purge")
    assert until(lambda: not traces(cluster.layout, bridge), 10), (
        f"left behind: {traces(cluster.layout, bridge)}"
    )
    assert not cluster.layout.data.exists()
    if forwarding is not None and forwarding_alone() is not None:
        assert forwarding_alone() == forwarding


@pytest.fixture(scope="session")
def registry(cluster: Cluster, scratch: Path) -> Iterator[Registry]:
    address = host_network.gateway(cluster.settings.subnet)
    registry = Registry(scratch / "registry", f"{address}:5000")
    yield registry
    registry.close()


@pytest.fixture(scope="session")
def web(registry: Registry) -> str:
    """The image of a web server that answers "v1" and its host name."""
    return registry.push("web", "1", image("web", "v1"))


@pytest.fixture(scope="session")
def web2(registry: Registry) -> str:
    """The same, answering "v2"."""
    return registry.push("web", "2", image("web", "v2"))


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.node.name.replace("_", "-").removeprefix("test-")[:50].strip("-")
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add the ends of the cluster's logs to the report of a test that failed."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and isinstance(cluster, Cluster):
        report.sections.append(("cluster logs", cluster.tails()))
        everything = cluster.kubectl("get", "pods,events", "-A", "-o", "wide", check=False)
        report.sections.append(("kubectl get pods,events", everything.stdout[-6000:]))
    return report
