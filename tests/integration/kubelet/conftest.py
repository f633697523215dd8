"""One containerd in one network namespace for all tests here, and a kubelet with an API server for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from api_server import TOKEN, Api, EventLog
from containerd_node import BUSYBOX, ContainerdNode, setns

from pybernetes.api.kinds import PODS
from pybernetes.client.factory import InformerFactory
from pybernetes.client.transport import Credentials, HttpTransport
from pybernetes.kubelet.kubelet import Kubelet
from pybernetes.kubelet.options import KubeletOptions
from pybernetes.kubelet.server.server import KubeletServer
from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.messages import Headers

IMAGE = BUSYBOX


def can_run_nodes() -> bool:
    return os.geteuid() == 0 and shutil.which("containerd") is not None and shutil.which("runc") is not None


@pytest.fixture(scope="session")
def containerd() -> Iterator[ContainerdNode]:
    if not can_run_nodes():
        pytest.skip("needs root, containerd and runc")
    directory = Path(tempfile.mkdtemp(prefix="pybernetes-kubelet-"))
    node = ContainerdNode(directory)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    setns(node.netns)
    try:
        yield node
    finally:
        setns(f"/proc/self/fd/{own}")
        os.close(own)
        node.close()
        shutil.rmtree(directory, ignore_errors=True)


class TestNode:
    """A kubelet and the API server that it speaks to."""

    __test__ = False

    def __init__(self, containerd: ContainerdNode, root: Path, name: str) -> None:
        self.api = Api(root)
        self.recorder = EventLog()
        self.containerd = containerd
        self.options = KubeletOptions(
            name,
            root,
            containerd.socket,
            node_ip="10.99.7.1",
            cgroup_parent=f"/pybernetes-test/{name}",
            cpu=2000,
            memory=2 << 30,
            cluster_dns=("10.96.0.10",),
            server_address="127.0.0.1",
            server_port=0,
            server_tls=False,
        )
        self.kubelet = self.new_kubelet()

    async def start(self) -> None:
        self.server = KubeletServer(self.kubelet)
        await self.server.start()
        await self.kubelet.start()
        credentials = Credentials(token=TOKEN)
        self.http = HttpTransport(f"http://127.0.0.1:{self.kubelet.port}", credentials=credentials)

    async def close(self) -> None:
        await self.http.close()
        await self.server.close()
        await self.kubelet.close()
        await self.informers.close()

    async def get(self, target: str) -> tuple[int, str]:
        answer = await self.http.request("GET", target, Headers())
        return answer.status, answer.body.decode()

    def new_kubelet(self) -> Kubelet:
        self.informers = InformerFactory(self.api, RealClock())
        self.kubelet = Kubelet(self.api, self.informers, self.recorder, self.options, RealClock())
        return self.kubelet

    async def run(self, name: str, *, command: list[str] | None = None, **spec: object) -> dict:
        """Create a pod on this node: one container `main` with this command, unless the spec says otherwise."""
        container = {"name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent"}
        if command is not None:
            container["command"] = command
        meta = {"name": name, "namespace": "default"}
        whole = {
            "nodeName": self.options.node_name,
            "containers": [container],
            "restartPolicy": "Always",
            **spec,
        }
        whole.setdefault("terminationGracePeriodSeconds", 1)
        pod = await self.api.create(PODS, {"metadata": meta, "spec": whole})
        await self.api.until(lambda: self.api.pod(name))
        return pod

    async def phase(self, name: str, phase: str, seconds: float = 20) -> dict:
        def met() -> dict | None:
            pod = self.api.pod(name)
            return pod["status"] if pod and pod["status"].get("phase") == phase else None

        return await self.api.until(met, seconds)

    async def ready(self, name: str, seconds: float = 20) -> dict:
        def met() -> dict | None:
            pod = self.api.pod(name)
            conditions = {c["type"]: c["status"] for c in (pod or {}).get("status", {}).get("conditions", [])}
            return pod["status"] if pod and conditions.get("Ready") == "True" else None

        return await self.api.until(met, seconds)

    async def gone(self, name: str, seconds: float = 20) -> None:
        await self.api.until(lambda: self.api.pod(name) is None, seconds)


@pytest_asyncio.fixture
async def node(
    containerd: ContainerdNode, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestNode]:
    root = Path(tempfile.mkdtemp(prefix="node-", dir=containerd.root))
    node = TestNode(containerd, root, "node-" + root.name[-6:].lower().replace("_", "x"))
    await node.api.start()
    await node.start()
    try:
        yield node
    finally:
        for pod in node.api.pods.list():
            if pod["metadata"]["uid"] in node.kubelet.workers:
                await node.api.delete(PODS, "default", pod["metadata"]["name"], grace_period_seconds=0)
        async with RealClock().timeout(30):
            while node.kubelet.workers:
                await RealClock().sleep(0.02)
        await node.close()
        await node.api.stop()
        node.kubelet.node.cgroups.remove_node()
        parent = node.options.cgroup_parent.strip("/")
        for hierarchy in node.kubelet.node.cgroups.hierarchies:
            for path in (hierarchy / parent, (hierarchy / parent).parent):
                if path.is_dir():
                    try:
                        path.rmdir()
                    except OSError:
                        continue
