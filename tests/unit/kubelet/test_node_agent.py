"""What the node's agent writes about the node, with a runtime that is well and an API that remembers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pybernetes.kubelet.node.agent import NodeAgent
from pybernetes.kubelet.options import KubeletOptions
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.tasks import Tasks


class Runtime:
    async def version(self) -> Any:
        return SimpleNamespace(runtime_name="containerd", runtime_version="v1")

    async def status(self) -> Any:
        return SimpleNamespace(conditions=())

    async def list_images(self) -> list[Any]:
        return []


class Api:
    """Keeps one node; amounts that are set to None are taken out."""

    def __init__(self) -> None:
        self.node: dict[str, Any] = {}
        self.version = 0

    def _answer(self) -> dict[str, Any]:
        self.version += 1
        metadata = {**self.node["metadata"], "resourceVersion": str(self.version)}
        self.node = {**self.node, "metadata": metadata}
        return self.node

    async def create(self, kind: Any, node: dict[str, Any]) -> dict[str, Any]:
        self.node = node
        return self._answer()

    async def patch(
        self, kind: Any, namespace: None, name: str, body: dict[str, Any], **options: Any
    ) -> dict[str, Any]:
        status = dict(self.node["status"])
        for field, value in body["status"].items():
            if field in ("capacity", "allocatable"):
                merged = {**status[field], **value}
                value = {name: amount for name, amount in merged.items() if amount is not None}
            status[field] = value
        self.node = {**self.node, "status": status}
        return self._answer()

    def offer(self, **resources: str | None) -> dict[str, Any]:
        """Somebody else changes the capacity."""
        named = {f"example.com/{name}": amount for name, amount in resources.items()}
        capacity = {**self.node["status"]["capacity"], **named}
        kept = {name: amount for name, amount in capacity.items() if amount is not None}
        self.node = {**self.node, "status": {**self.node["status"], "capacity": kept}}
        return self._answer()


async def test_extended_resources_in_the_capacity_become_allocatable_and_go_again(tmp_path: Path) -> None:
    api, clock, tasks = Api(), VirtualClock(), Tasks("agent")
    options = KubeletOptions(node_name="n1", root=tmp_path, socket=tmp_path / "s")
    agent = NodeAgent(api, Runtime(), clock, options, lambda: 10250, lambda *_: None)
    await agent.register()
    tasks.spawn(agent.run_status(), "status")
    await clock.settle()
    agent.node_changed(api.offer(gpu="3"))
    await clock.settle()
    assert api.node["status"]["allocatable"]["example.com/gpu"] == "3"
    agent.node_changed(api.offer(gpu="4"))
    await clock.settle()
    assert api.node["status"]["allocatable"]["example.com/gpu"] == "4"
    version = api.version
    agent.node_changed(api.node)
    await clock.settle()
    assert api.version == version
    agent.node_changed(api.offer(gpu=None))
    await clock.settle()
    assert "example.com/gpu" not in api.node["status"]["allocatable"]
    await tasks.close()
